//! `cargo xtask bench`: what the foundation does on this machine, printed with its context. Not a
//! timed test.
//!
//! Latency is open loop with intended start times; throughput counts settled cases after the commit
//! that settled them; footprints come from the operating system. What has a baseline is measured with
//! it in turns; the exit code is 1 when a figure is below its floor.

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
mod one_death;
mod order;
mod overload;
mod pgbench;
mod ratio;
mod raw_kafka;
mod relay;
mod report_baseline;
mod reports;
mod residents;
mod services;
mod settled;
mod stand;
mod telemetry;

use std::process::ExitCode;

use order::Order;

/// As the platform's: what the clients take of the processors is missing to the services.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<ExitCode> {
    let order = Order::of(std::env::args().skip(1))?;
    context::print().await?;
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
    if order.wants_any(&one_death::NAMES) {
        reached &= one_death::run(order).await?;
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
    // Not first: a broker that was just started compiles itself for minutes, on the processors of whoever sends to it.
    if order.wants("B2") {
        reached &= relay::run(order).await?;
    }
    if order.wants("B2c") {
        reached &= lag::run(order).await?;
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
