//! What is broken: the processes of one deployment, their own PostgreSQL and Kafka, the proxies
//! between them, and a clock for each process.

mod disk;
mod ways;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use anyhow::Context;
use minzheng_chassis::testing::TestDatabase;
use xtask::kafka::Kafka;
use xtask::postgres::Postgres;

pub use self::disk::{SmallDisk, clear};
use self::ways::{around, clients, here, to_servers};
use super::proxy::Proxy;
use crate::platform::{ClockControl, Platform, SERVICES};
use crate::processes::{Process, free_port, run};

/// How the platform is deployed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A process per service and replica, on PostgreSQL and Kafka.
    Services,
    /// One process on SQLite and the embedded bus.
    Embedded,
}

/// What Kafka knows the consumers by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Members {
    /// As shipped: whoever was killed comes as a new one, and what he had is taken by others.
    New,
    /// By names of their own (`bus.kafka.instance_id`): whoever comes back in time takes up what he had.
    Named,
}

impl Kind {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Services => "services",
            Self::Embedded => "embedded",
        }
    }
}

/// One process.
pub struct Replica {
    /// The service, or `all`.
    pub target: &'static str,
    /// Its number among those of the service.
    pub number: usize,
    /// The process.
    pub process: Process,
    clock_file: PathBuf,
}

impl Replica {
    /// Its name in reports.
    pub fn name(&self) -> String {
        format!("{}-{}", self.target, self.number)
    }

    /// Moves its clock: so many seconds from the system's.
    pub fn skew(&self, seconds: i64) {
        let next = self.clock_file.with_extension("next");
        std::fs::write(&next, seconds.to_string()).expect("the offset is written");
        std::fs::rename(next, &self.clock_file).expect("the offset is in place");
    }
}

/// A running deployment.
pub struct Deployment {
    /// Which kind.
    pub kind: Kind,
    /// Its processes.
    pub replicas: Vec<Replica>,
    /// Its PostgreSQL; calls block.
    pub postgres: Option<Arc<Mutex<Postgres>>>,
    /// Its Kafka; calls block.
    pub kafka: Option<Arc<Mutex<Kafka>>>,
    /// The proxies, by whose way they are on: `postgres/<service>` and `kafka/<service>` of a service to its servers,
    /// `neighbour/residents` of those that ask it, `client/<replica>` of the clients.
    pub proxies: BTreeMap<String, Proxy>,
    /// The small file system of an embedded deployment, if one could be mounted.
    pub disk: Option<SmallDisk>,
    /// `key=value` of the deployment, around the proxies.
    settings: Vec<String>,
    database: Option<TestDatabase>,
    replicas_each: usize,
}

impl Deployment {
    /// Starts one in an empty directory.
    ///
    /// # Errors
    /// Something does not start.
    pub async fn start(
        kind: Kind,
        directory: &Path,
        replicas: usize,
        members: Members,
    ) -> anyhow::Result<Self> {
        match kind {
            Kind::Services => services(directory, replicas, members).await,
            Kind::Embedded => embedded(directory).await,
        }
    }

    /// The platform through its first, second, … replicas, as clients reach it.
    pub fn platforms(&self) -> Vec<Platform> {
        let address = |replica: &Replica| {
            let proxy = &self.proxies[&format!("client/{}", replica.name())];
            format!("http://{}", proxy.address())
        };
        (0..self.replicas_each)
            .map(|number| self.platform_of(number, address))
            .collect()
    }

    fn platform_of(&self, number: usize, address: impl Fn(&Replica) -> String) -> Platform {
        let addresses = SERVICES
            .iter()
            .map(|service| {
                let found = self.replicas.iter().find(|replica| {
                    [*service, "all"].contains(&replica.target) && replica.number == number
                });
                (*service, found.map(&address).into_iter().collect())
            })
            .collect();
        // Nobody moves time through it.
        Platform::new(addresses, ClockControl::File(PathBuf::from("/dev/null")))
    }

    /// `key=value` that reach databases and bus directly.
    pub fn settings(&self) -> &[String] {
        &self.settings
    }

    /// The URL or the file of a service's database.
    pub fn database(&self, service: &str) -> Where {
        match &self.database {
            Some(database) => Where::Url(database.url(service)),
            None => {
                let directory = self.settings[0].trim_start_matches("data_dir=");
                Where::File(Path::new(directory).join(format!("{service}.db")))
            }
        }
    }
}

impl Deployment {
    /// Keeps databases and the broker's log in a directory, for whoever looks for a cause.
    ///
    /// # Errors
    /// They cannot be copied.
    pub fn keep(&self, directory: &Path) -> anyhow::Result<()> {
        for service in SERVICES {
            match self.database(service) {
                // With its write-ahead log, which is part of it.
                Where::File(file) => {
                    for ending in ["", "-wal"] {
                        let name = format!("{service}.db{ending}");
                        let from = file.with_file_name(&name);
                        if from.exists() {
                            std::fs::copy(from, directory.join(name))?;
                        }
                    }
                }
                Where::Url(url) => self.dump(&url, &directory.join(format!("{service}.sql")))?,
            }
        }
        if let Some(kafka) = &self.kafka {
            let kafka = kafka.lock().expect("not poisoned");
            let log = kafka.description().dir.join("kafka.log");
            std::fs::copy(log, directory.join("kafka.log"))?;
        }
        Ok(())
    }

    fn dump(&self, url: &str, to: &Path) -> anyhow::Result<()> {
        let postgres = self.postgres.as_ref().context("no PostgreSQL")?;
        let postgres = postgres.lock().expect("not poisoned");
        let program = postgres.description().bin_dir.join("pg_dump");
        let dumped = std::process::Command::new(program)
            .arg(format!("--dbname={url}"))
            .arg(format!("--file={}", to.display()))
            .status()?;
        anyhow::ensure!(dumped.success(), "pg_dump failed");
        Ok(())
    }
}

