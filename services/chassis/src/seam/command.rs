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

    /// Whether asking changes something at a neighbour. Then the first answer to the request is looked for before:
    /// a request id that is used again with other content must leave nothing behind there either.
    fn asking_writes(&self) -> bool {
        false
    }

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

/// A command of which several can share a transaction where that saves statements: loaded together, decided
/// one by one, saved together. Run by [`Context::run_together`]; what does not fit is run by itself.
pub trait SetCommand: Command {
    /// What neighbours answered before the transaction.
    type Heard: Send + Sync;
    /// What was loaded for the commands, and what is to be saved of them.
    type Set: Send;

    /// Talks to neighbours. Has no transaction.
    fn hear(
        &self,
        cx: &Context,
        caller: &Caller,
    ) -> impl Future<Output = Result<Self::Heard, Failure>> + Send;

    /// Loads what the commands are about.
    fn load(
        uow: &mut UnitOfWork,
        commands: &[(&Self, &Self::Heard)],
    ) -> impl Future<Output = Result<Self::Set, Failure>> + Send;

    /// Decides one. Nothing where it must be run by itself: because another of the set is about the same, or
    /// because it is not one of the simple ones. Then, and where it is refused, it has left nothing behind: not in the
    /// set, and nothing published or audited.
    fn apply_in(
        &self,
        uow: &mut UnitOfWork,
        heard: &Self::Heard,
        set: &mut Self::Set,
    ) -> impl Future<Output = Result<Option<Self::Answer>, Failure>> + Send;

    /// Saves what was decided, rows of one table in the order of what is unique in it: two sets must not wait for
    /// each other crosswise.
    fn save(
        uow: &mut UnitOfWork,
        set: Self::Set,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// For commands that ask nobody.
pub type NothingAsked = ();
