//! `cargo xtask bench`: what the foundation does on this machine, printed with its context. Not a
//! timed test.
//!
//! Latency is open loop with intended start times; throughput counts settled cases after the commit
//! that settled them; footprints come from the operating system.

#![allow(clippy::print_stdout)] // the report is what this program is for

mod baseline;
mod cases;
mod footprint;
mod load;

use minzheng_chassis::testing::{KAFKA_VARIABLE, TestDatabase, real_service};
use minzheng_tests::processes::{Cluster, Embedded};

/// Share of the full amounts that `--smoke` runs.
const SMOKE: usize = 10;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let smoke = arguments.iter().any(|argument| argument == "--smoke");
    let wanted = |name: &str| {
        let named: Vec<&String> = arguments
            .iter()
            .filter(|argument| !argument.starts_with("--"))
            .collect();
        named.is_empty() || named.iter().any(|argument| *argument == name)
    };
    let amount = |full: usize| if smoke { full / SMOKE } else { full };
    baseline::machine();
    if wanted("latency") || wanted("throughput") || wanted("footprint") {
        real(&wanted, &amount).await?;
        embedded(&wanted, &amount).await?;
    }
    Ok(())
}

async fn real(
    wanted: &impl Fn(&str) -> bool,
    amount: &impl Fn(usize) -> usize,
) -> anyhow::Result<()> {
    let Some(kafka) = real_service(KAFKA_VARIABLE) else {
        return Ok(());
    };
    let Some(database) = TestDatabase::postgres().await else {
        return Ok(());
    };
    println!("\n## PostgreSQL and Kafka, one process per target");
    baseline::kafka(&kafka).await?;
    let cluster = Cluster::start(database, &kafka, 1).await;
    let platform = cluster.platform();
    if wanted("footprint") {
        footprint::of(
            cluster
                .processes
                .iter()
                .map(|(name, replicas)| (*name, replicas[0].pid())),
        )
        .await?;
    }
    if wanted("latency") {
        cases::latency(&platform, amount(300), 10.0).await?;
    }
    if wanted("throughput") {
        let url = cluster.database.url("life-events");
        cases::throughput(
            &platform,
            cases::Settled::on_postgres(&url).await?,
            amount(6000),
        )
        .await?;
    }
    Ok(())
}

async fn embedded(
    wanted: &impl Fn(&str) -> bool,
    amount: &impl Fn(usize) -> usize,
) -> anyhow::Result<()> {
    println!("\n## One process, SQLite and the embedded bus");
    let started = std::time::Instant::now();
    let embedded = Embedded::start().await;
    println!(
        "exec to serving (migrations included): {} ms",
        started.elapsed().as_millis()
    );
    let platform = embedded.platform();
    if wanted("footprint") {
        footprint::of([("all", embedded.process.pid())]).await?;
        footprint::ready(&embedded).await;
    }
    if wanted("latency") {
        cases::latency(&platform, amount(300), 10.0).await?;
    }
    if wanted("throughput") {
        let path = embedded
            .directory
            .path()
            .join("data")
            .join("life-events.db");
        cases::throughput(
            &platform,
            cases::Settled::on_sqlite(&path).await?,
            amount(6000),
        )
        .await?;
    }
    Ok(())
}
