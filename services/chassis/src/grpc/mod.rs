//! gRPC, the same for every service: identity and roles at the door, errors with details, page
//! tokens, etags, the clients of neighbours.

pub mod client;
pub mod etag;
pub mod feed;
pub(crate) mod gate;
mod health;
pub mod page;
pub mod server;

use tonic::{Request, Status};

use crate::authz::Caller;
use crate::authz::development::unauthenticated;
use crate::context::Context;

/// Who calls, as the gate has found.
///
/// # Errors
/// UNAUTHENTICATED; it cannot happen behind the gate.
pub fn caller<T>(request: &Request<T>) -> Result<Caller, Status> {
    let caller = request.extensions().get::<Caller>().cloned();
    caller.ok_or_else(|| unauthenticated("the call did not pass the gate").into())
}

/// The context of one service among those of the process.
pub(crate) fn named<'c>(
    contexts: &'c [Context],
    service: &str,
) -> impl Iterator<Item = &'c Context> {
    contexts
        .iter()
        .filter(move |cx| service.is_empty() || cx.name() == service)
}
