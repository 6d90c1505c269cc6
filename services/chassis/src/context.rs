//! What a service works with: its database, bus, clock, keys, neighbours. Tokens, not statics: two
//! nodes can live in one process.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::{NoContext, Uuid};

use crate::authz::Caller;
use crate::bus::Bus;
use crate::clock::SharedClock;
use crate::config::Settings;
use crate::crypto::KeyRing;
use crate::db::Database;
use crate::grpc::client::{Neighbour, NeighbourChannel};
use crate::module::Module;
use crate::seam::Failure;
use crate::telemetry::metrics::Metrics;

/// A new id (UUIDv7), ordered by the given instant.
pub fn new_id(now: Timestamp) -> Uuid {
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or_default();
    Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, seconds, nanos))
}

/// One service's context within one node. Cheap to clone.
#[derive(Clone)]
pub struct Context(Arc<Inner>);

/// What a context is made of.
pub struct Parts {
    /// The service.
    pub module: Arc<Module>,
    /// Its database.
    pub db: Database,
    /// The node's bus.
    pub bus: Arc<dyn Bus>,
    /// The node's clock.
    pub clock: SharedClock,
    /// The node's settings.
    pub settings: Arc<Settings>,
    /// The node's metrics.
    pub metrics: Arc<Metrics>,
    /// The keys.
    pub keys: Arc<KeyRing>,
    /// The other services, by name.
    pub neighbours: Arc<BTreeMap<String, Neighbour>>,
    /// Where running commands are counted, so that a stop can wait for them.
    pub tasks: TaskTracker,
    /// Cancelled when the node begins to stop.
    pub stopping: CancellationToken,
}

struct Inner {
    parts: Parts,
    itself: Arc<Caller>,
    outbox: Notify,
    changes: watch::Sender<u64>,
}

impl Context {
    /// From its parts.
    pub fn new(parts: Parts) -> Self {
        let itself = Arc::new(Caller::service(parts.module.name));
        Self(Arc::new(Inner {
            parts,
            itself,
            outbox: Notify::new(),
            changes: watch::Sender::new(0),
        }))
    }

    /// The service's name.
    pub fn name(&self) -> &'static str {
        self.0.parts.module.name
    }

    /// What the service is.
    pub fn module(&self) -> &Module {
        &self.0.parts.module
    }

    /// Its database.
    pub fn db(&self) -> &Database {
        &self.0.parts.db
    }

    /// The bus.
    pub fn bus(&self) -> &Arc<dyn Bus> {
        &self.0.parts.bus
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.0.parts.clock.now()
    }

    /// The clock.
    pub fn clock(&self) -> &SharedClock {
        &self.0.parts.clock
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.0.parts.settings
    }

    /// The metrics.
    pub fn metrics(&self) -> &Metrics {
        &self.0.parts.metrics
    }

    /// The keys.
    pub fn keys(&self) -> &KeyRing {
        &self.0.parts.keys
    }

    /// The service as a caller: subscriptions and timers act as it.
    pub fn itself(&self) -> &Arc<Caller> {
        &self.0.itself
    }

    /// Running commands.
    pub fn tasks(&self) -> &TaskTracker {
        &self.0.parts.tasks
    }

    /// Cancelled when the node begins to stop: whoever is being answered without end is answered no more.
    pub fn stopping(&self) -> &CancellationToken {
        &self.0.parts.stopping
    }

    /// A channel to another service, on which calls name this service and, where given, the caller
    /// on whose behalf it asks.
    ///
    /// # Errors
    /// No such neighbour is configured.
    pub fn neighbour(
        &self,
        name: &str,
        on_behalf_of: Option<&Caller>,
    ) -> Result<NeighbourChannel, Failure> {
        let neighbour = self.0.parts.neighbours.get(name);
        let neighbour = neighbour
            .ok_or_else(|| Failure::internal(format!("no neighbour {name} is configured")))?;
        Ok(neighbour.channel(self.itself(), on_behalf_of))
    }

    /// The neighbours, by name.
    pub(crate) fn neighbours(&self) -> &BTreeMap<String, Neighbour> {
        &self.0.parts.neighbours
    }

    /// Called after every commit: wakes those who watch, and the relay if there is something for it.
    pub(crate) fn committed(&self, publishes: bool) {
        if publishes {
            self.0.outbox.notify_one();
        }
        self.0
            .changes
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Waits for a commit of this process, once.
    pub(crate) async fn outbox_woken(&self) {
        self.0.outbox.notified().await;
    }

    /// Changes whenever a unit of work of this process commits. Other replicas' commits do not show
    /// here: who watches also polls.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }
}
