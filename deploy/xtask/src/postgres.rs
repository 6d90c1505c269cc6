//! A throw-away PostgreSQL server.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::instance::{Instance, Kind};
use crate::port;
use crate::process::{ProcessId, in_own_session, wait_until};

/// A plain kill would leave its shared memory behind.
pub const KIND: Kind = Kind {
    name: "PostgreSQL",
    directory_prefix: "minzheng-postgres-",
    quit: Signal::SIGQUIT,
    stop: Signal::SIGINT,
};

const START_LIMIT: Duration = Duration::from_secs(60);
const ROLE: &str = "minzheng";

/// Durability stays as in production (fsync, synchronous_commit and full_page_writes are on): the
/// tests kill this server and count what is left. When each transaction committed is kept for the
/// benchmark of the relay's lag.
const SETTINGS: &str = "
listen_addresses = '127.0.0.1'
max_connections = 300
track_commit_timestamp = on
log_line_prefix = '%m [%p] '
";

/// Counts statements, where a database asks for it: `ALTER DATABASE … SET pg_stat_statements.track`.
const COUNTING: &str = "
shared_preload_libraries = 'pg_stat_statements'
pg_stat_statements.track = none
pg_stat_statements.max = 20000
pg_stat_statements.save = off
";

/// Who runs the server, which refuses to run as root.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct RunAs {
    /// Numeric user id.
    pub uid: u32,
    /// Numeric group id.
    pub gid: u32,
}

/// Where a server is and how it is started.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Description {
    /// URL of the superuser's connection, password included.
    pub url: String,
    /// TCP port on 127.0.0.1.
    pub port: u16,
    /// Where `postgres`, `initdb` and `pg_isready` are.
    pub bin_dir: PathBuf,
    /// Holds the data directory, the log and the socket.
    pub dir: PathBuf,
    /// The data directory (`PGDATA`).
    pub data_dir: PathBuf,
    /// Who runs it, when that is not the caller.
    pub run_as: Option<RunAs>,
}

impl Description {
    /// Whether the server accepts connections.
    ///
    /// # Errors
    /// `pg_isready` cannot be run.
    pub fn is_ready(&self) -> Result<bool> {
        let status = Command::new(self.bin_dir.join("pg_isready"))
            .args([
                "--quiet",
                "--timeout=5",
                "--dbname=postgres",
                "--host=127.0.0.1",
            ])
            .arg(format!("--port={}", self.port))
            .status()
            .context("cannot run pg_isready")?;
        Ok(status.success())
    }

    fn log(&self) -> PathBuf {
        self.dir.join("postgres.log")
    }

    fn create(dir: &Path) -> Result<Self> {
        let bin_dir = bin_dir().context("PostgreSQL's server programs are not installed")?;
        let run_as = run_as()?;
        let password = Uuid::new_v4().simple().to_string();
        let port = port::choose()?;
        let description = Self {
            url: format!("postgres://{ROLE}:{password}@127.0.0.1:{port}/postgres"),
            port,
            bin_dir,
            dir: dir.to_path_buf(),
            data_dir: dir.join("data"),
            run_as,
        };
        if let Some(RunAs { uid, gid }) = run_as {
            chown(dir, Some(uid), Some(gid))
                .with_context(|| format!("cannot give {} away", dir.display()))?;
        }
        description.initdb(&password)?;
        description.configure()?;
        Ok(description)
    }

