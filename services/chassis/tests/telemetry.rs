//! Spans on their way out of a process, into a collector that keeps them. One test: the subscriber is the process's.

mod collector;

use std::time::Duration;

use collector::text;
use minzheng_chassis::config::Settings;
use minzheng_chassis::telemetry::{
    Telemetry, UNKEPT, current_traceparent, keeps, kept_traceparent, span_with_parent,
};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const UNSAMPLED: &str = "00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
const BOUND: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_sampled_spans_reach_the_collector_and_nothing_else_does() {
    let (endpoint, mut collected, serving) = collector::start().await;
    let settings = Settings::with([
        endpoint.as_str(),
        "telemetry.sample_ratio=0",
        "telemetry.log_filter=info",
    ]);
    let settings = settings.unwrap();
    let telemetry = Telemetry::start(&settings, "minzheng").unwrap();
    let second = Telemetry::start(&settings, "other node").unwrap();
    assert!(telemetry.exports() && !second.exports());
    second.shutdown(BOUND).await;

    let span = tracing::info_span!("release bed", service = "elderly-care");
    span_with_parent(span, Some(PARENT)).in_scope(|| {
        tracing::info_span!(target: "h2::codec", "frame").in_scope(|| {});
        tracing::info_span!("save", service = "elderly-care").in_scope(|| {
            assert!(current_traceparent().unwrap().ends_with("-01"));
        });
    });
    span_with_parent(tracing::info_span!("not kept"), Some(UNSAMPLED)).in_scope(|| {});
    assert!(!keeps(None) && !keeps(Some(UNSAMPLED)) && keeps(Some(PARENT)));
    tracing::info_span!(target: UNKEPT, "for the logs alone").in_scope(|| {
        assert!(
            current_traceparent().unwrap().ends_with("-00"),
            "a neighbour hears it"
        );
        assert_eq!(kept_traceparent(), None);
    });
    tokio::time::timeout(BOUND, telemetry.shutdown(BOUND))
        .await
        .expect("ends in time");
    serving.abort();

    let mut spans = Vec::new();
    while let Ok(export) = collected.try_recv() {
        for group in export.resource_spans {
            let resource = group.resource.unwrap();
            assert_eq!(text(&resource.attributes, "service.name"), Some("minzheng"));
            assert!(text(&resource.attributes, "service.instance.id").is_some());
            spans.extend(group.scope_spans.into_iter().flat_map(|scope| scope.spans));
        }
    }
    let names: Vec<&str> = spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["save", "release bed"], "inner spans end first");
    let (save, release) = (&spans[0], &spans[1]);
    assert_eq!(
        hex::encode(&release.trace_id),
        "0af7651916cd43dd8448eb211c80319c"
    );
    assert_eq!(hex::encode(&release.parent_span_id), "b7ad6b7169203331");
    assert_eq!(save.trace_id, release.trace_id);
    assert_eq!(save.parent_span_id, release.span_id);
    assert_eq!(text(&save.attributes, "service"), Some("elderly-care"));
}
