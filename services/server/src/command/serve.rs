//! `minzheng serve`

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use minzheng_chassis::clock;
use minzheng_chassis::config::{BusKind, Settings};
use minzheng_chassis::crypto::KeyRing;
use minzheng_chassis::module::Module;
use minzheng_chassis::node::{DataDir, Locked, Node, NodeError, Plan, create_private, open_bus};
use minzheng_chassis::shutdown::{self, Phase};
use minzheng_chassis::telemetry::Telemetry;

use super::topics;
use crate::cli::{ServeArgs, SettingsArgs};
use crate::modules;
use crate::output::progress;

/// How long the last traces may take.
const FLUSH_WITHIN: Duration = Duration::from_secs(3);

/// Why `serve` will not run as it was asked to.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotAsAsked {
    /// Development identity believes everybody, so it stays on this machine unless somebody insists.
    #[error(
        "identity is for development only so far: anybody who reaches {0} could act as anybody"
    )]
    OpenDoor(SocketAddr),
    /// The embedded bus is one process's.
    #[error(
        "the embedded bus serves all services in one process, and {missing} would not be in it"
    )]
    LonelyTarget {
        /// Services that are left out.
        missing: String,
    },
}

impl NotAsAsked {
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::OpenDoor(_) => "OPEN_DOOR",
            Self::LonelyTarget { .. } => "LONELY_TARGET",
        }
    }

    pub(super) fn next_step(&self) -> &'static str {
        match self {
            Self::OpenDoor(_) => {
                "listen on loopback (--set grpc.listen=127.0.0.1:50051), or insist with `minzheng serve --insecure-development-identity`"
            }
            Self::LonelyTarget { .. } => "run --target all, or use Kafka (--set bus.kind=kafka)",
        }
    }
}

/// Runs services until a signal.
pub(super) async fn run(args: &SettingsArgs, serve: &ServeArgs) -> anyhow::Result<ExitCode> {
    let settings = args.load()?;
    let modules = modules::of_targets(&serve.target)?;
    if !serve.insecure_development_identity {
        refuse_open_door(&settings)?;
    }
    refuse_lonely_target(&settings, &modules)?;
    let running = Running::start(settings, modules, serve.migrate).await?;
    progress(format!(
        "minzheng serves {} at {}",
        serve.target.join(","),
        running.node.grpc_address()
    ));
    running.until_ended().await
}

/// Callers are believed whatever `identity.insecure_development` says, so the address alone decides.
pub(super) fn refuse_open_door(settings: &Settings) -> Result<(), NotAsAsked> {
    if settings.grpc.listen.ip().is_loopback() {
        return Ok(());
    }
    Err(NotAsAsked::OpenDoor(settings.grpc.listen))
}

fn refuse_lonely_target(settings: &Settings, modules: &[Module]) -> Result<(), NotAsAsked> {
    let here = |name: &&str| modules.iter().any(|module| module.name == *name);
    let missing: Vec<&str> = modules::names()
        .into_iter()
        .filter(|name| !here(name))
        .collect();
    if missing.is_empty() || settings.bus.kind != BusKind::Embedded {
        return Ok(());
    }
    Err(NotAsAsked::LonelyTarget {
        missing: missing.join(", "),
    })
}

/// A node with what must outlive it.
pub(super) struct Running {
    pub(super) node: Node,
    _lock: Option<Locked>,
}

impl Running {
    /// Starts telemetry, keys, bus and node.
    pub(super) async fn start(
        settings: Settings,
        modules: Vec<Module>,
        migrate: bool,
    ) -> anyhow::Result<Self> {
        let telemetry = Telemetry::start(&settings, "minzheng")?;
        let lock = lock_data_dir(&settings)?;
        let keys = Arc::new(load_keys(&settings)?);
        let clock = clock::from_settings(&settings);
        let bus = open_bus(&settings, &clock)?;
        if settings.bus.kind == BusKind::Embedded {
            // The embedded log belongs to this process alone: nobody else could create its topics.
            topics::apply(bus.as_ref()).await?;
        }
        let node = Node::start(Plan {
            modules,
            settings,
            clock,
            keys,
            bus,
            migrate,
        })
        .await?;
        node.shutdown_plan()
            .step(Phase::Telemetry, "traces", FLUSH_WITHIN, async move {
                telemetry.shutdown(FLUSH_WITHIN).await;
            });
        Ok(Self { node, _lock: lock })
    }

