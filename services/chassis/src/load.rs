//! How much a service has in hand at once. Beyond what the database can do, one more call only makes
//! all others wait longer, until their callers give up and everything done for them is wasted: it is
//! refused at once, and its caller told when to try again.
//!
//! A call is in hand until its answer begins, so whoever watches holds no place; and a command that a
//! call began is in hand until it ends, also when its caller has hung up meanwhile: under an overload
//! callers do, and what they leave behind must not add up.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::authz::{Caller, Role};
use crate::problem::{Kind, Problem};

/// The places of each service.
pub(crate) struct Load(HashMap<&'static str, Arc<Semaphore>>);

/// A place that is taken until all copies of this are dropped; other services need none.
pub(crate) type Place = Option<Arc<OwnedSemaphorePermit>>;

tokio::task_local! {
    static PLACE: Place;
}

/// Runs a call that has a place.
pub(crate) async fn holding<T>(place: Place, call: impl Future<Output = T>) -> T {
    PLACE.scope(place, call).await
}

/// The place of the call that this runs in, for what may outlast it; none outside of calls.
pub(crate) fn place() -> Place {
    PLACE.try_with(Clone::clone).unwrap_or_default()
}

impl Load {
    /// So many places for each of these services.
    pub(crate) fn of(services: impl IntoIterator<Item = &'static str>, places: usize) -> Self {
        let with_places = |service| (service, Arc::new(Semaphore::new(places)));
        Self(services.into_iter().map(with_places).collect())
    }

    /// Takes a place for a call. Another service of the platform gets in without: what it asks for
    /// belongs to work begun elsewhere, which is bounded there, and a refusal would waste that.
    pub(crate) fn enter(&self, service: &str, caller: &Caller) -> Result<Place, Problem> {
        if caller.has(Role::Service) {
            return Ok(None);
        }
        let Some(places) = self.0.get(service) else {
            return Ok(None);
        };
        let place = places.clone().try_acquire_owned();
        place
            .map(|place| Some(Arc::new(place)))
            .map_err(|_| overloaded())
    }
}

fn overloaded() -> Problem {
    Problem::new(
        Kind::ResourceExhausted,
        "OVERLOADED",
        "the service has too many calls in hand; try again in a moment",
        "系统繁忙，请稍后重试",
    )
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::time::Duration;

    use http::{Request, Response};
    use tonic::Code;
    use tonic::body::Body;
    use tonic_types::StatusExt;
    use tower::{Layer, ServiceExt};

    use super::*;
    use crate::authz::{Action, Audited, development};
    use crate::grpc::gate::Gate;
    use crate::telemetry::metrics::Metrics;
    use crate::testing::reporter;

    const METHOD: &str = "test.v1.Notebook/Write";

    fn call(caller: &Caller) -> Request<Body> {
        Request::builder()
            .uri(format!("http://here/{METHOD}"))
            .header("authorization", development::token(caller))
            .body(Body::empty())
            .expect("a request")
    }

    fn status(answer: &Response<Body>) -> tonic::Status {
        let status = tonic::Status::from_header_map(answer.headers());
        status.unwrap_or_else(|| tonic::Status::ok(""))
    }

    /// One place: a second caller is refused at once and told why and when to come again, another
    /// service gets in, and once the first is answered the next is taken.
    #[tokio::test]
    async fn a_call_too_many_is_refused_at_once() {
        let action = Action {
            method: METHOD,
            roles: &[],
            audited: Audited::No,
        };
        let metrics = Arc::new(Metrics::new());
        let gate = Gate::new([("notebook", action)], 1, metrics.clone());
        let released = Arc::new(Semaphore::new(0));
        let waiting = released.clone();
        let inner = tower::service_fn(move |_: Request<Body>| {
            let waiting = waiting.clone();
            async move {
                let turn = waiting.acquire().await;
                turn.expect("open").forget();
                Ok::<_, Infallible>(Response::new(Body::empty()))
            }
        });
        let served = gate.layer(inner);
        let ask = |caller: &Caller| served.clone().oneshot(call(caller));
        let hospital = reporter("test.hospital", "52");

        let mut first = Box::pin(ask(&hospital));
        assert!(futures::poll!(&mut first).is_pending(), "it is in hand");
        let second = ask(&hospital).await.expect("an answer");
        let refusal = status(&second);
        assert_eq!(refusal.code(), Code::ResourceExhausted);
        let details = refusal.get_error_details();
        assert_eq!(details.error_info().expect("why").reason, "OVERLOADED");
        let again = details.retry_info().expect("when").retry_delay;
        assert_eq!(again, Some(Duration::from_secs(1)));

        let mut service = Box::pin(ask(&Caller::service("life-events")));
        assert!(futures::poll!(&mut service).is_pending(), "it is in hand");
        released.add_permits(2);
        assert_eq!(status(&first.await.expect("an answer")).code(), Code::Ok);
        assert_eq!(status(&service.await.expect("an answer")).code(), Code::Ok);
        released.add_permits(1);
        let third = ask(&hospital).await.expect("an answer");
        assert_eq!(status(&third).code(), Code::Ok);
        let counted = metrics.grpc_requests("notebook", METHOD, "ResourceExhausted");
        assert_eq!(counted.get(), 1);
    }

    /// Who hangs up gives the place back, unless a command of the call goes on.
    #[tokio::test]
    async fn a_place_is_free_again_once_nobody_holds_it() {
        let load = Load::of(["notebook"], 1);
        let hospital = reporter("test.hospital", "52");
        let taken = load.enter("notebook", &hospital).expect("a place");
        let command = holding(taken, async { place() }).await;
        assert!(command.is_some(), "the call is over, its command is not");
        assert!(load.enter("notebook", &hospital).is_err());
        drop(command);
        assert!(load.enter("notebook", &hospital).is_ok());
        let elsewhere = load.enter("elsewhere", &hospital);
        assert!(elsewhere.expect("unbounded").is_none());
        assert!(place().is_none());
    }
}
