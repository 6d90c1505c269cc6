//! What a command is.

use super::{Failure, UnitOfWork};
use crate::authz::Caller;
use crate::context::Context;

/// One change that somebody asks for. Run by [`Context::run`].
pub trait Command: Send + Sync + 'static {
    /// Stable name, for request ids, metrics and the audit record: the RPC's `Service/Method`, or the
    /// timer's or work kind's name.
    const NAME: &'static str;
    /// What neighbours answered before the transaction.
    type Asked: Send + Sync;
    /// What the caller is answered; remembered under the request id.
    type Answer: prost::Message + Default;

    /// Talks to neighbours. Has no transaction.
    fn ask(
        &self,
        cx: &Context,
        caller: &Caller,
    ) -> impl Future<Output = Result<Self::Asked, Failure>> + Send;

    /// Loads, decides, saves. Has no client. May run several times.
    fn apply(
        &self,
        uow: &mut UnitOfWork,
        asked: &Self::Asked,
    ) -> impl Future<Output = Result<Self::Answer, Failure>> + Send;
}

/// For commands that ask nobody.
pub type NothingAsked = ();
