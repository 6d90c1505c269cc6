//! Trace context across gRPC and the bus, as W3C Trace Context's `traceparent`.
//!
//! Traces are sampled: never decide or order anything by them. What caused what is in the envelope (`ce_causationid`).

use std::sync::OnceLock;

use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{SpanContext, TraceContextExt};
use opentelemetry::{Context, TraceFlags};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::{OpenTelemetrySpanExt, SetParentError};

/// The header and the column that carry it.
pub const TRACEPARENT: &str = "traceparent";

/// Target of spans for the logs alone. One that is not kept would cost nearly as much as one that is: it would be
/// given ids, attributes and a place at every poll of its future, and be thrown away in the end.
pub const UNKEPT: &str = "minzheng_chassis::unkept";

/// What is told a neighbour inside such a span, so that nobody keeps a part of the trace.
const UNKEPT_TRACEPARENT: &str = "00-ffffffffffffffffffffffffffffffff-ffffffffffffffff-00";

/// The share of the traces that begin here which is kept; not set where traces are off.
static SHARE: OnceLock<f64> = OnceLock::new();

/// Keeps that share from now on; the first who says so decides.
pub(super) fn keep_share(ratio: f64) {
    SHARE.get_or_init(|| ratio);
}

/// Whether the trace of a request is kept: as its caller has decided, else by chance. Where traces are off it does not
/// matter.
pub fn keeps(traceparent: Option<&str>) -> bool {
    SHARE.get().is_none_or(|share| is_kept(traceparent, *share))
}

fn is_kept(traceparent: Option<&str>, share: f64) -> bool {
    match traceparent.and_then(extract) {
        Some(parent) => parent.is_sampled(),
        None => rand::random::<f64>() < share,
    }
}

/// The `traceparent` of the current span; `None` outside a span or where traces are off. Where the log filter hides
/// the span of what is not kept there is none, and a neighbour decides for itself.
pub fn current_traceparent() -> Option<String> {
    let span = Span::current();
    if is_unkept(&span) {
        return SHARE.get().map(|_| UNKEPT_TRACEPARENT.to_owned());
    }
    traceparent_of(&span)
}

/// The same where the trace is kept: that of another one leads nowhere, and need not be stored.
pub fn kept_traceparent() -> Option<String> {
    let span = Span::current();
    if is_unkept(&span) {
        return None;
    }
    let context = context_of(&span)?;
    context.is_sampled().then(|| written(&context))
}

fn is_unkept(span: &Span) -> bool {
    span.metadata()
        .is_some_and(|metadata| metadata.target() == UNKEPT)
}

/// The `traceparent` of a span; `None` where it is disabled or traces are off.
pub fn traceparent_of(span: &Span) -> Option<String> {
    context_of(span).as_ref().map(written)
}

/// The current trace's id, 32 hexadecimal digits, to be shown beside an error; `None` where traces are off
/// or this one is not kept.
pub fn current_trace_id() -> Option<String> {
    Some(context_of(&Span::current())?.trace_id().to_string())
}

fn context_of(span: &Span) -> Option<SpanContext> {
    let context = span.context();
    let span = context.span();
    let context = span.span_context();
    context.is_valid().then(|| context.clone())
}

/// As version 00 of W3C Trace Context writes it. By hand: the propagator takes a map, for every call and event.
fn written(context: &SpanContext) -> String {
    let (trace, span) = (context.trace_id(), context.span_id());
    let flags = context.trace_flags() & TraceFlags::SAMPLED;
    format!("00-{trace}-{span}-{flags:02x}")
}

/// Puts a span under a remote parent and gives it back, not yet entered: after the first entry its parent can no longer
/// be set (tracing-opentelemetry#253). Without a parent, or with one that is malformed, the span stays as it is.
pub fn span_with_parent(span: Span, traceparent: Option<&str>) -> Span {
    let Some(parent) = traceparent.and_then(extract) else {
        return span;
    };
    match span.set_parent(Context::new().with_remote_span_context(parent)) {
        Ok(()) => {}
        // No traces, or not of this span: nothing to connect.
        Err(SetParentError::LayerNotFound | SetParentError::SpanDisabled) => {}
        Err(error) => tracing::warn!(%error, "a span was entered before it got its parent"),
    }
    span
}

/// Whether the trace of a `traceparent` is kept; a malformed one is not.
pub fn is_sampled(traceparent: &str) -> bool {
    extract(traceparent).is_some_and(|context| context.is_sampled())
}

fn extract(traceparent: &str) -> Option<SpanContext> {
    // An empty context, so that what is extracted is never the current span.
    let context = TraceContextPropagator::new()
        .extract_with_context(&Context::new(), &OneHeader(traceparent));
    let parent = context.span().span_context().clone();
    parent.is_valid().then_some(parent)
}

/// Headers of which only `traceparent` is there.
struct OneHeader<'t>(&'t str);

