//! A throw-away Apache Kafka broker: one node, KRaft, plain text on 127.0.0.1.

mod jars;
mod java;
mod probe;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::jars::are_cached;
pub use self::java::find as find_java;
use crate::instance::{Instance, Kind};
use crate::port;
use crate::process::{ProcessId, in_own_session, wait_until};

/// The version of Apache Kafka that is started.
pub const VERSION: &str = "4.3.1";

/// A broker leaves nothing in the system, so a kill does.
pub const KIND: Kind = Kind {
    name: "Kafka",
    directory_prefix: "minzheng-kafka-",
    quit: Signal::SIGKILL,
    stop: Signal::SIGTERM,
};

const START_LIMIT: Duration = Duration::from_secs(90);

/// What the broker logs when it serves clients.
const STARTED: &str = "Kafka Server started";

/// One broker cannot replicate, and tests should not wait for members that never come. A broker
/// that was killed registers again only when its old session is over: with the default of 9 s
/// a restart took 14 s.
const SETTINGS: &str = "\
process.roles=broker,controller
node.id=1
controller.listener.names=CONTROLLER
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
";

/// Where a broker is and how it is started.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Description {
    /// Bootstrap servers, `127.0.0.1:PORT`.
    pub bootstrap: String,
    /// TCP port for clients on 127.0.0.1.
    pub port: u16,
    /// TCP port of the controller on 127.0.0.1.
    pub controller_port: u16,
    /// Further ways to it: ports of 127.0.0.1 on which it listens, with those that it tells clients.
    #[serde(default)]
    pub ways: Vec<(u16, u16)>,
    /// The Java command, 17 or newer.
    pub java: PathBuf,
    /// Java's class path with the broker and its tools.
    pub class_path: String,
    /// The broker's `server.properties`.
    pub config: PathBuf,
    /// Holds the configuration, the logs of the topics and the broker's own log.
    pub dir: PathBuf,
}

impl Description {
    /// Whether the broker answers a request of Kafka's protocol.
    pub fn is_ready(&self) -> bool {
        probe::answers(self.port)
    }

