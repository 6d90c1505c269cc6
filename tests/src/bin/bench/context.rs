//! What the figures must be read with: machine, versions, settings, commit.

use minzheng_chassis::db::{Database, Sql};
use minzheng_chassis::testing::{KAFKA_VARIABLE, POSTGRES_VARIABLE, real_service};

use crate::baseline;

/// Names the environment variable with the commit, which `cargo xtask bench` sets.
const COMMIT_VARIABLE: &str = "MINZHENG_TEST_COMMIT";

/// What decides about durability and about the rates.
const SETTINGS: [&str; 9] = [
    "server_version",
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "track_commit_timestamp",
    "wal_sync_method",
    "shared_buffers",
    "max_wal_size",
    "jit",
];

/// Prints it all.
pub(crate) async fn print() -> anyhow::Result<()> {
    let commit = std::env::var(COMMIT_VARIABLE);
    println!("commit: {}", commit.as_deref().unwrap_or("unknown"));
    println!("processor: {}", processor().unwrap_or_default());
    baseline::machine();
    if let Some(url) = real_service(POSTGRES_VARIABLE) {
        let server = Database::open_postgres(&url, "bench", 1)?;
        let mut shown = Vec::new();
        for name in SETTINGS {
            if let Some(row) = server.reader().one(format!("SHOW {name}"), []).await? {
                shown.push(format!("{name}={}", row.get::<String>(name)?));
            }
        }
        println!("PostgreSQL: {}", shown.join(", "));
        server.close().await;
    }
    if real_service(KAFKA_VARIABLE).is_some() {
        let (_, librdkafka) = rdkafka::util::get_rdkafka_version();
        println!(
            "Apache Kafka: one broker, replication 1, {}; librdkafka {librdkafka}",
            xtask::kafka::VERSION
        );
    }
    Ok(())
}

fn processor() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(": ")?.1.to_owned())
}
