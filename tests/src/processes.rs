//! Platforms of several processes: one per target, replicas, one that is killed and restarted.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use minzheng_chassis::testing::TestDatabase;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use uuid::Uuid;

use crate::platform::{ClockControl, Platform, SERVICES};

/// How long a process may take to answer.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// The binary under test: the one `cargo xtask test` names, else the one beside the test.
pub fn binary() -> PathBuf {
    if let Ok(path) = std::env::var("MINZHENG_TEST_BIN") {
        return path.into();
    }
    let test = std::env::current_exe().expect("this test's own path");
    let directory = test
        .parent()
        .and_then(Path::parent)
        .expect("target/<profile>");
    directory.join("minzheng")
}

/// A port that is free now, below the range the system gives out by itself.
pub fn free_port() -> u16 {
    xtask::port::choose().expect("a free port")
}

/// One `minzheng serve` process.
pub struct Process {
    child: Option<Child>,
    /// Whether it was told to end itself somewhere (`failpoint`).
    is_armed: bool,
    /// How it ended when nobody had killed it.
    ends: Vec<ExitStatus>,
    arguments: Vec<String>,
    log: PathBuf,
    /// Environment variables of its next start.
    pub environment: Vec<(String, String)>,
    /// Its gRPC address, `http://host:port`.
    pub address: String,
}

impl Process {
    /// Starts it with these arguments; it serves at `address` and writes its log there.
    pub fn start(arguments: Vec<String>, address: String, log: PathBuf) -> Self {
        let mut process = Self {
            child: None,
            is_armed: false,
            ends: Vec::new(),
            arguments,
            log,
            environment: Vec::new(),
            address,
        };
        process.restart();
        process
    }

    /// Starts it (again) with the same arguments.
    pub fn restart(&mut self) {
        self.kill();
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .expect("a log file");
        let child = Command::new(binary())
            .args(&self.arguments)
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("minzheng starts");
        self.child = Some(child);
        self.is_armed = !self.environment.is_empty();
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.note_its_end();
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself; then there is nothing to kill.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Notes an end that nobody caused, where it was not told to end itself.
    fn note_its_end(&mut self) {
        let child = self.child.as_mut();
        let Some(status) = child.and_then(|child| child.try_wait().ok().flatten()) else {
            return;
        };
        let is_told = self.is_armed && status.signal() == Some(Signal::SIGABRT as i32);
        if !is_told {
            self.ends.push(status);
        }
    }

    /// Each time that it ended by itself, as the operating system tells it: what was killed, and what was told to end
    /// itself, is none.
    pub fn ends(&mut self) -> Vec<String> {
        if self.has_ended() {
            self.kill();
        }
        self.ends.iter().map(ToString::to_string).collect()
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        let child = self.child.as_mut();
        child.is_none_or(|child| !matches!(child.try_wait(), Ok(None)))
    }

    /// Whether it has ended by a signal of its own making or another's.
    pub fn has_ended_by(&mut self, signal: Signal) -> bool {
        let child = self.child.as_mut();
        let status = child.and_then(|child| child.try_wait().ok().flatten());
        status.is_some_and(|status| status.signal() == Some(signal as i32))
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let child = self.child.as_ref().expect("a running process");
        let pid = i32::try_from(child.id()).expect("a pid");
        kill(Pid::from_raw(pid), signal).expect("the signal is sent");
    }

    /// Process id.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("a running process").id()
    }

