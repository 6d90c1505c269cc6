//! The gRPC API of residents, against a whole node, on both deployments.

#[path = "../common/mod.rs"]
mod common;

mod correction;
mod household;
mod kinship;
mod list;
mod matching;
mod registration;
mod review;
mod roles;
