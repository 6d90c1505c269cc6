//! One node: some services, one gRPC port, one bus, started and stopped together.

mod data_dir;
mod parts;
mod write_probe;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

pub use data_dir::{DataDir, Locked, create_private};
pub use parts::{NodeError, open_bus, open_database};

use write_probe::WriteProbe;

use crate::audit;
use crate::bus::Bus;
use crate::clock::SharedClock;
use crate::config::{BusKind, Settings};
use crate::context::{Context, Parts};
use crate::crypto::KeyRing;
use crate::db::migrate::Migrator;
use crate::grpc::server::GrpcServer;
use crate::http::{self, HttpServer};
use crate::inbox::{Retrier, Runner, Subscription};
use crate::module::Module;
use crate::operations::Sampler;
use crate::outbox::{Lease, Relay};
use crate::rule;
use crate::shutdown::{Ended, Phase, Shutdown};
use crate::telemetry::metrics::Metrics;
use crate::timer::TimerLoop;

/// How long each step of a stop may take, within the grace of the whole.
const STEP_WITHIN: Duration = Duration::from_secs(5);

/// What a node is started with.
pub struct Plan {
    /// The services it runs.
    pub modules: Vec<Module>,
    /// Its settings.
    pub settings: Settings,
    /// Its clock.
    pub clock: SharedClock,
    /// The keys.
    pub keys: Arc<KeyRing>,
    /// The bus.
    pub bus: Arc<dyn Bus>,
    /// Whether pending migrations are applied, or only looked for.
    pub migrate: bool,
}

/// A running node.
pub struct Node {
    contexts: Arc<[Context]>,
    grpc: SocketAddr,
    http: Option<SocketAddr>,
    shutdown: Shutdown,
}

impl Node {
    /// Starts every part. When it returns, the node answers. A PostgreSQL that is away is waited for, a minute
    /// at most.
    ///
    /// # Errors
    /// A port is in use, a database is away for longer or lacks migrations, a neighbour is missing on the
    /// embedded bus.
    pub async fn start(plan: Plan) -> Result<Self, NodeError> {
        let Plan {
            modules,
            settings,
            clock,
            keys,
            bus,
            migrate,
        } = plan;
        let settings = Arc::new(settings);
        let metrics = Arc::new(Metrics::new());
        let shutdown = Shutdown::new(settings.shutdown.grace);
        // Before there is a port: whoever connects shall be refused rather than left waiting.
        for module in &modules {
            parts::wait_for_database(&settings, module.name).await?;
        }
        let listener = TcpListener::bind(settings.grpc.listen)
            .await
            .map_err(NodeError::bind("grpc.listen", settings.grpc.listen))?;
        let grpc = listener
            .local_addr()
            .map_err(NodeError::bind("grpc.listen", settings.grpc.listen))?;
        refuse_lonely_embedded_bus(&settings, &modules)?;
        let neighbours = Arc::new(parts::neighbours(&settings, &modules, grpc)?);
        let mut contexts = Vec::with_capacity(modules.len());
        for module in modules {
            let db = open_database(&settings, module.name).await?;
            prepare_database(&db, &module, &clock, migrate).await?;
            refuse_other_key(&db, module.name, &keys).await?;
            contexts.push(Context::new(Parts {
                module: Arc::new(module),
                db,
                bus: bus.clone(),
                clock: clock.clone(),
                settings: settings.clone(),
                metrics: metrics.clone(),
                keys: keys.clone(),
                neighbours: neighbours.clone(),
                tasks: shutdown.tracker(Phase::Drain),
                stopping: shutdown.token(Phase::Drain),
            }));
        }
        let contexts: Arc<[Context]> = contexts.into();
        let mut node = Self {
            contexts,
            grpc,
            http: None,
            shutdown,
        };
        node.start_http(&settings, &metrics).await?;
        node.start_grpc(&settings, &metrics, listener)?;
        for cx in node.contexts.iter() {
            node.start_service(cx);
        }
        node.stop_last(bus);
        Ok(node)
    }

