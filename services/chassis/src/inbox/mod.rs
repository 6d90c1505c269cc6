//! The receiving side: subscriptions, their positions, and what becomes of an event that fails.
//!
//! At least once on the wire, exactly once in effect: the position, the inbox row and the effects
//! of an event are one transaction.

mod batch;
mod gaps;
pub(crate) mod held;
mod lane;
#[cfg(test)]
mod model;
mod positions;
mod prepare;
mod reaction;
mod retry;
mod runner;
mod slice;
pub(crate) mod stored;
mod subscription;
pub(crate) mod table;
mod take;

pub use reaction::{Event, Payload, Reaction, SetReaction};
pub use retry::Retrier;
pub use runner::Runner;
pub use subscription::{StartFrom, Subscription};