    /// Waits until its health check says that it serves.
    pub async fn is_serving(&self) {
        let started = Instant::now();
        loop {
            if serves(&self.address).await {
                return;
            }
            assert!(
                started.elapsed() < READY_WITHIN,
                "{} does not serve: {}",
                self.address,
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What it has written to stderr.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn serves(address: &str) -> bool {
    let endpoint = tonic::transport::Endpoint::from_shared(address.to_owned()).expect("an address");
    let Ok(channel) = endpoint
        .connect_timeout(Duration::from_secs(1))
        .connect()
        .await
    else {
        return false;
    };
    let check = HealthClient::new(channel)
        .check(HealthCheckRequest::default())
        .await;
    check.is_ok_and(|answer| {
        answer.into_inner().status() == tonic_health::ServingStatus::Serving.into()
    })
}

/// Runs `minzheng` to its end; its stdout.
pub fn run(arguments: &[String]) -> String {
    let output = Command::new(binary())
        .args(arguments)
        .output()
        .expect("minzheng runs");
    assert!(
        output.status.success(),
        "minzheng {arguments:?} failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Settings of a deployment of several processes, on PostgreSQL and Kafka.
pub struct Cluster {
    /// Databases.
    pub database: TestDatabase,
    /// Keys, logs, the clock's file.
    pub directory: TempDir,
    /// Kafka's bootstrap servers.
    pub kafka: String,
    prefix: String,
    more: Vec<String>,
    /// Processes by service, replicas in order.
    pub processes: BTreeMap<&'static str, Vec<Process>>,
}

impl Cluster {
    /// Creates databases, topics and keys, migrates, and starts `replicas` processes of each service.
    pub async fn start(database: TestDatabase, kafka: &str, replicas: usize) -> Self {
        Self::start_with(database, kafka, replicas, &[]).await
    }

    /// The same with further settings, as `key=value`.
    pub async fn start_with(
        database: TestDatabase,
        kafka: &str,
        replicas: usize,
        more: &[String],
    ) -> Self {
        database.create(&SERVICES).await.expect("databases");
        Self::start_on(database, kafka, replicas, more).await
    }

    /// The same on databases that exist already.
    pub async fn start_on(
        database: TestDatabase,
        kafka: &str,
        replicas: usize,
        more: &[String],
    ) -> Self {
        let mut cluster = Self {
            database,
            directory: tempfile::tempdir().expect("a directory"),
            kafka: kafka.to_owned(),
            prefix: format!("c{}.", Uuid::new_v4().simple()),
            more: more.to_vec(),
            processes: BTreeMap::new(),
        };
        minzheng_chassis::crypto::KeyRing::generate(&cluster.directory.path().join("master.key"))
            .expect("a key");
        std::fs::write(cluster.clock_file(), "0").expect("the clock's file");
        let settings = cluster.settings();
        run(&[
            vec!["migrate".to_owned(), "up".to_owned()],
            settings.clone(),
        ]
        .concat());
        run(&[vec!["topics".to_owned(), "apply".to_owned()], settings].concat());
        cluster.start_all(replicas).await;
        cluster
    }

    fn clock_file(&self) -> PathBuf {
        self.directory.path().join("clock-offset")
    }

    /// `--set key=value …` of every process.
    pub fn settings(&self) -> Vec<String> {
        let directory = self.directory.path().display();
        let mut settings = self.database.settings();
        settings.extend([
            format!("crypto.key_file={directory}/master.key"),
            format!("clock.offset_file={directory}/clock-offset"),
            "bus.kind=kafka".to_owned(),
            format!("bus.kafka.bootstrap={}", self.kafka),
            format!("bus.topic_prefix={}", self.prefix),
            "bus.kafka.replication_factor=1".to_owned(),
            "bus.kafka.min_insync_replicas=1".to_owned(),
            "bus.kafka.session_timeout_ms=6000".to_owned(),
            "identity.insecure_development=true".to_owned(),
            "http.listen=".to_owned(),
            "telemetry.log_filter=info".to_owned(),
            "timer.tick_ms=100".to_owned(),
        ]);
        settings.extend(self.more.iter().cloned());
        settings
            .into_iter()
            .flat_map(|setting| ["--set".to_owned(), setting])
            .collect()
    }

    async fn start_all(&mut self, replicas: usize) {
        let ports: BTreeMap<&'static str, Vec<u16>> = SERVICES
            .iter()
            .map(|name| (*name, (0..replicas).map(|_| free_port()).collect()))
            .collect();
        let neighbours: Vec<String> = ports
            .iter()
            .flat_map(|(name, ports)| {
                [
                    "--set".to_owned(),
                    format!("neighbours.{name}=http://127.0.0.1:{}", ports[0]),
                ]
            })
            .collect();
        for (name, ports) in &ports {
            for (replica, port) in ports.iter().enumerate() {
                let mut arguments = vec![
                    "serve".to_owned(),
                    "--target".to_owned(),
                    (*name).to_owned(),
                ];
                arguments.extend(self.settings());
                arguments.extend(neighbours.clone());
                arguments.extend(["--set".to_owned(), format!("grpc.listen=127.0.0.1:{port}")]);
                arguments.extend([
                    "--set".to_owned(),
                    format!("bus.kafka.instance_id={name}-{replica}"),
                ]);
                let log = self.directory.path().join(format!("{name}-{replica}.log"));
                let process = Process::start(arguments, format!("http://127.0.0.1:{port}"), log);
                self.processes.entry(name).or_default().push(process);
            }
        }
        for process in self.processes.values().flatten() {
            process.is_serving().await;
        }
    }

    /// The platform as its clients see it.
    pub fn platform(&self) -> Platform {
        let addresses = self
            .processes
            .iter()
            .map(|(name, replicas)| {
                (
                    *name,
                    replicas
                        .iter()
                        .map(|process| process.address.clone())
                        .collect(),
                )
            })
            .collect();
        Platform::new(addresses, ClockControl::File(self.clock_file()))
    }

    /// What stands before every topic.
    pub fn topic_prefix(&self) -> &str {
        &self.prefix
    }

    /// Copies a service's database, which nobody may be using; the copy's name.
    pub async fn copy_database(&self, service: &str) -> String {
        self.database.copy(service).await.expect("copied")
    }

    /// Puts a copy in the place of a service's database, which nobody may be using.
    pub async fn restore_database(&self, service: &str, copy: &str) {
        self.database
            .restore(service, copy)
            .await
            .expect("restored");
    }

    /// One process.
    pub fn process(&mut self, service: &str, replica: usize) -> &mut Process {
        let replicas = self
            .processes
            .iter_mut()
            .find(|(name, _)| **name == service)
            .map(|(_, found)| found);
        &mut replicas.expect("the service")[replica]
    }
}

/// One process that runs everything on SQLite and the embedded bus.
pub struct Embedded {
    /// Its data.
    pub directory: TempDir,
    /// The process.
    pub process: Process,
}

impl Embedded {
    /// Starts it on an empty directory.
    pub async fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("clock-offset"), "0").expect("the clock's file");
        let port = free_port();
        let data = directory.path().display();
        let mut arguments = vec![
            "serve".to_owned(),
            "--target".to_owned(),
            "all".to_owned(),
            "--migrate".to_owned(),
        ];
        for setting in [
            format!("data_dir={data}/data"),
            format!("clock.offset_file={data}/clock-offset"),
            format!("grpc.listen=127.0.0.1:{port}"),
            "identity.insecure_development=true".to_owned(),
            "http.listen=".to_owned(),
            "timer.tick_ms=100".to_owned(),
        ] {
            arguments.extend(["--set".to_owned(), setting]);
        }
        let log = directory.path().join("minzheng.log");
        let process = Process::start(arguments, format!("http://127.0.0.1:{port}"), log);
        process.is_serving().await;
        Self { directory, process }
    }

    /// The platform as its clients see it.
    pub fn platform(&self) -> Platform {
        let addresses = SERVICES
            .iter()
            .map(|name| (*name, vec![self.process.address.clone()]))
            .collect();
        Platform::new(
            addresses,
            ClockControl::File(self.directory.path().join("clock-offset")),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_nobody_caused_is_told_once() {
        let directory = tempfile::tempdir().expect("a directory");
        let log = directory.path().join("log");
        let mut process = Process::start(vec!["no-such-command".to_owned()], String::new(), log);
        while !process.has_ended() {
            std::thread::yield_now();
        }
        process.kill();
        let ends = process.ends();
        assert_eq!(ends.len(), 1, "{ends:?}");
        assert!(ends[0].starts_with("exit status: "), "{ends:?}");
    }
}