    /// Where gRPC is.
    pub fn grpc_address(&self) -> SocketAddr {
        self.grpc
    }

    /// Where metrics and probes are, if anywhere.
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http
    }

    /// The contexts of its services.
    pub fn contexts(&self) -> &[Context] {
        &self.contexts
    }

    /// Cancelled when a part of the node ended that should not have.
    pub fn failed(&self) -> CancellationToken {
        self.shutdown.failed()
    }

    /// Adds something to be done at the end, such as flushing telemetry.
    pub fn shutdown_plan(&self) -> &Shutdown {
        &self.shutdown
    }

    /// Stops every part in order, each within its time.
    pub async fn stop(self) -> Vec<Ended> {
        self.shutdown.run().await
    }

    async fn start_http(
        &mut self,
        settings: &Settings,
        metrics: &Arc<Metrics>,
    ) -> Result<(), NodeError> {
        let Some(address) = settings.http.listen else {
            return Ok(());
        };
        let server = HttpServer::bind(address)
            .await
            .map_err(NodeError::bind("http.listen", address))?;
        self.http = Some(server.address());
        let contexts = self.contexts.clone();
        let bus_reached = Arc::new(AtomicBool::new(false));
        let probes: Arc<[WriteProbe]> = contexts.iter().cloned().map(WriteProbe::new).collect();
        let readiness = http::readiness(move || {
            parts::checks(contexts.clone(), probes.clone(), bus_reached.clone())
        });
        let not_ready = self.shutdown.token(Phase::NotReady);
        let metrics = metrics.clone();
        self.shutdown.spawn(
            Phase::Telemetry,
            "http",
            STEP_WITHIN,
            move |stop| async move {
                if let Err(error) = server.serve(metrics, readiness, not_ready, stop).await {
                    tracing::error!(%error, "the HTTP server ended");
                }
            },
        );
        Ok(())
    }

    fn start_grpc(
        &self,
        settings: &Arc<Settings>,
        metrics: &Arc<Metrics>,
        listener: TcpListener,
    ) -> Result<(), NodeError> {
        let stopping = self.shutdown.token(Phase::NotReady);
        let server = GrpcServer::new(&self.contexts, settings, metrics.clone(), stopping)
            .map_err(NodeError::reflection)?;
        let settings = settings.clone();
        self.shutdown
            .spawn(Phase::Grpc, "grpc", STEP_WITHIN, move |stop| async move {
                if let Err(error) = server.serve(listener, &settings, stop).await {
                    tracing::error!(%error, "the gRPC server ended");
                }
            });
        Ok(())
    }

    fn start_service(&self, cx: &Context) {
        let name = cx.name();
        let subscriptions: Arc<Vec<Subscription>> = Arc::new(
            cx.module()
                .subscriptions
                .iter()
                .map(|make| make())
                .collect(),
        );
        let lease = Lease::new(cx.clone());
        let holder = lease.holder();
        let spawn = &self.shutdown;
        let relay = Relay::new(cx.clone(), holder.clone());
        spawn.spawn(
            Phase::Relay,
            format!("{name} relay"),
            STEP_WITHIN,
            move |stop| relay.run(stop),
        );
        let retrier = Retrier::new(cx.clone(), subscriptions.clone(), holder.clone());
        spawn.spawn(
            Phase::Consumers,
            format!("{name} retrier"),
            STEP_WITHIN,
            move |stop| retrier.run(stop),
        );
        let timers = TimerLoop::new(cx.clone(), holder.clone());
        spawn.spawn(
            Phase::Consumers,
            format!("{name} timers"),
            STEP_WITHIN,
            move |stop| timers.run(stop),
        );
        let sampler = Sampler::new(cx.clone(), holder);
        spawn.spawn(
            Phase::Consumers,
            format!("{name} sampler"),
            STEP_WITHIN,
            move |stop| sampler.run(stop),
        );
        spawn.spawn(
            Phase::Grpc,
            format!("{name} lease"),
            STEP_WITHIN,
            move |stop| lease.run(stop),
        );
        self.start_runner(cx, subscriptions);
    }

    /// The runner blocks, so it has a thread; a task watches it for the shutdown.
    fn start_runner(&self, cx: &Context, subscriptions: Arc<Vec<Subscription>>) {
        if subscriptions.is_empty() {
            return;
        }
        let runner = Runner::new(cx.clone(), subscriptions, Handle::current());
        let name = cx.name();
        self.shutdown.spawn(
            Phase::Consumers,
            format!("{name} consumer"),
            STEP_WITHIN,
            move |stop| async move {
                let (done, ended) = tokio::sync::oneshot::channel::<()>();
                let thread = std::thread::Builder::new()
                    .name(format!("{name}-consumer"))
                    .spawn(move || {
                        runner.run(&stop);
                        drop(done);
                    });
                match thread {
                    Ok(_) => {
                        // The sender is dropped when the thread ends, however it ends.
                        let _ = ended.await;
                    }
                    Err(error) => {
                        tracing::error!(%error, service = name, "no thread for the consumer")
                    }
                }
            },
        );
    }

    fn stop_last(&self, bus: Arc<dyn Bus>) {
        let contexts = self.contexts.clone();
        self.shutdown
            .step(Phase::Pools, "bus and databases", STEP_WITHIN, async move {
                bus.close(STEP_WITHIN).await;
                for cx in contexts.iter() {
                    cx.db().close().await;
                }
            });
    }
}

