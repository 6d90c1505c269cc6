//! What the service does when facts and merges arrive, on both deployments.

#[path = "../common/mod.rs"]
mod common;

mod deaths;
mod delivery;
mod home;
mod merges;
mod settlement;
mod together;
