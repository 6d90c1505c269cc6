//! What lies on this machine or is reached from it directly: data directory, key, databases, bus.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::Duration;

use minzheng_chassis::bus::{Bus, BusError};
use minzheng_chassis::clock;
use minzheng_chassis::config::{BusKind, Settings};
use minzheng_chassis::crypto::KeyRing;
use minzheng_chassis::db::migrate::Migrator;
use minzheng_chassis::module::Module;
use minzheng_chassis::node::{DataDir, Locked, open_bus, open_database};
use minzheng_proto::topics;

use super::Check;
use crate::modules;

/// How long a database or the bus may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(8);

/// Whose the data directory is now.
enum Directory {
    /// Nothing is in it: not there, or not needed.
    Absent,
    /// A running node's.
    InUse,
    /// Ours while this lives.
    Free(#[expect(dead_code, reason = "held for its lock")] Locked),
}

/// Looks at all of it.
pub(super) async fn look(settings: &Settings) -> Vec<Check> {
    let (directory, check) = data_directory(settings);
    let mut checks = vec![check, key_file(settings)];
    for module in modules::all() {
        checks.push(database(settings, &module, &directory).await);
    }
    checks.push(bus(settings, &directory).await);
    checks
}

fn data_directory(settings: &Settings) -> (Directory, Check) {
    let name = "data directory";
    let path = settings.data_dir.display();
    if settings.database.url_template.is_some() && settings.bus.kind != BusKind::Embedded {
        return (
            Directory::Absent,
            Check::skipped(name, "not needed with PostgreSQL and Kafka"),
        );
    }
    if settings.data_dir.exists() && !settings.data_dir.is_dir() {
        let check = Check::failed(
            name,
            format!("{path} is a file"),
            "set data_dir to a directory",
        );
        return (Directory::Absent, check);
    }
    if !settings.data_dir.is_dir() {
        let check = Check::warning(
            name,
            format!("{path} is not there"),
            "`minzheng dev` or `minzheng migrate up` makes it",
        );
        return (Directory::Absent, check);
    }
    let locked = DataDir::open(&settings.data_dir).and_then(|directory| directory.lock());
    match locked {
        Ok(locked) => (
            Directory::Free(locked),
            Check::ok(name, format!("{path}, no node runs on it")),
        ),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => (
            Directory::InUse,
            Check::ok(name, format!("{path}, in use by a running node")),
        ),
        Err(error) => {
            let mend = format!("give this user the right to write in {path}, or set data_dir");
            (Directory::Absent, Check::failed(name, error, mend))
        }
    }
}

fn key_file(settings: &Settings) -> Check {
    let name = "key file";
    let path = settings.master_key_file();
    if !path.exists() {
        return absent_key(name, &path, settings.database.url_template.is_some());
    }
    match KeyRing::load(&path) {
        Ok(keys) => Check::ok(
            name,
            format!("{}, key {:08x}", path.display(), keys.key_id()),
        ),
        Err(error) => {
            let mend = format!(
                "restore it from your backup, and `chmod 600 {}`",
                path.display()
            );
            Check::failed(name, error, mend)
        }
    }
}

fn absent_key(name: &str, path: &Path, shared: bool) -> Check {
    let detail = format!("{} is not there", path.display());
    if shared {
        return Check::failed(
            name,
            detail,
            "put the key that all replicas share there, or set crypto.key_file",
        );
    }
    Check::warning(
        name,
        detail,
        "it is made at the first start; keep a copy elsewhere: without it no name can be read",
    )
}

async fn database(settings: &Settings, module: &Module, directory: &Directory) -> Check {
    let name = format!("database {}", module.name);
    if settings.database.url_template.is_none() {
        match directory {
            Directory::InUse => {
                return Check::skipped(&name, "the running node has it; see readiness");
            }
            Directory::Absent => return Check::skipped(&name, "not made yet"),
            Directory::Free(_) => {}
        }
        let file = settings.data_dir.join(format!("{}.db", module.name));
        if !file.exists() {
            return Check::warning(&name, "not made yet", "`minzheng migrate up`");
        }
    }
    match tokio::time::timeout(ANSWER_WITHIN, pending(settings, module)).await {
        Ok(Ok(pending)) if pending.is_empty() => Check::ok(&name, "reachable, migrated"),
        Ok(Ok(pending)) => Check::failed(
            &name,
            format!("lacks migrations: {}", pending.join(", ")),
            "`minzheng migrate up`",
        ),
        Ok(Err(error)) => Check::failed(&name, error, unreachable(settings)),
        Err(_) => Check::failed(&name, "no answer in time", unreachable(settings)),
    }
}

fn unreachable(settings: &Settings) -> &'static str {
    match settings.database.url_template {
        Some(_) => {
            "is PostgreSQL up, does that database exist, may that user enter? see database.url_template"
        }
        None => {
            "is the file readable and the disk not full? restore it from your backup if it is damaged"
        }
    }
}

async fn pending(settings: &Settings, module: &Module) -> anyhow::Result<Vec<String>> {
    let db = open_database(settings, module.name).await?;
    let pending = Migrator::new(module.declared_migrations())
        .pending(&db)
        .await;
    db.close().await;
    Ok(pending?)
}

async fn bus(settings: &Settings, directory: &Directory) -> Check {
    let name = "bus";
    if settings.bus.kind == BusKind::Embedded {
        match directory {
            Directory::InUse => {
                return Check::skipped(name, "embedded, the running node has it; see readiness");
            }
            Directory::Absent => return Check::skipped(name, "embedded, not made yet"),
            Directory::Free(_) if !settings.data_dir.join("bus.db").exists() => {
                return Check::skipped(name, "embedded, not made yet");
            }
            Directory::Free(_) => {}
        }
    }
    match tokio::time::timeout(ANSWER_WITHIN, existing_topics(settings)).await {
        Ok(Ok(existing)) => declared(name, &existing),
        Ok(Err(error)) => Check::failed(name, error, "is Kafka up? see bus.kafka.bootstrap"),
        Err(_) => Check::failed(
            name,
            "no answer in time",
            "is Kafka up? see bus.kafka.bootstrap",
        ),
    }
}

async fn existing_topics(settings: &Settings) -> anyhow::Result<BTreeMap<String, i32>> {
    let bus = open_bus(settings, &clock::from_settings(settings))?;
    let existing = listed(bus.as_ref()).await;
    bus.close(ANSWER_WITHIN).await;
    Ok(existing?)
}

async fn listed(bus: &dyn Bus) -> Result<BTreeMap<String, i32>, BusError> {
    bus.healthy().await?;
    bus.list_topics().await
}

fn declared(name: &str, existing: &BTreeMap<String, i32>) -> Check {
    let missing: Vec<&str> = topics::ALL
        .iter()
        .map(|topic| topic.name)
        .filter(|topic| !existing.contains_key(*topic))
        .collect();
    if !missing.is_empty() {
        return Check::failed(
            name,
            format!("lacks topics: {}", missing.join(", ")),
            "`minzheng topics apply`",
        );
    }
    let differs = topics::ALL
        .iter()
        .find(|topic| existing.get(topic.name) != Some(&topic.partitions));
    match differs {
        Some(topic) => Check::failed(
            name,
            format!(
                "{} has another number of partitions than {}",
                topic.name, topic.partitions
            ),
            "partitions never change: restore the topic as it was declared",
        ),
        None => Check::ok(name, format!("reachable, {} topics", topics::ALL.len())),
    }
}