/// The embedded bus serves all services in one process, or it serves nobody.
fn refuse_lonely_embedded_bus(settings: &Settings, modules: &[Module]) -> Result<(), NodeError> {
    if settings.bus.kind != BusKind::Embedded {
        return Ok(());
    }
    let elsewhere: Vec<&str> = parts::SERVICES
        .into_iter()
        .filter(|name| {
            settings.neighbours.address(name).is_some()
                && modules.iter().all(|module| module.name != *name)
        })
        .collect();
    if elsewhere.is_empty() {
        return Ok(());
    }
    Err(NodeError::EmbeddedBusNotShared {
        elsewhere: elsewhere.join(", "),
    })
}

/// A key that did not write the latest audit record would leave what is encrypted unreadable, and mix what follows.
async fn refuse_other_key(
    db: &crate::db::Database,
    service: &'static str,
    keys: &KeyRing,
) -> Result<(), NodeError> {
    let needed = audit::latest_key_id(db.reader())
        .await
        .map_err(|source| NodeError::Database {
            service: service.to_owned(),
            source,
        })?;
    let held = keys.key_id();
    match needed {
        Some(needed) if needed != held => Err(NodeError::OtherKey {
            service,
            needed,
            held,
        }),
        Some(_) | None => Ok(()),
    }
}

async fn prepare_database(
    db: &crate::db::Database,
    module: &Module,
    clock: &SharedClock,
    migrate: bool,
) -> Result<(), NodeError> {
    let migrator = Migrator::new(module.migrations);
    if migrate {
        apply_migrations(db, module, clock).await?;
        return Ok(());
    }
    let pending = migrator
        .pending(db)
        .await
        .map_err(NodeError::database(module.name))?;
    if pending.is_empty() {
        return Ok(());
    }
    Err(NodeError::MigrationsPending {
        service: module.name,
        pending: pending.join(", "),
    })
}

/// Applies a service's pending migrations and seeds its rule rows; the names applied.
///
/// # Errors
/// The database is away or a statement failed.
pub async fn apply_migrations(
    db: &crate::db::Database,
    module: &Module,
    clock: &SharedClock,
) -> Result<Vec<String>, NodeError> {
    let applied = Migrator::new(module.migrations)
        .migrate(db)
        .await
        .map_err(NodeError::database(module.name))?;
    rule::seed(db.writer(), module.rules, clock.now())
        .await
        .map_err(NodeError::database(module.name))?;
    Ok(applied)
}
