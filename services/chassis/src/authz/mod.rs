//! Who calls, and what they may: one [`Action`] per RPC, in one table per service; deny by default.

pub mod action;
pub mod caller;
pub mod development;

pub use action::{Action, Audited};
pub use caller::{Caller, Role};
