//! Decisions about deaths: pure, without clock, database or network.

pub mod death;
pub mod text;
