//! How others reach this service: its RPCs, and what it listens to.

mod actions;
mod convert;
pub mod grpc;
pub mod subscriptions;

pub use actions::ACTIONS;
