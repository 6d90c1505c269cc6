//! How residents is reached: its gRPC API, and what it listens to.

mod actions;
mod convert;
mod grpc;
pub mod subscriptions;

pub use actions::ACTIONS;
pub use grpc::Api;
