//! The gRPC server of one node.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::service::RoutesBuilder;
use tonic::transport::Server;

use super::gate::Gate;
use super::health;
use crate::authz::Action;
use crate::config::Settings;
use crate::context::Context;
use crate::operations::{self, OperationsApi};
use crate::telemetry::metrics::Metrics;
use crate::work::{self, WorkApi};

/// Connections end after this long, so that load spreads over new replicas.
const CONNECTION_AGE: Duration = Duration::from_secs(30 * 60);

/// How long a connection that is asked to end may still take.
const CONNECTION_GRACE: Duration = Duration::from_secs(60);

/// Everything that a node answers to.
pub(crate) struct GrpcServer {
    routes: tonic::service::Routes,
    gate: Gate,
}

impl GrpcServer {
    /// For the services of a node; its health check says no once `stopping`.
    pub(crate) fn new(
        contexts: &Arc<[Context]>,
        settings: &Settings,
        metrics: Arc<Metrics>,
        stopping: CancellationToken,
    ) -> Result<Self, tonic_reflection::server::Error> {
        let mut builder = RoutesBuilder::default();
        for cx in contexts.iter() {
            (cx.module().routes)(cx, &mut builder);
        }
        builder.add_service(work::server(WorkApi::new(contexts.clone())));
        builder.add_service(operations::server(OperationsApi::new(contexts.clone())));
        let reflection = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(minzheng_proto::DESCRIPTORS)
                // The details of errors: else a client without our files shows them as bytes.
                .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
        };
        builder.add_service(reflection().build_v1()?);
        // Older clients know only this name of the same service.
        builder.add_service(reflection().build_v1alpha()?);
        builder.add_service(health::server(contexts, stopping));
        Ok(Self {
            routes: builder.routes().prepare(),
            gate: Gate::new(
                actions(contexts),
                settings.grpc.max_calls_in_flight,
                metrics,
            ),
        })
    }

    /// What stands behind the port, for calls that come without one.
    #[cfg(feature = "testing")]
    pub(crate) fn behind_the_port(&self) -> super::gate::Gated<tonic::service::Routes> {
        tower::Layer::layer(&self.gate, self.routes.clone())
    }

    /// Serves until `stop`; then open calls may end.
    pub(crate) async fn serve(
        self,
        listener: TcpListener,
        settings: &Settings,
        stop: CancellationToken,
    ) -> Result<(), tonic::transport::Error> {
        let incoming = TcpListenerStream::new(listener);
        let incoming = tokio_stream::StreamExt::map(incoming, |connection| {
            // Without it, small answers wait for the delayed acknowledgement of the one before.
            connection.and_then(|stream| stream.set_nodelay(true).map(|()| stream))
        });
        Server::builder()
            .max_concurrent_streams(settings.grpc.max_concurrent_streams)
            .max_connection_age(CONNECTION_AGE)
            .max_connection_age_grace(CONNECTION_GRACE)
            .http2_keepalive_interval(Some(Duration::from_secs(30)))
            .layer(self.gate)
            .add_routes(self.routes)
            .serve_with_incoming_shutdown(incoming, stop.cancelled_owned())
            .await
    }
}

fn actions(contexts: &Arc<[Context]>) -> Vec<(&'static str, Action)> {
    let own = contexts.iter().flat_map(|cx| {
        cx.module()
            .actions
            .iter()
            .map(|action| (cx.name(), *action))
    });
    let shared = work::ACTIONS
        .iter()
        .chain(operations::ACTIONS)
        .map(|action| ("chassis", *action));
    own.chain(shared).collect()
}
