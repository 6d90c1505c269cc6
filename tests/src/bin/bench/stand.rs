//! Databases, topics and processes for one benchmark, of a part of the platform.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use minzheng_chassis::bus::Bus;
use minzheng_chassis::bus::TopicSpec;
use minzheng_chassis::bus::kafka::{KafkaBus, KafkaSettings};
use minzheng_chassis::clock::{SharedClock, SystemClock};
use minzheng_chassis::crypto::KeyRing;
use minzheng_chassis::db::{Database, Sql};
use minzheng_chassis::module::Module;
use minzheng_chassis::node::apply_migrations;
use minzheng_chassis::testing::{KAFKA_VARIABLE, POSTGRES_VARIABLE, TestDatabase, real_service};
use minzheng_proto::topics;
use minzheng_tests::platform::SERVICES;
use minzheng_tests::processes::{Process, free_port};
use nix::sys::signal::Signal;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tempfile::TempDir;
use uuid::Uuid;

use crate::accounting::Servers;

/// How long a process may take to end in order.
const ENDS_WITHIN: Duration = Duration::from_secs(20);

/// How often something is looked at that is waited for.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A part of the platform on real services.
pub(crate) struct Stand {
    pub(crate) database: TestDatabase,
    pub(crate) directory: TempDir,
    pub(crate) kafka: String,
    pub(crate) servers: Servers,
    pub(crate) bus: Arc<dyn Bus>,
    server: Database,
    prefix: String,
    admin: AdminClient<DefaultClientContext>,
}

impl Stand {
    /// Databases of these services, the topics, keys; `None` where a person chose to do without real services.
    pub(crate) async fn of(modules: &[Module]) -> anyhow::Result<Option<Self>> {
        let (Some(kafka), Some(url)) = (
            real_service(KAFKA_VARIABLE),
            real_service(POSTGRES_VARIABLE),
        ) else {
            return Ok(None);
        };
        let server = Database::open_postgres(&url, "bench", 2)?;
        let prefix = format!("b{}.", Uuid::new_v4().simple());
        let settings = KafkaSettings {
            topic_prefix: prefix.clone(),
            replication_factor: 1,
            min_insync_replicas: 1,
            ..KafkaSettings::new(&kafka)
        };
        let stand = Self {
            database: TestDatabase::on_server(&url),
            directory: tempfile::tempdir()?,
            servers: Servers::find(server.clone(), &url, &kafka)?,
            bus: Arc::new(KafkaBus::connect(settings)?),
            admin: ClientConfig::new()
                .set("bootstrap.servers", &kafka)
                .create()?,
            server,
            prefix,
            kafka,
        };
        KeyRing::generate(&stand.key_file())?;
        let specs: Vec<TopicSpec> = topics::ALL
            .iter()
            .map(|topic| TopicSpec::from(**topic))
            .collect();
        stand.bus.apply_topics(&specs).await?;
        for module in modules {
            stand.database.create(&[module.name]).await?;
            stand.migrate(module.name, module).await?;
        }
        Ok(Some(stand))
    }

    /// Where the master key is.
    pub(crate) fn key_file(&self) -> std::path::PathBuf {
        self.directory.path().join("master.key")
    }

    /// Brings a database to a service's schema.
    pub(crate) async fn migrate(&self, database: &str, module: &Module) -> anyhow::Result<()> {
        let clock: SharedClock = Arc::new(SystemClock);
        let opened = self.open(database)?;
        apply_migrations(&opened, module, &clock).await?;
        opened.close().await;
        Ok(())
    }

    /// Opens one of its databases.
    pub(crate) fn open(&self, name: &str) -> anyhow::Result<Database> {
        Ok(Database::open_postgres(
            &self.database.url(name),
            "bench",
            2,
        )?)
    }

    /// Copies one of its databases, which nobody may be using.
    pub(crate) async fn copy(&self, from: &str, to: &str) -> anyhow::Result<()> {
        let (from, to) = (self.database_name(from)?, self.database_name(to)?);
        let alone = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ";
        self.administer(&format!("{alone}'{from}'")).await?;
        self.administer(&format!("DROP DATABASE IF EXISTS {to} WITH (FORCE)"))
            .await?;
        self.administer(&format!("CREATE DATABASE {to} TEMPLATE {from}"))
            .await
    }

