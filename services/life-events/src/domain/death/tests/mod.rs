//! Tests of the death case, and the desk they are played on.

mod desk;
mod episodes;
mod evidence;
mod matrix;
mod moves;
mod properties;
mod receipts;
mod reversal;
mod review;
mod story;

pub(super) use desk::{Desk, START, due, id, orders, said};
