//! Opening what a node stands on.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use http::Uri;
use sea_orm::DbErr;

use super::data_dir::DataDir;
use super::write_probe::WriteProbe;
use crate::bus::Bus;
use crate::bus::embedded::EmbeddedBus;
use crate::bus::kafka::{KafkaBus, KafkaSettings};
use crate::clock::SharedClock;
use crate::config::{BusKind, Settings};
use crate::context::Context;
use crate::db::migrate::Migrator;
use crate::db::{Database, Fault, classify};
use crate::grpc::client::Neighbour;
use crate::http::Check;
use crate::module::Module;

/// The services that have an address of their own in the settings.
pub(super) const SERVICES: [&str; 4] =
    ["residents", "life-events", "elderly-care", "child-welfare"];

/// Why a node did not start.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// A port is in use or not ours.
    #[error("cannot listen at {address} ({setting}): {}", plainly(.source))]
    Bind {
        /// The setting that names the address.
        setting: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The data directory cannot be used.
    #[error("cannot use the data directory {path}: {}", plainly(.source))]
    DataDir {
        /// The directory.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A database cannot be used.
    #[error("cannot use the database of {service}: {source}")]
    Database {
        /// The service.
        service: String,
        /// Why.
        source: DbErr,
    },
    /// A database is older than this binary.
    #[error("the database of {service} lacks migrations ({pending}); run `minzheng migrate up`")]
    MigrationsPending {
        /// The service.
        service: &'static str,
        /// Names of what is missing.
        pending: String,
    },
    /// A database was written under another key.
    #[error(
        "the database of {service} was written under the key {needed:08x}, and the key file holds {held:08x}: put the right key \
         there (crypto.key_file)"
    )]
    OtherKey {
        /// The service.
        service: &'static str,
        /// The key's id in the database.
        needed: u32,
        /// The key's id in the file.
        held: u32,
    },
    /// The bus cannot be used.
    #[error("cannot use the bus: {0}")]
    Bus(#[from] crate::bus::BusError),
    /// Some services would not share the embedded bus.
    #[error(
        "the embedded bus serves all services in one process, and {elsewhere} would be elsewhere; \
         set bus.kind=kafka, or run --target all"
    )]
    EmbeddedBusNotShared {
        /// The services that are elsewhere.
        elsewhere: String,
    },
    /// Reflection cannot be built; the contracts are broken.
    #[error("cannot build the reflection service: {0}")]
    Reflection(String),
    /// A service that is needed has no address.
    #[error("{service} is not in this process and neighbours.{service} is not set")]
    NeighbourUnknown {
        /// The service.
        service: &'static str,
    },
}

impl NodeError {
    pub(super) fn bind(
        setting: &'static str,
        address: SocketAddr,
    ) -> impl Fn(std::io::Error) -> Self {
        move |source| NodeError::Bind {
            setting,
            address,
            source,
        }
    }

    pub(super) fn database(service: &str) -> impl Fn(DbErr) -> Self {
        let service = service.to_owned();
        move |source| NodeError::Database {
            service: service.clone(),
            source,
        }
    }

    pub(super) fn reflection(error: impl std::fmt::Display) -> Self {
        NodeError::Reflection(error.to_string())
    }
}

/// What the operating system refused, in words that say what is the matter.
fn plainly(error: &std::io::Error) -> String {
    let text = match error.kind() {
        ErrorKind::AddrInUse => "another program listens there",
        ErrorKind::AddrNotAvailable => "this machine has no such address",
        ErrorKind::PermissionDenied => "this user may not",
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            "it, or what it lies in, is no directory"
        }
        ErrorKind::ReadOnlyFilesystem => "its file system is read-only",
        ErrorKind::StorageFull => "its disk is full",
        ErrorKind::WouldBlock => "another minzheng runs on it",
        _ => return error.to_string(),
    };
    text.to_owned()
}

/// Opens a service's database, as the settings say.
///
/// # Errors
/// The data directory or the database cannot be used.
pub async fn open_database(settings: &Settings, service: &str) -> Result<Database, NodeError> {
    if let Some(url) = settings.database.url(service) {
        let application = format!("minzheng-{service}");
        return Database::open_postgres(&url, &application, settings.database.max_connections)
            .map_err(NodeError::database(service));
    }
    let directory = data_dir(settings)?;
    Database::open_sqlite(&directory.database(service))
        .await
        .map_err(NodeError::database(service))
}

/// How long a starting node waits for a database that cannot be reached; then whoever runs it is told.
const DATABASE_WITHIN: Duration = Duration::from_secs(60);

