//! The health check over gRPC: for the whole node under the empty name, for one service under its own.
//! It is answered at the moment it is asked, since a neighbour decides by it whether a call failed for
//! itself or for everybody.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use tokio::sync::{Mutex, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::context::Context;

/// How long a database may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_millis(800);

/// How long an answer stands: the check needs no identity, so it must not be a way to keep databases busy.
const STANDS_FOR: Duration = Duration::from_millis(100);

/// How often a watcher's status is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A service and its last answer.
struct Watched {
    cx: Context,
    last: Mutex<Option<(Instant, bool)>>,
}

impl Watched {
    /// Whether the service's database answers; several who ask at once share one look.
    async fn serves(&self) -> bool {
        let mut last = self.last.lock().await;
        if let Some((at, serves)) = *last
            && at.elapsed() < STANDS_FOR
        {
            return serves;
        }
        let ping = tokio::time::timeout(ANSWER_WITHIN, self.cx.db().ping()).await;
        let serves = matches!(ping, Ok(Ok(())));
        *last = Some((Instant::now(), serves));
        serves
    }
}

/// Answers whether the services of a node serve.
#[derive(Clone)]
pub(super) struct HealthApi {
    services: Arc<[Watched]>,
    stopping: CancellationToken,
}

/// The health service of a node, which serves until `stopping`.
pub(super) fn server(
    contexts: &Arc<[Context]>,
    stopping: CancellationToken,
) -> HealthServer<HealthApi> {
    let services = contexts.iter().map(|cx| Watched {
        cx: cx.clone(),
        last: Mutex::default(),
    });
    HealthServer::new(HealthApi {
        services: services.collect(),
        stopping,
    })
}

impl HealthApi {
    /// `None` for a name that no service here has.
    async fn status(&self, name: &str) -> Option<ServingStatus> {
        let asked: Vec<&Watched> = self
            .services
            .iter()
            .filter(|service| name.is_empty() || service.cx.name() == name)
            .collect();
        if asked.is_empty() {
            return None;
        }
        let serve = join_all(asked.into_iter().map(Watched::serves)).await;
        let serving = !self.stopping.is_cancelled() && serve.into_iter().all(|serves| serves);
        Some(match serving {
            true => ServingStatus::Serving,
            false => ServingStatus::NotServing,
        })
    }
}

fn response(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse {
        status: status as i32,
    }
}

#[tonic::async_trait]
impl Health for HealthApi {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let name = request.into_inner().service;
        let status = self.status(&name).await;
        let status = status.ok_or_else(|| Status::not_found("no such service here"))?;
        Ok(Response::new(response(status)))
    }

    type WatchStream = ReceiverStream<Result<HealthCheckResponse, Status>>;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let name = request.into_inner().service;
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(self.clone().tell_changes(name, sender));
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

impl HealthApi {
    /// Tells the status now and at every change, until the watcher leaves or the node stops.
    async fn tell_changes(
        self,
        name: String,
        sender: mpsc::Sender<Result<HealthCheckResponse, Status>>,
    ) {
        let mut told = None;
        loop {
            let stopping = self.stopping.is_cancelled();
            // The protocol's word for a name that is not here: it may come.
            let status = self.status(&name).await;
            let status = status.map_or(response_unknown(), response);
            if told != Some(status.status) {
                told = Some(status.status);
                if sender.send(Ok(status)).await.is_err() {
                    return;
                }
            }
            if stopping {
                return;
            }
            tokio::select! {
                () = sender.closed() => return,
                () = self.stopping.cancelled() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }
}

fn response_unknown() -> HealthCheckResponse {
    HealthCheckResponse {
        status: tonic_health::pb::health_check_response::ServingStatus::ServiceUnknown.into(),
    }
}
