//! The outbox: events lie in the database of the service that decided them until the bus has them.

mod cleaner;
mod floor;
mod lease;
mod passed;
mod relay;
mod table;
mod write;

pub(crate) use cleaner::clean;
pub use lease::{Lease, LeaseHolder};
pub use relay::Relay;
pub(crate) use table::{OutboxRow, discard_refused, find_refused, refused, send_again, status};
pub(crate) use write::{PendingEvent, write};

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
