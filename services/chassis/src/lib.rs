//! The library every service of Minzheng stands on (the "microservice chassis").
//!
//! A service is a [`module::Module`]: a name, its migrations, its gRPC services, its
//! subscriptions, timers and work items. Everything a service does to its own database runs
//! through one seam, [`seam::Command`] and [`inbox::Reaction`]: `ask` talks to neighbours and
//! has no transaction, `apply` has a transaction and no client. The chassis alone opens,
//! commits and reruns transactions.

pub mod audit;
pub mod authz;
mod breather;
pub mod bus;
pub mod calendar;
pub mod civil;
pub mod clock;
pub mod config;
pub mod context;
pub mod convert;
pub mod crypto;
pub mod db;
pub mod division;
pub mod failpoint;
pub mod grpc;
pub mod http;
pub mod identity;
pub mod inbox;
mod load;
pub mod module;
pub mod node;
pub mod operations;
pub mod outbox;
pub mod person;
pub mod problem;
pub mod receipt;
pub mod rule;
pub mod schema;
pub mod seam;
pub mod shutdown;
pub mod telemetry;
pub mod timer;
pub mod work;

#[cfg(feature = "testing")]
pub mod testing;
