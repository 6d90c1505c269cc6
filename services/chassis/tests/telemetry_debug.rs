//! Fewer or more log lines never mean fewer spans. One test: the subscriber is the process's.

mod collector;

use std::time::Duration;

use minzheng_chassis::config::Settings;
use minzheng_chassis::telemetry::Telemetry;

const BOUND: Duration = Duration::from_secs(10);

/// One callsite, so that nobody need ask about it a second time.
fn step() {
    tracing::info_span!("step").in_scope(|| tracing::debug!("at work"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_span_reaches_the_collector_while_everything_is_logged() {
    let (endpoint, mut collected, serving) = collector::start().await;
    let settings = Settings::with([
        endpoint.as_str(),
        "telemetry.sample_ratio=1",
        "telemetry.log_filter=debug",
    ]);
    let telemetry = Telemetry::start(&settings.unwrap(), "minzheng").unwrap();
    for _ in 0..20 {
        // As sqlx asks with every statement; nothing follows.
        let _ = log::log_enabled!(target: "sqlx::query", log::Level::Debug);
        step();
    }
    tokio::time::timeout(BOUND, telemetry.shutdown(BOUND))
        .await
        .expect("ends in time");
    serving.abort();
    let mut names = Vec::new();
    while let Ok(export) = collected.try_recv() {
        let groups = export.resource_spans.into_iter();
        let spans = groups.flat_map(|group| group.scope_spans);
        names.extend(spans.flat_map(|scope| scope.spans).map(|span| span.name));
    }
    assert_eq!(names, ["step"; 20]);
}
