//! The one seam. A command, a reaction, a due deadline and the completion of a work item are the
//! same thing: `ask` talks to neighbours and has no transaction, `apply` has a transaction and no
//! client. Only this module opens, commits and reruns.

mod command;
mod failure;
mod request;
mod run;
mod together;
mod unit_of_work;

pub use command::{Command, NothingAsked, SetCommand};
pub use failure::{Away, Failure};
pub use request::RequestKey;
pub(crate) use run::{MAX_RUNS, backoff};
pub use together::Together;
pub(crate) use unit_of_work::PendingAudit;
pub use unit_of_work::{Cause, UnitOfWork};