/// Where a database is.
pub enum Where {
    /// On PostgreSQL.
    Url(String),
    /// A SQLite file.
    File(PathBuf),
}

/// The data directory of an embedded deployment.
const DATA: &str = "data";

/// MiB of the embedded deployment's disk.
const DISK: usize = 2048;

async fn embedded(directory: &Path) -> anyhow::Result<Deployment> {
    let data = directory.join(DATA);
    let disk = SmallDisk::mount(&data, DISK);
    let settings = vec![format!("data_dir={}", data.display())];
    let mut arguments = serve("all");
    arguments.push("--migrate".to_owned());
    arguments.extend(flags(&settings));
    let replica = replica(directory, "all", 0, arguments)?;
    replica.process.is_serving().await;
    let proxies = clients(std::slice::from_ref(&replica)).await?;
    Ok(Deployment {
        kind: Kind::Embedded,
        replicas: vec![replica],
        postgres: None,
        kafka: None,
        proxies,
        disk,
        settings,
        database: None,
        replicas_each: 1,
    })
}

async fn services(
    directory: &Path,
    replicas_each: usize,
    members: Members,
) -> anyhow::Result<Deployment> {
    let postgres = blocking(Postgres::start).await?;
    // Kafka tells its clients where it is: each service is told of a proxy of its own.
    let told: Vec<u16> = SERVICES.iter().map(|_| free_port()).collect();
    let kafka = blocking(move || Kafka::start_behind(&told)).await?;
    let database = TestDatabase::on_server(postgres.url());
    database.create(&SERVICES).await?;
    minzheng_chassis::crypto::KeyRing::generate(&directory.join("master.key"))?;
    let settings = settings(directory, &database, kafka.bootstrap());
    for command in [["migrate", "up"], ["topics", "apply"]] {
        let mut arguments: Vec<String> = command.map(str::to_owned).to_vec();
        arguments.extend(flags(&settings));
        run(&arguments);
    }
    let ports: BTreeMap<&'static str, Vec<u16>> = SERVICES
        .iter()
        .map(|name| (*name, (0..replicas_each).map(|_| free_port()).collect()))
        .collect();
    let mut proxies = to_servers(&ports, postgres.description().port).await?;
    for (service, (listens, told)) in SERVICES.iter().zip(&kafka.description().ways) {
        let proxy = Proxy::start(*told, vec![here(*listens)]).await?;
        proxies.insert(format!("kafka/{service}"), proxy);
    }
    let mut replicas = Vec::new();
    for (name, ports) in &ports {
        for (number, port) in ports.iter().enumerate() {
            let mut arguments = serve(name);
            let direct = (postgres.description().port, kafka.bootstrap());
            arguments.extend(flags(&around(&settings, &proxies, direct, name)));
            arguments.extend(flags(&[format!("grpc.listen=127.0.0.1:{port}")]));
            if members == Members::Named {
                arguments.extend(flags(&[format!("bus.kafka.instance_id={name}-{number}")]));
            }
            replicas.push(replica(directory, name, number, arguments)?);
        }
    }
    for replica in &replicas {
        replica.process.is_serving().await;
    }
    proxies.extend(clients(&replicas).await?);
    Ok(Deployment {
        kind: Kind::Services,
        replicas,
        postgres: Some(Arc::new(Mutex::new(postgres))),
        kafka: Some(Arc::new(Mutex::new(kafka))),
        proxies,
        disk: None,
        settings,
        database: Some(database),
        replicas_each,
    })
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    tokio::task::spawn_blocking(work).await?
}

fn settings(directory: &Path, database: &TestDatabase, kafka: &str) -> Vec<String> {
    let mut settings = database.settings();
    settings.extend([
        format!("crypto.key_file={}/master.key", directory.display()),
        "bus.kind=kafka".to_owned(),
        format!("bus.kafka.bootstrap={kafka}"),
        "bus.kafka.replication_factor=1".to_owned(),
        "bus.kafka.min_insync_replicas=1".to_owned(),
    ]);
    settings
}

fn serve(target: &str) -> Vec<String> {
    ["serve", "--target", target].map(str::to_owned).to_vec()
}

fn flags(settings: &[String]) -> Vec<String> {
    let one = |setting: &String| ["--set".to_owned(), setting.clone()];
    settings.iter().flat_map(one).collect()
}

fn replica(
    directory: &Path,
    target: &'static str,
    number: usize,
    mut arguments: Vec<String>,
) -> anyhow::Result<Replica> {
    let name = format!("{target}-{number}");
    let clock_file = directory.join(format!("{name}.clock"));
    std::fs::write(&clock_file, "0").context("the clock's file")?;
    arguments.extend(flags(&[
        format!("clock.offset_file={}", clock_file.display()),
        "identity.insecure_development=true".to_owned(),
        "http.listen=".to_owned(),
        "telemetry.sample_ratio=0".to_owned(),
    ]));
    let listens = arguments
        .iter()
        .find_map(|argument| argument.strip_prefix("grpc.listen="))
        .map(str::to_owned);
    let address = match listens {
        Some(address) => address,
        None => {
            let address = format!("127.0.0.1:{}", free_port());
            arguments.extend(flags(&[format!("grpc.listen={address}")]));
            address
        }
    };
    let log = directory.join(format!("{name}.log"));
    Ok(Replica {
        target,
        number,
        process: Process::start(arguments, format!("http://{address}"), log),
        clock_file,
    })
}
