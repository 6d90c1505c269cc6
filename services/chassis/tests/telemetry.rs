//! Spans on their way out of a process, into a collector that keeps them. One test: the subscriber is the process's.

use std::convert::Infallible;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use minzheng_chassis::config::Settings;
use minzheng_chassis::telemetry::{Telemetry, current_traceparent, span_with_parent};
use prost::Message;
use prost::bytes::{Buf, BufMut};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::{Request, Response, Status};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const UNSAMPLED: &str = "00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
const BOUND: Duration = Duration::from_secs(10);

// As much of OTLP's ExportTraceServiceRequest as is looked at.
#[derive(Clone, PartialEq, Message)]
struct Export {
    #[prost(message, repeated, tag = "1")]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct Resource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeSpans {
    #[prost(message, repeated, tag = "2")]
    spans: Vec<Span>,
}

#[derive(Clone, PartialEq, Message)]
struct Span {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    span_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    parent_span_id: Vec<u8>,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct AnyValue {
    #[prost(string, optional, tag = "1")]
    string_value: Option<String>,
}

fn text<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    let found = attributes.iter().find(|one| one.key == key)?;
    found.value.as_ref()?.string_value.as_deref()
}

#[derive(Clone)]
struct Collector(mpsc::UnboundedSender<Export>);

impl NamedService for Collector {
    const NAME: &'static str = "opentelemetry.proto.collector.trace.v1.TraceService";
}

impl tower::Service<http::Request<tonic::body::Body>> for Collector {
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(Grpc::new(Frames).unary(service, request).await) })
    }
}

impl UnaryService<Export> for Collector {
    type Response = Export;
    type Future = BoxFuture<'static, Result<Response<Export>, Status>>;

    fn call(&mut self, request: Request<Export>) -> Self::Future {
        let kept = self.0.send(request.into_inner());
        Box::pin(async move {
            kept.map_err(|_| Status::unavailable("the test is over"))?;
            // Empty, so it is an ExportTraceServiceResponse as well.
            Ok(Response::new(Export::default()))
        })
    }
}

struct Frames;

impl Codec for Frames {
    type Encode = Export;
    type Decode = Export;
    type Encoder = Frames;
    type Decoder = Frames;

    fn encoder(&mut self) -> Frames {
        Frames
    }

    fn decoder(&mut self) -> Frames {
        Frames
    }
}

impl Encoder for Frames {
    type Item = Export;
    type Error = Status;

    fn encode(&mut self, item: Export, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item.encode_to_vec());
        Ok(())
    }
}

impl Decoder for Frames {
    type Item = Export;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Export>, Status> {
        let bytes = buffer.copy_to_bytes(buffer.remaining());
        let export = Export::decode(bytes).map_err(|error| Status::internal(error.to_string()))?;
        Ok(Some(export))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_sampled_spans_reach_the_collector_and_nothing_else_does() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!(
        "telemetry.otlp_endpoint=http://{}",
        listener.local_addr().unwrap()
    );
    let (collector, mut collected) = mpsc::unbounded_channel();
    let serving = tonic::transport::Server::builder()
        .add_service(Collector(collector))
        .serve_with_incoming(TcpListenerStream::new(listener));
    let serving = tokio::spawn(serving);

    let settings = Settings::with([
        endpoint.as_str(),
        "telemetry.sample_ratio=0",
        "telemetry.log_filter=off",
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
    tracing::info_span!("outside the ratio").in_scope(|| {});
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