impl Extractor for OneHeader<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        (key == TRACEPARENT).then_some(self.0)
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::{export::sampler, trace_layer};
    use opentelemetry::trace::TracerProvider;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing_subscriber::Registry;
    use tracing_subscriber::layer::SubscriberExt;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const UNSAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    fn traced<T>(run: impl FnOnce() -> T) -> T {
        let provider = SdkTracerProvider::builder().with_sampler(sampler()).build();
        let layer = trace_layer(provider.tracer("test"));
        tracing::subscriber::with_default(Registry::default().with(layer), run)
    }

    #[test]
    fn a_traceparent_goes_in_and_comes_out_with_the_same_trace() {
        traced(|| {
            let span = span_with_parent(tracing::info_span!("handle"), Some(PARENT));
            let _entered = span.enter();
            let out = current_traceparent().unwrap();
            assert!(out.starts_with(&format!("00-{TRACE}-")), "{out}");
            assert!(
                out.ends_with("-01"),
                "the caller's decision is followed: {out}"
            );
            assert!(
                !out.contains("b7ad6b7169203331"),
                "the span is a new one: {out}"
            );
            assert_eq!(current_trace_id().as_deref(), Some(TRACE));
            let inner = tracing::info_span!("inner");
            let below = inner.in_scope(|| current_traceparent().unwrap());
            assert!(below.starts_with(&format!("00-{TRACE}-")) && below != out);
        });
    }

    #[test]
    fn what_is_kept_follows_the_caller_and_else_the_share() {
        for (share, parent, kept) in [
            (0.0, Some(PARENT), true),
            (1.0, Some(UNSAMPLED), false),
            (1.0, None, true),
            (0.0, None, false),
            (1.0, Some("malformed"), true),
        ] {
            assert_eq!(is_kept(parent, share), kept, "{share} {parent:?}");
        }
        let kept = (0..10_000).filter(|_| is_kept(None, 0.3)).count();
        assert!((2_500..3_500).contains(&kept), "{kept} of 10,000");
    }

    #[test]
    fn what_is_written_is_what_the_propagator_reads_and_only_kept_traces_are_stored() {
        for (parent, kept) in [(Some(PARENT), true), (Some(UNSAMPLED), false), (None, true)] {
            traced(|| {
                let span = span_with_parent(tracing::info_span!("handle"), parent);
                let _entered = span.enter();
                let text = current_traceparent().unwrap();
                let read = extract(&text).unwrap();
                assert_eq!(Some(read.trace_id().to_string()), current_trace_id());
                assert_eq!(read.is_sampled(), kept);
                assert_eq!(kept_traceparent(), kept.then_some(text));
            });
        }
    }

    #[test]
    fn a_span_for_the_logs_alone_is_in_no_trace() {
        assert!(extract(UNKEPT_TRACEPARENT).is_some() && !is_sampled(UNKEPT_TRACEPARENT));
        let provider = SdkTracerProvider::builder().build();
        let logs = tracing_subscriber::fmt::layer().with_writer(std::io::sink);
        let traces = trace_layer(provider.tracer("test"));
        let both = Registry::default().with(logs).with(traces);
        tracing::subscriber::with_default(both, || {
            tracing::info_span!(target: UNKEPT, "rpc").in_scope(|| {
                assert!(is_unkept(&Span::current()), "it is there for the logs");
                assert_eq!(traceparent_of(&Span::current()), None);
                assert_eq!(kept_traceparent(), None);
            });
            tracing::info_span!("rpc").in_scope(|| assert!(kept_traceparent().is_some()));
        });
    }

    #[test]
    fn malformed_parents_are_no_parents() {
        let malformed = [
            "",
            "00",
            "zz-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        ];
        traced(|| {
            for text in malformed {
                assert!(!is_sampled(text), "{text}");
                let span = span_with_parent(tracing::info_span!("handle"), Some(text));
                assert!(!traceparent_of(&span).unwrap().contains(TRACE));
            }
        });
        assert!(is_sampled(PARENT) && !is_sampled(UNSAMPLED));
    }

    #[test]
    fn without_traces_there_is_nothing_to_pass_on() {
        tracing::subscriber::with_default(Registry::default(), || {
            let span = span_with_parent(tracing::info_span!("handle"), Some(PARENT));
            let _entered = span.enter();
            assert_eq!(current_traceparent(), None);
            assert_eq!(kept_traceparent(), None);
            assert_eq!(current_trace_id(), None);
        });
    }

    #[test]
    fn spans_of_the_transport_are_not_traced() {
        traced(|| {
            for span in [
                tracing::info_span!(target: "h2::client", "frame"),
                tracing::info_span!(target: "tonic", "call"),
                tracing::info_span!(target: "hyper_util::client", "connect"),
                tracing::info_span!(target: "tower::buffer", "worker"),
                tracing::debug_span!("too fine"),
            ] {
                assert_eq!(traceparent_of(&span), None);
            }
        });
    }
}
