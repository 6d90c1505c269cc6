//! From a report to SETTLED: facts out, receipts in; records that residents decides; deadlines.

#[path = "../common/mod.rs"]
mod common;
mod deadlines;
mod receipts;
mod records;
