//! The RPCs on both deployments: what they do, what they refuse and why, who may.

mod commands;
#[path = "../common/mod.rs"]
mod common;
mod queries;
mod refusals;
mod requests;