/// How often it looks.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// Waits until a service's PostgreSQL can be reached: a server that starts a moment later, or that is just
/// being replaced, is no reason to end. SQLite is a file: there is nobody to wait for.
///
/// # Errors
/// It refuses the connection for another reason, or is away for longer than a minute.
pub(super) async fn wait_for_database(settings: &Settings, service: &str) -> Result<(), NodeError> {
    if settings.database.url(service).is_none() {
        return Ok(());
    }
    let db = open_database(settings, service).await?;
    let began = Instant::now();
    let reached = loop {
        match db.ping().await {
            Err(error) if classify(&error) == Fault::Away && began.elapsed() < DATABASE_WITHIN => {
                tracing::warn!(service, %error, "the database is away; waiting");
                tokio::time::sleep(LOOK_AGAIN_AFTER).await;
            }
            outcome => break outcome,
        }
    };
    db.close().await;
    reached.map_err(NodeError::database(service))
}

fn data_dir(settings: &Settings) -> Result<DataDir, NodeError> {
    DataDir::open(&settings.data_dir).map_err(|source| NodeError::DataDir {
        path: settings.data_dir.display().to_string(),
        source,
    })
}

/// Opens the bus, as the settings say.
///
/// # Errors
/// The file or the client cannot be made. A broker that is away is no error: it is not ready.
pub fn open_bus(settings: &Settings, clock: &SharedClock) -> Result<Arc<dyn Bus>, NodeError> {
    match settings.bus.kind {
        BusKind::Embedded => {
            let bus = EmbeddedBus::open(&data_dir(settings)?.log(), clock.clone())?;
            Ok(Arc::new(bus))
        }
        BusKind::Kafka => Ok(Arc::new(KafkaBus::connect(kafka_settings(settings))?)),
    }
}

fn kafka_settings(settings: &Settings) -> KafkaSettings {
    let copies = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
    KafkaSettings {
        topic_prefix: settings.bus.topic_prefix.clone(),
        session_timeout: settings.kafka.session_timeout,
        instance_id: settings.kafka.instance_id.clone(),
        replication_factor: copies(settings.kafka.replication_factor),
        min_insync_replicas: copies(settings.kafka.min_insync_replicas),
        properties: settings.kafka.security_properties(),
        ..KafkaSettings::new(settings.kafka.bootstrap.clone())
    }
}

/// Every other service: where the settings say, else in this process, else nowhere.
pub(super) fn neighbours(
    settings: &Settings,
    modules: &[Module],
    own: SocketAddr,
) -> Result<BTreeMap<String, Neighbour>, NodeError> {
    let mut neighbours = BTreeMap::new();
    for name in SERVICES {
        let here = modules.iter().any(|module| module.name == name);
        let address = match settings.neighbours.address(name) {
            _ if here => own_address(own),
            Some(address) => Some(address.clone()),
            None => None,
        };
        if let Some(address) = address {
            neighbours.insert(name.to_owned(), Neighbour::at(address));
        }
    }
    Ok(neighbours)
}

/// The own port as a client reaches it.
fn own_address(own: SocketAddr) -> Option<Uri> {
    let ip = match own.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, own.port()))
        .parse()
        .ok()
}

/// Whether the node can work now: migrations, databases, room to write, bus. It does not wait for partitions.
///
/// A bus that was reached once counts as reached from then on: while it is away commands still succeed
/// and their events wait in the outbox, so no caller must be sent elsewhere for it.
pub(super) async fn checks(
    contexts: Arc<[Context]>,
    probes: Arc<[WriteProbe]>,
    bus_reached: Arc<AtomicBool>,
) -> Vec<Check> {
    let mut checks = Vec::new();
    for cx in contexts.iter() {
        checks.push((format!("{} database", cx.name()), database_check(cx).await));
    }
    let writes = probes.iter().map(async |probe| {
        let name = format!("{} writes", probe.service());
        (name, probe.check().await)
    });
    checks.extend(join_all(writes).await);
    if let Some(cx) = contexts.first() {
        checks.push(("bus".to_owned(), bus_check(cx, &bus_reached).await));
    }
    checks
}

async fn bus_check(cx: &Context, reached: &AtomicBool) -> Result<(), String> {
    if reached.load(Ordering::Relaxed) {
        return Ok(());
    }
    cx.bus()
        .healthy()
        .await
        .map_err(|error| error.to_string())?;
    reached.store(true, Ordering::Relaxed);
    Ok(())
}

async fn database_check(cx: &Context) -> Result<(), String> {
    let pending = Migrator::new(cx.module().migrations).pending(cx.db()).await;
    match pending {
        Ok(pending) if pending.is_empty() => Ok(()),
        Ok(pending) => Err(format!("lacks migrations: {}", pending.join(", "))),
        Err(error) => Err(error.to_string()),
    }
}
