//! What comes in: calls and events.

mod actions;
mod convert;
mod grpc;
pub mod subscriptions;

pub use actions::ACTIONS;
pub use grpc::Api;
