//! The API of life-events: what it takes, what it refuses and why, who sees what.

mod clearance;
#[path = "../common/mod.rs"]
mod common;
mod decisions;
mod reading;
mod reports;
mod reports_at_once;
mod reversals;
mod review;
mod watching;