    fn initdb(&self, password: &str) -> Result<()> {
        // Only the server's user reaches the directory.
        let password_file = self.dir.join("password");
        fs::write(&password_file, password)?;
        let mut command = Command::new(self.bin_dir.join("initdb"));
        command
            .args([
                "--no-sync",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
            ])
            .arg(format!("--username={ROLE}"))
            .arg(format!("--pwfile={}", password_file.display()))
            .arg(format!("--pgdata={}", self.data_dir.display()))
            .stdin(Stdio::null());
        let output = self
            .as_owner(&mut command)
            .output()
            .context("cannot run initdb")?;
        if !output.status.success() {
            bail!(
                "initdb failed: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(fs::remove_file(&password_file)?)
    }

    fn configure(&self) -> Result<()> {
        let own = format!(
            "port = {}\nunix_socket_directories = '{}'\n",
            self.port,
            self.dir.display()
        );
        let mut file = fs::OpenOptions::new()
            .append(true)
            .open(self.data_dir.join("postgresql.conf"))?;
        let counting = if self.can_count() { COUNTING } else { "" };
        Ok(file.write_all(format!("{SETTINGS}{counting}{own}").as_bytes())?)
    }

    /// Whether PostgreSQL's own extension that counts statements is installed: in Debian's layout, or
    /// in that of a build from source.
    fn can_count(&self) -> bool {
        let root = self.bin_dir.parent().unwrap_or(&self.bin_dir);
        ["lib", "lib/postgresql"]
            .iter()
            .any(|libraries| root.join(libraries).join("pg_stat_statements.so").is_file())
    }

    fn as_owner<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        if let Some(RunAs { uid, gid }) = self.run_as {
            command.uid(uid).gid(gid);
        }
        command.current_dir(&self.dir)
    }

    fn launch(&self, instance: &mut Instance) -> Result<()> {
        let mut command = in_own_session(&self.bin_dir.join("postgres"));
        command.arg("-D").arg(&self.data_dir);
        self.as_owner(&mut command);
        let log = self.log();
        let process = instance.launch(command, &log)?;
        wait_until("starting PostgreSQL", START_LIMIT, || {
            if !process.is_running() {
                bail!("PostgreSQL ended at once: {}", fs::read_to_string(&log)?);
            }
            self.is_ready()
        })
    }
}

/// A PostgreSQL server that ends, and whose temporary directory goes, when this is dropped.
pub struct Postgres {
    description: Description,
    instance: Instance,
}

impl Postgres {
    /// Starts a new server in a temporary directory.
    ///
    /// # Errors
    /// PostgreSQL is not installed, or the server does not start.
    pub fn start() -> Result<Self> {
        Self::start_as(Instance::in_temporary_dir(KIND)?)
    }

    /// Starts a new server in an empty directory, which stays; the server's user must reach it.
    ///
    /// # Errors
    /// PostgreSQL is not installed, or the server does not start.
    pub fn start_in(dir: &Path) -> Result<Self> {
        Self::start_as(Instance::in_dir(KIND, dir)?)
    }

    fn start_as(mut instance: Instance) -> Result<Self> {
        let description = Description::create(instance.dir())?;
        description.launch(&mut instance)?;
        Ok(Self {
            description,
            instance,
        })
    }

    /// URL of the superuser's connection to the database `postgres`.
    pub fn url(&self) -> &str {
        &self.description.url
    }

    /// Where the server is and how it is started.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// The postmaster, unless it was stopped.
    pub fn process(&self) -> Option<ProcessId> {
        self.instance.process()
    }

    /// Shuts the server down in order, ending its connections (fast shutdown); does nothing when it is stopped.
    ///
    /// # Errors
    /// A process does not end.
    pub fn stop(&mut self) -> Result<()> {
        self.instance.stop()
    }

    /// Kills the postmaster and its children (kill -9); does nothing when it is stopped.
    ///
    /// # Errors
    /// A process does not end.
    pub fn stop_immediate(&mut self) -> Result<()> {
        self.instance.kill()
    }

    /// Starts the server again on the same port and data, killing it first when it runs; returns
    /// when recovery is over and it accepts connections.
    ///
    /// # Errors
    /// The server does not start.
    pub fn restart(&mut self) -> Result<()> {
        self.description.launch(&mut self.instance)
    }

    /// Freezes the postmaster and its children (SIGSTOP): connections stay open and silent.
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

/// Where PostgreSQL's server programs are: Debian's newest, else `pg_config`'s, else on `PATH`.
pub fn bin_dir() -> Option<PathBuf> {
    debian_bin_dir().or_else(pg_config_bin_dir).or_else(|| {
        let dir = crate::paths::on_path("postgres")?.parent()?.to_path_buf();
        is_bin_dir(&dir).then_some(dir)
    })
}

fn debian_bin_dir() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    versions
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .map(|version| {
            (
                version,
                PathBuf::from(format!("/usr/lib/postgresql/{version}/bin")),
            )
        })
        .filter(|(_, dir)| is_bin_dir(dir))
        .max()
        .map(|(_, dir)| dir)
}

fn pg_config_bin_dir() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    let dir = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    is_bin_dir(&dir).then_some(dir)
}

fn is_bin_dir(dir: &Path) -> bool {
    ["postgres", "initdb", "pg_isready"]
        .iter()
        .all(|program| dir.join(program).is_file())
}

/// The package's own user when the caller is root, else nobody but the caller.
fn run_as() -> Result<Option<RunAs>> {
    if fs::metadata("/proc/self")?.uid() != 0 {
        return Ok(None);
    }
    let id = |flag| -> Result<u32> {
        let output = Command::new("id").args([flag, "postgres"]).output()?;
        let number = String::from_utf8(output.stdout)?;
        number
            .trim()
            .parse()
            .context("PostgreSQL refuses to run as root and there is no user postgres")
    };
    Ok(Some(RunAs {
        uid: id("-u")?,
        gid: id("-g")?,
    }))
}