    /// Runs until a signal or until a part fails, then stops in order.
    pub(super) async fn until_ended(self) -> anyhow::Result<ExitCode> {
        let failed = self.node.failed();
        let signal = shutdown::termination()?;
        let code = tokio::select! {
            name = signal => {
                tracing::info!(signal = name, "stopping");
                ExitCode::SUCCESS
            }
            () = failed.cancelled() => {
                progress("error: a part of the node ended; see the log");
                ExitCode::FAILURE
            }
        };
        self.node.stop().await;
        Ok(code)
    }
}

/// SQLite files and the embedded log are one process's.
fn lock_data_dir(settings: &Settings) -> Result<Option<Locked>, NodeError> {
    if settings.database.url_template.is_some() && settings.bus.kind != BusKind::Embedded {
        return Ok(None);
    }
    let locked = DataDir::open(&settings.data_dir).and_then(|directory| directory.lock());
    locked
        .map(Some)
        .map_err(|source| unusable(settings, source))
}

fn unusable(settings: &Settings, source: std::io::Error) -> NodeError {
    NodeError::DataDir {
        path: settings.data_dir.display().to_string(),
        source,
    }
}

/// The master key; made on first use where the data lies beside it, never for a shared database, a key file
/// that was named, or data that is there already: a new key would read none of it.
fn load_keys(settings: &Settings) -> anyhow::Result<KeyRing> {
    let path = settings.master_key_file();
    if path.exists() {
        return Ok(KeyRing::load(&path)?);
    }
    if settings.database.url_template.is_some() {
        bail!(
            "crypto.key_file {} does not exist; replicas must share one key",
            path.display()
        );
    }
    if settings.crypto.key_file.is_some() {
        bail!("crypto.key_file {} does not exist", path.display());
    }
    if has_databases(&settings.data_dir)? {
        bail!(
            "{} holds data, and its key {} is gone: put the key back; without it names and numbers cannot be read",
            settings.data_dir.display(),
            path.display()
        );
    }
    if let Some(parent) = path.parent() {
        create_private(parent)?;
    }
    Ok(KeyRing::generate(&path)?)
}

fn has_databases(directory: &Path) -> std::io::Result<bool> {
    let entries = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        entries => entries?,
    };
    for entry in entries {
        if entry?.path().extension().is_some_and(|end| end == "db") {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(directory: &Path, more: &[&str]) -> Result<u32, String> {
        let mut settings = vec![format!("data_dir={}", directory.display())];
        settings.extend(more.iter().map(|setting| (*setting).to_owned()));
        let settings = Settings::with(settings).expect("settings");
        let keys = load_keys(&settings).map_err(|error| error.to_string())?;
        Ok(keys.key_id())
    }

    #[test]
    fn a_key_is_made_for_an_empty_directory_only() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path();
        let first = keys(path, &[]).expect("made");
        assert_eq!(keys(path, &[]), Ok(first), "it stays");

        std::fs::write(path.join("residents.db"), "data").expect("written");
        let settings = Settings::with(vec![format!("data_dir={}", path.display())]);
        std::fs::remove_file(settings.expect("settings").master_key_file()).expect("removed");
        let refusal = keys(path, &[]).expect_err("data without its key");
        assert!(refusal.contains("put the key back"), "{refusal}");

        let elsewhere = tempfile::tempdir().expect("a directory");
        let refusal = keys(elsewhere.path(), &["crypto.key_file=/no/such/key"]);
        assert!(refusal.expect_err("a named key").contains("/no/such/key"));
    }
}
