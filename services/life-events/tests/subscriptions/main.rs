//! From a report to SETTLED: facts out, receipts in; records that residents decides, persons who move;
//! deadlines; failures at every write.

#[path = "../common/mod.rs"]
mod common;
mod deadlines;
mod failures;
mod moves;
mod receipts;
mod records;
mod tables;
