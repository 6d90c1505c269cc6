//! The gate before every RPC: who calls, whether their roles allow it, whether there is room for one
//! more, one span, one count. An RPC without an action is refused.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use futures::future::BoxFuture;
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};
use tracing::Instrument;

use super::client::ON_BEHALF_OF;
use crate::authz::{Action, Caller, Role, development};
use crate::load::{self, Load};
use crate::problem::{Kind, Problem};
use crate::telemetry;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::trace_context::TRACEPARENT;

/// Services that everybody may call without an identity.
const OPEN: [&str; 2] = ["/grpc.health.v1.Health/", "/grpc.reflection."];

/// What stands at the door of one node.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Inner>);

struct Inner {
    actions: HashMap<&'static str, (&'static str, Action)>,
    load: Load,
    metrics: Arc<Metrics>,
}

impl Gate {
    /// For the actions of the node's services, each with the service's name; each service has at most
    /// `calls_at_once` in hand.
    pub(crate) fn new(
        actions: impl IntoIterator<Item = (&'static str, Action)>,
        calls_at_once: usize,
        metrics: Arc<Metrics>,
    ) -> Self {
        let actions: HashMap<_, _> = actions
            .into_iter()
            .map(|(service, action)| (action.method, (service, action)))
            .collect();
        let services = actions.values().map(|(service, _)| *service);
        Self(Arc::new(Inner {
            load: Load::of(services, calls_at_once),
            actions,
            metrics,
        }))
    }
}

impl<S> Layer<S> for Gate {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated {
            inner,
            gate: self.clone(),
        }
    }
}

/// A service behind the gate.
#[derive(Clone)]
pub(crate) struct Gated<S> {
    inner: S,
    gate: Gate,
}

impl<S> Service<http::Request<Body>> for Gated<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        let path = request.uri().path();
        if OPEN.iter().any(|open| path.starts_with(open)) {
            return Box::pin(self.inner.call(request));
        }
        let (service, action) = match self.gate.action(path) {
            Ok(found) => found,
            Err(problem) => return answer(problem),
        };
        let admitted = caller_of(&request, &action).and_then(|caller| {
            let place = self.gate.0.load.enter(service, &caller)?;
            Ok((caller, place))
        });
        let (caller, place) = match admitted {
            Ok(admitted) => admitted,
            Err(problem) => {
                self.gate.count(service, &action, problem.kind.code());
                return answer(problem);
            }
        };
        let span = span_of(service, &action, &request);
        request.extensions_mut().insert(caller);
        // The clone that was polled ready must be the one that is called.
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        let gate = self.gate.clone();
        Box::pin(
            async move {
                let response = explain(load::holding(place, inner.call(request)).await?);
                gate.count(service, &action, code_of(&response));
                Ok(response)
            }
            .instrument(span),
        )
    }
}

impl Gate {
    fn action(&self, path: &str) -> Result<(&'static str, Action), Problem> {
        let method = path.strip_prefix('/').unwrap_or(path);
        self.0.actions.get(method).copied().ok_or_else(|| {
            Problem::new(
                Kind::PermissionDenied,
                "NO_SUCH_METHOD",
                "no such method here",
                "没有该接口",
            )
        })
    }

    fn count(&self, service: &'static str, action: &Action, code: tonic::Code) {
        let code = format!("{code:?}");
        self.0
            .metrics
            .grpc_requests(service, action.method, code)
            .inc();
    }
}

fn answer(problem: Problem) -> BoxFuture<'static, Result<http::Response<Body>, Infallible>> {
    Box::pin(async move { Ok(Status::from(problem).into_http()) })
}

fn header<'r>(request: &'r http::Request<Body>, name: &str) -> Option<&'r str> {
    request
        .headers()
        .get(name)
        .and_then(|value| value.to_str().ok())
}

fn span_of(service: &'static str, action: &Action, request: &http::Request<Body>) -> tracing::Span {
    let method = action.method;
    let traceparent = header(request, TRACEPARENT);
    if !telemetry::keeps(traceparent) {
        return tracing::info_span!(target: telemetry::UNKEPT, "rpc", otel.name = method, service, method);
    }
    let span = tracing::info_span!("rpc", otel.name = method, service, method);
    telemetry::span_with_parent(span, traceparent)
}

fn caller_of(request: &http::Request<Body>, action: &Action) -> Result<Caller, Problem> {
    let token = header(request, "authorization")
        .ok_or_else(|| development::unauthenticated("no authorization"))?;
    let mut caller = development::caller(token)?;
    action.allow(&caller)?;
    // Only a service asks for others; what anybody else says about that is not believed.
    if caller.has(Role::Service)
        && let Some(token) = header(request, ON_BEHALF_OF)
    {
        caller.on_behalf_of = Some(development::caller(token)?.subject);
    }
    Ok(caller)
}

fn code_of(response: &http::Response<Body>) -> tonic::Code {
    let status = response
        .headers()
        .get("grpc-status")
        .map(|value| value.as_bytes());
    status.map_or(tonic::Code::Ok, tonic::Code::from_bytes)
}

/// What the transport itself refuses (too large, no protobuf) gets a reason and Chinese text too.
fn explain(response: http::Response<Body>) -> http::Response<Body> {
    if response.headers().contains_key("grpc-status-details-bin") {
        return response;
    }
    let problem = match code_of(&response) {
        tonic::Code::OutOfRange => Problem::field(
            "",
            "MESSAGE_TOO_LARGE",
            "the message is larger than allowed",
            "消息过大",
        ),
        tonic::Code::Internal => Problem::field(
            "",
            "MALFORMED",
            "the message cannot be decoded",
            "消息格式不正确",
        ),
        _ => return response,
    };
    Status::from(problem).into_http()
}
