//! The HTTP side of a node: metrics and the probes of an orchestrator.
//!
//! `/livez` says that the process runs its event loop and asks nothing else: a node whose database is away must not be
//! killed for it. `/readyz` asks what the node depends on. Why a check failed goes to the log only, since whoever reaches
//! this port needs no credentials.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::future::BoxFuture;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::telemetry::metrics::{CONTENT_TYPE, Metrics};

/// How long all checks together may take; an orchestrator asks again soon.
const CHECKS_WITHIN: Duration = Duration::from_secs(2);

/// A check's name and, where it failed, why.
pub type Check = (String, Result<(), String>);

/// Runs every check.
pub type Readiness = Arc<dyn Fn() -> BoxFuture<'static, Vec<Check>> + Send + Sync>;

/// Makes a [`Readiness`] of an async closure.
pub fn readiness<F, A>(checks: F) -> Readiness
where
    F: Fn() -> A + Send + Sync + 'static,
    A: Future<Output = Vec<Check>> + Send + 'static,
{
    Arc::new(move || Box::pin(checks()))
}

/// The server of metrics and probes, bound but not yet answering.
#[derive(Debug)]
pub struct HttpServer {
    listener: TcpListener,
    address: SocketAddr,
}

impl HttpServer {
    /// Takes the port, so that a port in use is known before anything else starts.
    ///
    /// # Errors
    /// The address is in use or not of this machine.
    pub async fn bind(address: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(HttpServer { listener, address })
    }

    /// Where it listens; the port is the real one where 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop` is cancelled, then ends when open requests are answered. `not_ready` is the sign that the node
    /// is stopping: from then on `/readyz` says no, while the other pages still answer.
    ///
    /// # Errors
    /// The listener failed.
    pub async fn serve(
        self,
        metrics: Arc<Metrics>,
        readiness: Readiness,
        not_ready: CancellationToken,
        stop: CancellationToken,
    ) -> std::io::Result<()> {
        axum::serve(self.listener, router(metrics, readiness, not_ready))
            .with_graceful_shutdown(stop.cancelled_owned())
            .await
    }
}

/// The pages, for mounting elsewhere; see [`HttpServer::serve`].
pub fn router(metrics: Arc<Metrics>, readiness: Readiness, not_ready: CancellationToken) -> Router {
    let probe = Arc::new(Probe {
        readiness,
        within: CHECKS_WITHIN,
        not_ready,
        failing: Mutex::new(Vec::new()),
    });
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(ready).with_state(probe))
        .route("/metrics", get(exposition).with_state(metrics))
}

struct Probe {
    readiness: Readiness,
    within: Duration,
    not_ready: CancellationToken,
    /// The checks that failed last time: only a change is logged.
    failing: Mutex<Vec<String>>,
}

async fn exposition(State(metrics): State<Arc<Metrics>>) -> Response {
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], metrics.encode()).into_response()
}

async fn ready(State(probe): State<Arc<Probe>>) -> Response {
    if probe.not_ready.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    }
    let checks = match tokio::time::timeout(probe.within, (probe.readiness)()).await {
        Ok(checks) => checks,
        Err(_) => vec![("checks".to_owned(), Err("no answer in time".to_owned()))],
    };
    probe.log_changes(&checks);
    let line = |(name, result): &Check| match result {
        Ok(()) => format!("{name}: ok\n"),
        Err(_) => format!("{name}: failed\n"),
    };
    let status = match checks.iter().all(|(_, result)| result.is_ok()) {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, checks.iter().map(line).collect::<String>()).into_response()
}

impl Probe {
    fn log_changes(&self, checks: &[Check]) {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, result) in checks {
            match (failing.contains(name), result) {
                (false, Err(reason)) => {
                    tracing::warn!(check = %name, %reason, "readiness check fails");
                }
                (true, Ok(())) => tracing::info!(check = %name, "readiness check passes again"),
                (true, Err(_)) | (false, Ok(())) => {}
            }
        }
        let failed = checks.iter().filter(|(_, result)| result.is_err());
        *failing = failed.map(|(name, _)| name.clone()).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    const BOUND: Duration = Duration::from_secs(10);

    async fn fetch(address: SocketAddr, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer)
    }

    fn body(answer: &str) -> &str {
        answer.split_once("\r\n\r\n").unwrap().1
    }

    #[tokio::test]
    async fn probes_and_metrics_answer_until_stopped() {
        let healthy = Arc::new(AtomicBool::new(true));
        let seen = healthy.clone();
        let checks = readiness(move || {
            let database = match seen.load(Ordering::SeqCst) {
                true => Ok(()),
                false => Err("password of db-7 refused".to_owned()),
            };
            async move {
                vec![
                    ("database".to_owned(), database),
                    ("bus".to_owned(), Ok(())),
                ]
            }
        });
        let metrics = Arc::new(Metrics::new());
        metrics.outbox_rows("residents").set(2);
        let (not_ready, stop) = (CancellationToken::new(), CancellationToken::new());
        let server = HttpServer::bind("127.0.0.1:0".parse().unwrap())
            .await
            .unwrap();
        let address = server.address();
        let serving = tokio::spawn(server.serve(metrics, checks, not_ready.clone(), stop.clone()));

        let (status, answer) = fetch(address, "/readyz").await;
        assert_eq!((status, body(&answer)), (200, "database: ok\nbus: ok\n"));
        let (status, answer) = fetch(address, "/metrics").await;
        assert_eq!(status, 200);
        assert!(answer.contains("application/openmetrics-text"));
        assert!(body(&answer).contains("minzheng_outbox_rows{service=\"residents\"} 2"));

        healthy.store(false, Ordering::SeqCst);
        let (status, answer) = fetch(address, "/readyz").await;
        assert_eq!(
            (status, body(&answer)),
            (503, "database: failed\nbus: ok\n")
        );
        assert_eq!(
            fetch(address, "/livez").await.0,
            200,
            "liveness has no dependencies"
        );

        healthy.store(true, Ordering::SeqCst);
        not_ready.cancel();
        assert_eq!(fetch(address, "/readyz").await.0, 503);
        assert_eq!(fetch(address, "/livez").await.0, 200);
        assert_eq!(fetch(address, "/nothing").await.0, 404);

        stop.cancel();
        let served = tokio::time::timeout(BOUND, serving).await;
        served.expect("ends in time").unwrap().unwrap();
    }

    #[tokio::test]
    async fn checks_that_hang_are_a_no() {
        let probe = Arc::new(Probe {
            readiness: readiness(std::future::pending),
            within: Duration::from_millis(5),
            not_ready: CancellationToken::new(),
            failing: Mutex::default(),
        });
        let answer = ready(State(probe.clone())).await;
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(*probe.failing.lock().unwrap(), ["checks"]);
    }
}
