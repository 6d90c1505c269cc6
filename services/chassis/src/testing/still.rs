//! Services of which nothing runs by itself: a test takes each step.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::bus::Bus;
use crate::clock::SharedClock;
use crate::config::Settings;
use crate::context::{Context, Parts};
use crate::crypto::KeyRing;
use crate::grpc::client::Neighbour;
use crate::module::Module;
use crate::node::{apply_migrations, open_database};
use crate::telemetry::metrics::Metrics;

/// What the contexts of one node share.
pub struct Still {
    pub(super) settings: Arc<Settings>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) stopping: CancellationToken,
    clock: SharedClock,
    bus: Arc<dyn Bus>,
    keys: Arc<KeyRing>,
    neighbours: Arc<BTreeMap<String, Neighbour>>,
    tasks: TaskTracker,
}

impl Still {
    /// With keys of its own.
    pub fn new(
        settings: Settings,
        clock: SharedClock,
        bus: Arc<dyn Bus>,
        neighbours: BTreeMap<String, Neighbour>,
    ) -> Self {
        Self {
            settings: Arc::new(settings),
            metrics: Arc::new(Metrics::new()),
            stopping: CancellationToken::new(),
            clock,
            bus,
            keys: Arc::new(KeyRing::ephemeral()),
            neighbours: Arc::new(neighbours),
            tasks: TaskTracker::new(),
        }
    }

    /// The context of a service, on its migrated database.
    ///
    /// # Panics
    /// The database cannot be used.
    pub async fn context(&self, module: Module) -> Context {
        let db = open_database(&self.settings, module.name).await;
        let db = db.expect("the database opens");
        let migrated = apply_migrations(&db, &module, &self.clock).await;
        migrated.expect("migrations are applied");
        Context::new(Parts {
            module: Arc::new(module),
            db,
            bus: self.bus.clone(),
            clock: self.clock.clone(),
            settings: self.settings.clone(),
            metrics: self.metrics.clone(),
            keys: self.keys.clone(),
            neighbours: self.neighbours.clone(),
            tasks: self.tasks.clone(),
            stopping: self.stopping.clone(),
        })
    }
}
