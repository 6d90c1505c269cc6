//! The API of life-events: what it takes, what it refuses and why, who sees what.

#[path = "../common/mod.rs"]
mod common;
mod clearance;
mod decisions;
mod reading;
mod reports;
mod review;
