//! Real nodes inside a test process: every part as in production, on free ports.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use minzheng_proto::topics;
use tonic::transport::{Channel, Endpoint};
use uuid::Uuid;

use super::{KAFKA_VARIABLE, TestDatabase, real_service};
use crate::authz::{Caller, Role};
use crate::bus::{Bus, TopicSpec};
use crate::clock::FakeClock;
use crate::config::Settings;
use crate::context::Context;
use crate::crypto::KeyRing;
use crate::grpc::client::{Neighbour, NeighbourChannel};
use crate::module::Module;
use crate::node::{Node, Plan, open_bus};

/// Where a test's nodes live: databases and a bus of their own.
pub struct Deployment {
    database: TestDatabase,
    kafka: Option<String>,
    prefix: String,
    clock: FakeClock,
    keys: Arc<KeyRing>,
}

impl Deployment {
    /// SQLite and the embedded bus.
    pub fn embedded() -> Self {
        Self::new(TestDatabase::sqlite(), None)
    }

    /// PostgreSQL and Kafka; `None` where a person chose to test without.
    pub async fn real() -> Option<Self> {
        let kafka = real_service(KAFKA_VARIABLE)?;
        Some(Self::new(TestDatabase::postgres().await?, Some(kafka)))
    }

    fn new(database: TestDatabase, kafka: Option<String>) -> Self {
        Self {
            database,
            kafka,
            prefix: format!("t{}.", Uuid::new_v4().simple()),
            clock: FakeClock::at(Timestamp::now()),
            keys: Arc::new(KeyRing::ephemeral()),
        }
    }

    /// The clock of its nodes; it stands still until it is moved.
    pub fn clock(&self) -> &FakeClock {
        &self.clock
    }

    /// Its databases.
    pub fn database(&self) -> &TestDatabase {
        &self.database
    }

    /// The settings of its nodes, as `key=value`.
    pub fn settings(&self) -> Vec<String> {
        let mut settings = self.database.settings();
        for fixed in [
            "grpc.listen=127.0.0.1:0",
            "http.listen=",
            "identity.insecure_development=true",
            "timer.tick_ms=50",
            "runner.retry_first_ms=100",
            "telemetry.log_filter=warn",
        ] {
            settings.push(fixed.to_owned());
        }
        if let Some(kafka) = &self.kafka {
            settings.push("bus.kind=kafka".to_owned());
            settings.push(format!("bus.kafka.bootstrap={kafka}"));
            settings.push(format!("bus.topic_prefix={}", self.prefix));
            settings.push("bus.kafka.replication_factor=1".to_owned());
            settings.push("bus.kafka.min_insync_replicas=1".to_owned());
        }
        settings
    }

    /// Creates databases and topics, and starts one node with these services.
    ///
    /// # Panics
    /// Something did not start: the test cannot go on.
    pub async fn start(&self, modules: Vec<Module>) -> TestNode {
        self.start_with(modules, &[]).await
    }

    /// The same with further settings.
    ///
    /// # Panics
    /// As [`Deployment::start`].
    pub async fn start_with(&self, modules: Vec<Module>, more: &[&str]) -> TestNode {
        let names: Vec<&str> = modules.iter().map(|module| module.name).collect();
        self.database
            .create(&names)
            .await
            .expect("databases are created");
        self.start_again(modules, more).await
    }

    /// Starts a node on databases that exist already.
    ///
    /// # Panics
    /// As [`Deployment::start`].
    pub async fn start_again(&self, modules: Vec<Module>, more: &[&str]) -> TestNode {
        let mut settings = self.settings();
        settings.extend(more.iter().map(|setting| (*setting).to_owned()));
        let settings = Settings::with(settings).expect("settings are valid");
        let clock: crate::clock::SharedClock = Arc::new(self.clock.clone());
        let bus = open_bus(&settings, &clock).expect("the bus opens");
        bus.apply_topics(&topic_specs())
            .await
            .expect("topics are created");
        let plan = Plan {
            modules,
            settings,
            clock,
            keys: self.keys.clone(),
            bus: bus.clone(),
            migrate: true,
        };
        TestNode {
            node: Node::start(plan).await.expect("the node starts"),
            bus,
        }
    }
}

/// Partitions of a topic in a test: enough to tell them apart. A broker that many tests share would
/// carry thousands if each had the declared twelve.
const PARTITIONS: i32 = 2;

/// The declared topics, for the bus of a test.
pub fn topic_specs() -> Vec<TopicSpec> {
    topics::ALL
        .iter()
        .map(|topic| TopicSpec {
            partitions: PARTITIONS,
            ..TopicSpec::from(**topic)
        })
        .collect()
}

/// A running node of a test.
pub struct TestNode {
    node: Node,
    bus: Arc<dyn Bus>,
}

impl TestNode {
    /// A channel on which calls carry this caller's identity.
    ///
    /// # Panics
    /// Never: the address is the node's own.
    pub fn channel(&self, caller: &Caller) -> NeighbourChannel {
        let address = format!("http://{}", self.node.grpc_address());
        Neighbour::at(address.parse().expect("an address")).channel(caller, None)
    }

    /// A channel without identity.
    ///
    /// # Panics
    /// Never: the address is the node's own.
    pub fn anonymous(&self) -> Channel {
        let address = format!("http://{}", self.node.grpc_address());
        Endpoint::from_shared(address)
            .expect("an address")
            .connect_lazy()
    }

    /// Where its metrics and probes are, if the settings name an address.
    pub fn http_address(&self) -> Option<std::net::SocketAddr> {
        self.node.http_address()
    }

    /// The context of one of its services.
    ///
    /// # Panics
    /// The node has no such service.
    pub fn context(&self, service: &str) -> &Context {
        let found = self.node.contexts().iter().find(|cx| cx.name() == service);
        found.unwrap_or_else(|| panic!("no service {service} in this node"))
    }

    /// Its bus.
    pub fn bus(&self) -> &Arc<dyn Bus> {
        &self.bus
    }

    /// The node itself.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Stops it in order.
    pub async fn stop(self) {
        self.node.stop().await;
    }
}

fn caller(subject: &str, role: Role, divisions: &str) -> Caller {
    Caller {
        subject: subject.to_owned(),
        roles: BTreeSet::from([role]),
        divisions: vec![divisions.parse().expect("a division")],
        department: "civil-affairs".to_owned(),
        on_behalf_of: None,
    }
}

/// A county clerk.
///
/// # Panics
/// `divisions` is no division code.
pub fn clerk(subject: &str, divisions: &str) -> Caller {
    caller(subject, Role::CountyClerk, divisions)
}

/// A township worker.
///
/// # Panics
/// `divisions` is no division code.
pub fn worker(subject: &str, divisions: &str) -> Caller {
    caller(subject, Role::TownshipWorker, divisions)
}

/// Somebody who reports deaths.
///
/// # Panics
/// `divisions` is no division code.
pub fn reporter(subject: &str, divisions: &str) -> Caller {
    caller(subject, Role::Reporter, divisions)
}

/// A provincial operator.
pub fn operator(subject: &str) -> Caller {
    caller(subject, Role::ProvincialOperator, "52")
}
