//! Where a test's processes send their traces.

use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

/// Keeps what it is sent.
#[derive(Clone, Default)]
pub struct Collector(Arc<Mutex<Vec<ExportTraceServiceRequest>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0
            .lock()
            .expect("not poisoned")
            .push(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    /// Starts it; its address.
    pub async fn start(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let server =
            tonic::transport::Server::builder().add_service(TraceServiceServer::new(self.clone()));
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        address
    }

    /// Services of which a trace has spans.
    pub fn services_of(&self, trace_id: &[u8]) -> Vec<String> {
        let mut services = Vec::new();
        for export in self.0.lock().expect("not poisoned").iter() {
            let spans = export
                .resource_spans
                .iter()
                .flat_map(|one| &one.scope_spans)
                .flat_map(|one| &one.spans);
            for span in spans.filter(|span| span.trace_id == trace_id) {
                for attribute in span
                    .attributes
                    .iter()
                    .filter(|attribute| attribute.key == "service")
                {
                    services.extend(attribute.value.iter().filter_map(|value| match &value.value {
                        Some(opentelemetry_proto::tonic::common::v1::any_value::Value::StringValue(name)) => {
                            Some(name.clone())
                        }
                        _ => None,
                    }));
                }
            }
        }
        services.sort_unstable();
        services.dedup();
        services
    }

    /// All of it.
    pub fn bytes(&self) -> Vec<u8> {
        self.0
            .lock()
            .expect("not poisoned")
            .iter()
            .flat_map(Message::encode_to_vec)
            .collect()
    }
}
