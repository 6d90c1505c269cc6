//! Facilities, beds, stays, the waiting list and offers

pub mod domain;