    fn database_name(&self, name: &str) -> anyhow::Result<String> {
        let url = self.database.url(name);
        Ok(url
            .rsplit_once('/')
            .context("a database in the URL")?
            .1
            .to_owned())
    }

    /// The name that the broker knows a topic by.
    pub(crate) fn topic(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Starts a process; it serves at the port, which its neighbours may know.
    pub(crate) fn start(&self, target: &str, port: u16, more: &[String]) -> Process {
        let directory = self.directory.path();
        let mut settings = self.database.settings();
        settings.extend([
            format!("crypto.key_file={}", self.key_file().display()),
            format!("grpc.listen=127.0.0.1:{port}"),
            "http.listen=".to_owned(),
            "bus.kind=kafka".to_owned(),
            format!("bus.kafka.bootstrap={}", self.kafka),
            format!("bus.topic_prefix={}", self.prefix),
            "bus.kafka.replication_factor=1".to_owned(),
            "bus.kafka.min_insync_replicas=1".to_owned(),
            "identity.insecure_development=true".to_owned(),
            "telemetry.log_filter=warn".to_owned(),
        ]);
        for service in SERVICES.iter().filter(|service| **service != target) {
            let key = format!("neighbours.{service}=");
            if !more.iter().any(|setting| setting.starts_with(&key)) {
                settings.push(format!("{key}http://127.0.0.1:{}", free_port()));
            }
        }
        settings.extend(more.iter().cloned());
        let mut arguments = vec!["serve".to_owned(), "--target".to_owned(), target.to_owned()];
        arguments.extend(
            settings
                .into_iter()
                .flat_map(|setting| ["--set".to_owned(), setting]),
        );
        let log = directory.join(format!("{target}.log"));
        Process::start(arguments, format!("http://127.0.0.1:{port}"), log)
    }

    /// The records that a topic holds or held: the sum of its high watermarks.
    pub(crate) async fn records(&self, topic: &str) -> anyhow::Result<i64> {
        let marks = self.bus.watermarks(topic).await?;
        Ok(marks.iter().map(|mark| mark.high).sum())
    }

    /// Lets the broker delete what a topic holds: the disk is not endless.
    pub(crate) async fn empty_topic(&self, topic: &str) -> anyhow::Result<()> {
        let mut list = TopicPartitionList::new();
        for (partition, _) in (0..).zip(self.bus.watermarks(topic).await?) {
            list.add_partition_offset(&self.topic(topic), partition, Offset::End)?;
        }
        self.admin
            .delete_records(&list, &AdminOptions::new())
            .await?;
        Ok(())
    }

    /// Runs a statement of the server's administrator.
    pub(crate) async fn administer(&self, statement: &str) -> anyhow::Result<()> {
        self.server.writer().run(statement, []).await?;
        Ok(())
    }

    /// A directory for the programs of the baselines.
    pub(crate) fn scratch(&self) -> &Path {
        self.directory.path()
    }

    /// Drops everything.
    pub(crate) async fn clear(self, databases: &[&str]) -> anyhow::Result<()> {
        self.bus.close(Duration::from_secs(2)).await;
        let names: Vec<String> = topics::ALL
            .iter()
            .map(|topic| self.topic(topic.name))
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        self.admin
            .delete_topics(&names, &AdminOptions::new())
            .await?;
        for database in databases {
            let name = self.database_name(database)?;
            self.administer(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
                .await?;
        }
        Ok(())
    }
}

/// Ends a process in order, so that its lease and its partitions are free.
pub(crate) async fn end(mut process: Process) -> anyhow::Result<()> {
    process.signal(Signal::SIGTERM);
    let asked = Instant::now();
    while !process.has_ended() {
        anyhow::ensure!(
            asked.elapsed() < ENDS_WITHIN,
            "a process does not end:\n{}",
            process.log()
        );
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}
