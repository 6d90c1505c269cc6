//! The way of spans out of the process, by OTLP over gRPC.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, SpanData, SpanExporter};
use tokio::runtime::Handle;

use super::TelemetryError;
use crate::config::Settings;

/// How long the collector may take for one batch; a slow one costs spans, never memory.
const EXPORT_WITHIN: Duration = Duration::from_secs(3);

/// The source of spans, or none where no endpoint is set.
pub(super) fn provider(
    settings: &Settings,
    service_name: &str,
) -> Result<Option<SdkTracerProvider>, TelemetryError> {
    let Some(endpoint) = &settings.telemetry.otlp_endpoint else {
        return Ok(None);
    };
    if Handle::try_current().is_err() {
        return Err(TelemetryError::NoRuntime);
    }
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint.to_string())
        .with_timeout(EXPORT_WITHIN)
        .build()?;
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(Reported::new(exporter))
        .with_sampler(sampler())
        .with_resource(resource(service_name))
        .build();
    Ok(Some(provider))
}

/// Follows the caller's decision; keeps what begins here: whoever begins a trace has asked [`super::keeps`] before.
pub(super) fn sampler() -> Sampler {
    Sampler::ParentBased(Box::new(Sampler::AlwaysOn))
}

fn resource(service_name: &str) -> Resource {
    Resource::builder()
        .with_service_name(service_name.to_owned())
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attribute(KeyValue::new(
            "service.instance.id",
            uuid::Uuid::now_v7().to_string(),
        ))
        .build()
}

/// Says in the log when the collector goes away and when it is back; the SDK itself keeps silent.
#[derive(Debug)]
struct Reported<E> {
    inner: E,
    failing: AtomicBool,
}

impl<E> Reported<E> {
    fn new(inner: E) -> Self {
        Reported {
            inner,
            failing: AtomicBool::new(false),
        }
    }

    fn report(&self, result: &OTelSdkResult) {
        match (
            result,
            self.failing.swap(result.is_err(), Ordering::Relaxed),
        ) {
            (Err(error), false) => tracing::warn!(%error, "traces do not reach the collector"),
            (Ok(()), true) => tracing::info!("traces reach the collector again"),
            (Err(_), true) | (Ok(()), false) => {}
        }
    }
}

impl<E: SpanExporter> SpanExporter for Reported<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let result = self.inner.export(batch).await;
        self.report(&result);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}
