//! How life-events is reached: its gRPC API, and what it listens to.

mod actions;
mod convert;
mod grpc;
mod report;
pub mod subscriptions;

pub use actions::ACTIONS;
pub use grpc::Api;
