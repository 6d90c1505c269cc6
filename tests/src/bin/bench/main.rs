//! `cargo xtask bench`: what the foundation does on this machine, printed with its context. Not a
//! timed test.
//!
//! Latency is open loop with intended start times; throughput counts settled cases after the commit
//! that settled them; footprints come from the operating system. What has a baseline is measured with
//! it in turns; the exit code is 1 when a ratio is below its floor.

#![allow(clippy::print_stdout)] // the report is what this program is for

mod accounting;
mod analysed;
mod bare;
mod baseline;
mod cases;
mod collector;
mod command;
mod context;
mod facts;
mod footprint;
mod growth;
mod growth_inbox;
mod held_xmin;
mod history;
mod inbox;
mod lag;
mod latency;
mod load;
mod order;
mod overload;
mod pgbench;
mod ratio;
mod raw_kafka;
mod relay;
mod report_baseline;
mod reports;
mod residents;
mod settled;
mod stand;
mod telemetry;

use std::process::ExitCode;

use minzheng_chassis::testing::{KAFKA_VARIABLE, TestDatabase, real_service};
use minzheng_tests::platform::Platform;
use minzheng_tests::processes::{Cluster, Embedded};
use order::Order;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<ExitCode> {
    let order = Order::of(std::env::args().skip(1))?;
    context::print().await?;
    if order.wants_any(&["latency", "throughput"]) {
        real(&order).await?;
        embedded(&order).await?;
    }
    let reached = measure(&order).await?;
    Ok(if reached {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Runs what has a floor; whether all reach it.
async fn measure(order: &Order) -> anyhow::Result<bool> {
    let mut reached = true;
    if order.wants("B2") {
        reached &= relay::run(order).await?;
    }
    if order.wants("B2c") {
        reached &= lag::run(order).await?;
    }
    if order.wants_any(&["B3", "B3b"]) {
        reached &= inbox::run(order).await?;
    }
    if order.wants_any(&["B1", "B1c"]) {
        reached &= command::run(order).await?;
    }
    if order.wants_any(&["B4", "B4b", "B4c"]) {
        reached &= settled::run(order).await?;
    }
    if order.wants("B7") {
        reached &= footprint::run(order).await?;
    }
    if order.wants("B7b") {
        reached &= footprint::run_all(order).await?;
    }
    if order.wants("B8") {
        reached &= growth::run(order).await? & growth_inbox::run(order).await?;
    }
    if order.wants("B8c") {
        reached &= held_xmin::run(order).await?;
    }
    if order.wants("B9") {
        reached &= overload::run(order).await?;
    }
    if order.wants("B10") {
        reached &= telemetry::run(order).await?;
    }
    Ok(reached)
}

async fn real(order: &Order) -> anyhow::Result<()> {
    let Some(kafka) = real_service(KAFKA_VARIABLE) else {
        return Ok(());
    };
    let Some(database) = TestDatabase::postgres().await else {
        return Ok(());
    };
    println!("\n## PostgreSQL and Kafka, one process per target");
    baseline::kafka(&kafka).await?;
    let mut cluster = Cluster::start(database, &kafka, 1).await;
    let url = cluster.database.url("life-events");
    let settled = cases::Settled::on_postgres(&url).await?;
    latency(&cluster.platform(), order).await?;
    if order.wants("throughput") {
        let people = load::people(&cluster.platform(), cases_of(order)).await;
        cases::warm_up(&cluster.platform(), &settled, order).await?;
        analysed::restart(&mut cluster).await?;
        cases::throughput(&cluster.platform(), &settled, people).await?;
    }
    Ok(())
}

async fn embedded(order: &Order) -> anyhow::Result<()> {
    println!("\n## One process, SQLite and the embedded bus");
    let embedded = Embedded::start().await;
    let data = embedded.directory.path().join("data");
    let settled = cases::Settled::on_sqlite(&data.join("life-events.db")).await?;
    let platform = embedded.platform();
    latency(&platform, order).await?;
    if order.wants("throughput") {
        let people = load::people(&platform, cases_of(order)).await;
        cases::warm_up(&platform, &settled, order).await?;
        cases::throughput(&platform, &settled, people).await?;
    }
    Ok(())
}

async fn latency(platform: &Platform, order: &Order) -> anyhow::Result<()> {
    if order.wants("latency") {
        cases::latency(platform, order.amount(300, 30), 10.0).await?;
    }
    Ok(())
}

/// How many cases the throughput is measured with.
fn cases_of(order: &Order) -> usize {
    order.amount(6000, 600)
}