    /// Runs the main method of a class on the broker's class path, as Kafka's shell scripts do.
    ///
    /// # Errors
    /// Java cannot be run.
    pub fn tool(&self, class: &str, arguments: &[&str]) -> Result<Output> {
        Command::new(&self.java)
            .args([
                "-Xmx256m",
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                "-cp",
                &self.class_path,
                class,
            ])
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("cannot run {class}"))
    }

    fn create(dir: &Path, told: &[u16]) -> Result<Self> {
        let java = java::find().context("Java 17 or newer is not installed")?;
        let libs = jars::ensure()?;
        let port = port::choose()?;
        let description = Self {
            bootstrap: format!("127.0.0.1:{port}"),
            port,
            controller_port: port::choose()?,
            ways: told
                .iter()
                .map(|told| Ok((port::choose()?, *told)))
                .collect::<Result<_>>()?,
            java,
            class_path: format!("{}/*", libs.display()),
            config: dir.join("server.properties"),
            dir: dir.to_path_buf(),
        };
        description.configure()?;
        description.format()?;
        Ok(description)
    }

    fn configure(&self) -> Result<()> {
        let Self {
            port,
            controller_port,
            ..
        } = self;
        let mut listeners = String::new();
        let mut advertised = String::new();
        let mut protocols = String::new();
        for (n, (listens, told)) in self.ways.iter().enumerate() {
            listeners += &format!(",WAY{n}://127.0.0.1:{listens}");
            advertised += &format!(",WAY{n}://127.0.0.1:{told}");
            protocols += &format!(",WAY{n}:PLAINTEXT");
        }
        let own = format!(
            "listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}{listeners}\n\
             advertised.listeners=PLAINTEXT://127.0.0.1:{port}{advertised}\n\
             listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT{protocols}\n\
             controller.quorum.voters=1@127.0.0.1:{controller_port}\n\
             log.dirs={}\n",
            self.dir.join("data").display()
        );
        Ok(fs::write(&self.config, format!("{SETTINGS}{own}"))?)
    }

    fn format(&self) -> Result<()> {
        let config = self.config.display().to_string();
        let cluster = cluster_id();
        let output = self.tool(
            "kafka.tools.StorageTool",
            &["format", "-t", &cluster, "-c", &config],
        )?;
        if !output.status.success() {
            bail!(
                "formatting Kafka's storage failed: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(())
    }

    fn launch(&self, instance: &mut Instance) -> Result<()> {
        let mut command = in_own_session(&self.java);
        command
            .args(["-Xmx512m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"])
            .args([
                "-Dorg.slf4j.simpleLogger.log.kafka.server=info",
                "-Dorg.slf4j.simpleLogger.showDateTime=true",
            ])
            .args(["-cp", &self.class_path, "kafka.Kafka"])
            .arg(&self.config)
            .current_dir(&self.dir);
        let log = self.dir.join("kafka.log");
        let seen = fs::metadata(&log).map_or(0, |metadata| metadata.len());
        let process = instance.launch(command, &log)?;
        wait_until("starting Kafka", START_LIMIT, || {
            let written = fs::read(&log)?.split_off(usize::try_from(seen)?);
            let written = String::from_utf8_lossy(&written);
            if !process.is_running() {
                bail!("Kafka ended at once: {written}");
            }
            Ok(written.contains(STARTED) && self.is_ready())
        })
    }
}

/// A Kafka broker that ends, and whose temporary directory goes, when this is dropped.
pub struct Kafka {
    description: Description,
    instance: Instance,
}

impl Kafka {
    /// Starts a new server in a temporary directory.
    ///
    /// # Errors
    /// Java is missing, the jars cannot be had, or the server does not start.
    pub fn start() -> Result<Self> {
        Self::start_as(Instance::in_temporary_dir(KIND)?, &[])
    }

    /// The same with further ways to it, of which it tells clients other ports of 127.0.0.1: those
    /// where something stands before it.
    ///
    /// # Errors
    /// As [`Kafka::start`].
    pub fn start_behind(told: &[u16]) -> Result<Self> {
        Self::start_as(Instance::in_temporary_dir(KIND)?, told)
    }

    /// Starts a new server in an empty directory, which stays.
    ///
    /// # Errors
    /// Java is missing, the jars cannot be had, or the server does not start.
    pub fn start_in(dir: &Path) -> Result<Self> {
        Self::start_as(Instance::in_dir(KIND, dir)?, &[])
    }

    fn start_as(mut instance: Instance, told: &[u16]) -> Result<Self> {
        let description = Description::create(instance.dir(), told)?;
        description.launch(&mut instance)?;
        Ok(Self {
            description,
            instance,
        })
    }

    /// Bootstrap servers, `127.0.0.1:PORT`.
    pub fn bootstrap(&self) -> &str {
        &self.description.bootstrap
    }

    /// Where the server is and how it is started.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// The broker's process, unless it was stopped.
    pub fn process(&self) -> Option<ProcessId> {
        self.instance.process()
    }

    /// Shuts the server down in order; does nothing when it is stopped.
    ///
    /// # Errors
    /// A process does not end.
    pub fn stop(&mut self) -> Result<()> {
        self.instance.stop()
    }

    /// Kills the broker (kill -9); does nothing when it is stopped.
    ///
    /// # Errors
    /// A process does not end.
    pub fn stop_immediate(&mut self) -> Result<()> {
        self.instance.kill()
    }

    /// Starts the server again on the same port and data, killing it first when it runs; returns
    /// when it serves clients.
    ///
    /// # Errors
    /// The server does not start.
    pub fn restart(&mut self) -> Result<()> {
        self.description.launch(&mut self.instance)
    }

    /// Freezes the broker (SIGSTOP): connections stay open and silent.
    ///
    /// # Errors
    /// The server is stopped, or a signal cannot be sent.
    pub fn pause(&self) -> Result<()> {
        self.instance.pause()
    }

    /// Ends a [`pause`](Self::pause).
    ///
    /// # Errors
    /// The server is stopped, or a signal cannot be sent.
    pub fn resume(&self) -> Result<()> {
        self.instance.resume()
    }

    /// Lets the server and its directory outlive this process.
    ///
    /// # Errors
    /// The server is stopped.
    pub fn detach(self) -> Result<()> {
        self.instance.detach()
    }
}

/// A random UUID in 22 characters of URL-safe base64.
fn cluster_id() -> String {
    let encoded = URL_SAFE_NO_PAD.encode(Uuid::new_v4());
    // Kafka's command line takes a leading dash for an option.
    encoded
        .strip_prefix('-')
        .map_or_else(|| encoded.clone(), |rest| format!("A{rest}"))
}
