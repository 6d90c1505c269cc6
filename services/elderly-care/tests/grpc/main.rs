//! What the service answers to calls, on both deployments.

#[path = "../common/mod.rs"]
mod common;

mod access;
mod facilities;
mod requests;
mod residence;
mod waiting;
