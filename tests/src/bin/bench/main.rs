//! `cargo xtask bench`: what the foundation does on this machine, printed with its context. Not a
//! timed test.
//!
//! Latency is open loop with intended start times; throughput counts settled cases after the commit
//! that settled them; footprints come from the operating system. What has a baseline is measured with
//! it in turns; the exit code is 1 when a ratio is below its floor.

#![allow(clippy::print_stdout)] // the report is what this program is for

mod accounting;
mod baseline;
mod cases;
mod command;
mod context;
mod facts;
mod footprint;
mod held_lease;
mod inbox;
mod load;
mod order;
mod pgbench;
mod ratio;
mod raw_kafka;
mod relay;
mod reports;
mod residents;
mod stand;

use std::process::ExitCode;

use minzheng_chassis::testing::{KAFKA_VARIABLE, TestDatabase, real_service};
use minzheng_tests::processes::{Cluster, Embedded};
use order::Order;

/// Share of the full amounts that `--smoke` runs.
const SMOKE: usize = 10;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<ExitCode> {
    let order = Order::of(std::env::args().skip(1));
    context::print().await?;
    if order.wants_any(&["latency", "throughput", "footprint"]) {
        let wanted = |name: &str| order.wants(name);
        let amount = |full: usize| order.amount(full, full / SMOKE);
        real(&wanted, &amount).await?;
        embedded(&wanted, &amount).await?;
    }
    let mut reached = true;
    if order.wants("B2") {
        reached &= relay::run(&order).await?;
    }
    if order.wants_any(&["B3", "B3b"]) {
        reached &= inbox::run(&order).await?;
    }
    if order.wants_any(&["B1", "B1c"]) {
        reached &= command::run(&order).await?;
    }
    Ok(if reached {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
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
