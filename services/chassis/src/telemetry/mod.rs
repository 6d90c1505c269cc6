//! Logs, traces and metrics.
//!
//! Logs go to standard error, one JSON object per line; they carry no personal data because the types that hold it print
//! `***`. Traces go to an OTLP collector where one is named. Metrics are in [`metrics`].

mod anew;
pub mod export;
pub mod metrics;
pub mod trace_context;

use std::io::IsTerminal;
use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tracing::dispatcher::{self, Dispatch};
use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::FilterFn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

pub use trace_context::{
    UNKEPT, current_trace_id, current_traceparent, is_sampled, keeps, kept_traceparent,
    span_with_parent, traceparent_of,
};

use self::anew::Anew;
use crate::config::{LogFormat, Settings};

/// Crates whose spans say nothing about the platform; the exporter itself runs on the first three, so exporting their
/// spans would make new ones for ever.
const FOREIGN: &[&str] = &[
    "tonic",
    "h2",
    "hyper",
    "hyper_util",
    "tower",
    "opentelemetry",
    "opentelemetry_sdk",
    "opentelemetry_otlp",
    "tokio",
    "runtime",
    "sqlx",
];

/// What is never wanted below warnings, unless `telemetry.log_filter` names it.
const QUIET: &str = "h2=warn,hyper=warn,hyper_util=warn,tower=warn,tonic=warn,opentelemetry=warn,opentelemetry_sdk=warn,\
opentelemetry_otlp=warn,sqlx=warn,sea_orm_migration=warn";

/// Logs or traces could not be started.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not one.
    #[error("telemetry.log_filter is not a log filter")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The exporter cannot be made.
    #[error("telemetry.otlp_endpoint cannot be used")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    /// The exporter's connection lives on a runtime.
    #[error("traces need a tokio runtime")]
    NoRuntime,
}

/// The telemetry of a process; whoever started it stops it last.
#[derive(Debug)]
pub struct Telemetry {
    provider: Option<SdkTracerProvider>,
}

impl Telemetry {
    /// Installs logs and, where an endpoint is set, traces for the whole process.
    ///
    /// The first one in a process decides; later ones (several nodes in one test) find it installed and own nothing.
    ///
    /// # Errors
    /// The filter or the endpoint cannot be used, or an endpoint is set and there is no runtime.
    pub fn start(settings: &Settings, service_name: &str) -> Result<Self, TelemetryError> {
        if dispatcher::has_been_set() {
            return Ok(Telemetry { provider: None });
        }
        let provider = export::provider(settings, service_name)?;
        let tracer = provider.as_ref().map(|one| one.tracer("minzheng"));
        match subscriber(settings, tracer)?.try_init() {
            Ok(()) => {}
            Err(error) if is_installed_by_other(&error) => {
                return Ok(Telemetry { provider: None });
            }
            Err(error) => tracing::warn!(%error, "lines of the log crate are not written"),
        }
        if provider.is_some() {
            trace_context::keep_share(settings.telemetry.sample_ratio);
        }
        Ok(Telemetry { provider })
    }

    /// Whether this one exports traces.
    pub fn exports(&self) -> bool {
        self.provider.is_some()
    }

    /// Sends what is left and closes the exporter. Takes a little more than `within` at the worst.
    pub async fn shutdown(&self, within: Duration) {
        let Some(provider) = self.provider.clone() else {
            return;
        };
        // The exporter blocks until the runtime has sent the last batch: on a worker thread it could wait for itself.
        let closing = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(within));
        match closing.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the last traces are lost"),
            Err(error) => tracing::warn!(%error, "the exporter of traces failed while closing"),
        }
    }
}

/// Logs at the filter and format of the settings, and spans to the tracer. Both filter for themselves: fewer log lines
/// never mean fewer spans.
fn subscriber(settings: &Settings, tracer: Option<SdkTracer>) -> Result<Dispatch, TelemetryError> {
    let filter = format!("{QUIET},{}", settings.telemetry.log_filter);
    let filter = EnvFilter::try_new(filter)?;
    let logs = log_layer(settings.telemetry.log_format).with_filter(Anew(filter));
    let traces = tracer.map(trace_layer);
    Ok(Dispatch::new(Registry::default().with(logs).with(traces)))
}

fn log_layer<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match format {
        LogFormat::Json => layer
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .boxed(),
        LogFormat::Text => layer.with_ansi(std::io::stderr().is_terminal()).boxed(),
    }
}

fn trace_layer<S>(tracer: SdkTracer) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    tracing_opentelemetry::layer()
        .with_tracer(tracer)
        .with_tracked_inactivity(false)
        .with_threads(false)
        .with_location(false)
        // Nobody asks OpenTelemetry for a current context, which would be set anew at every poll of a future.
        .with_context_activation(false)
        .with_filter(Anew(
            FilterFn::new(is_traced).with_max_level_hint(LevelFilter::INFO),
        ))
}

/// Our own spans, and the warnings inside them.
fn is_traced(metadata: &Metadata<'_>) -> bool {
    let crate_name = metadata.target().split("::").next().unwrap_or_default();
    if FOREIGN.contains(&crate_name) || metadata.target() == UNKEPT {
        return false;
    }
    match metadata.is_span() {
        true => *metadata.level() <= Level::INFO,
        false => *metadata.level() <= Level::WARN,
    }
}

fn is_installed_by_other(error: &(dyn std::error::Error + 'static)) -> bool {
    let source = error.source();
    source.is_some_and(|inner| inner.is::<dispatcher::SetGlobalDefaultError>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::trace::Tracer;
    use std::time::Instant;
    use tokio::net::TcpListener;

    #[test]
    fn both_formats_and_every_quiet_name_make_a_subscriber() {
        for format in LogFormat::WORDS {
            let settings = Settings::with([format!("telemetry.log_format={format}")]).unwrap();
            assert!(subscriber(&settings, None).is_ok());
        }
        let quiet = EnvFilter::try_new(format!("{QUIET},h2=debug,info")).unwrap();
        let quiet = quiet.to_string();
        assert!(
            quiet.contains("hyper=warn") && quiet.contains("info"),
            "{quiet}"
        );
        assert!(
            quiet.contains("h2=debug") && !quiet.contains("h2=warn"),
            "{quiet}"
        );
    }

    #[test]
    fn an_exporter_without_a_runtime_is_refused() {
        let settings = Settings::with(["telemetry.otlp_endpoint=http://127.0.0.1:4317"]).unwrap();
        let refused = export::provider(&settings, "test");
        assert!(matches!(refused, Err(TelemetryError::NoRuntime)));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_collector_that_does_not_answer_cannot_hold_the_node() {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!(
            "telemetry.otlp_endpoint=http://{}",
            silent.local_addr().unwrap()
        );
        let settings = Settings::with([endpoint.as_str(), "telemetry.sample_ratio=1"]).unwrap();
        let provider = export::provider(&settings, "test").unwrap();
        let telemetry = Telemetry { provider };
        let tracer = telemetry.provider.as_ref().unwrap().tracer("test");
        drop(tracer.start("never arrives"));
        let began = Instant::now();
        telemetry.shutdown(Duration::from_millis(50)).await;
        assert!(
            began.elapsed() < Duration::from_secs(2),
            "{:?}",
            began.elapsed()
        );
    }
}
