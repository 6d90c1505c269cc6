//! B10: what traces cost, with a receiver that takes them.

use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::collector::Collector;
use crate::order::Order;
use crate::ratio::{Legs, Target};
use crate::reports::{Commands, Relay, WARM_UP};
use crate::stand::{LOOK_EVERY, Stand};

/// Reports in flight.
const IN_FLIGHT: usize = 32;

/// Shares of the traces that are kept, with what a turn is called.
const RATIOS: [(f64, &str); 2] = [(0.05, "5 % kept"), (1.0, "all kept")];

const TARGETS: [Target; 2] = [
    higher(
        "reports a second with 5 % of the traces kept ÷ without",
        0.95,
        0.98,
    ),
    higher("reports a second with all traces kept ÷ without", 0.8, 0.9),
];

const fn higher(ratio: &'static str, floor: f64, goal: f64) -> Target {
    Target::higher("B10", ratio, floor, goal)
}

/// Spans are sent every few seconds.
const SENT_WITHIN: Duration = Duration::from_secs(15);

/// How many spans came, once there are so many.
async fn received(collector: &Collector, at_least: f64) -> anyhow::Result<usize> {
    let asked = Instant::now();
    let mut spans = 0;
    loop {
        spans += collector.take();
        if spans as f64 >= at_least {
            return Ok(spans);
        }
        ensure!(
            asked.elapsed() < SENT_WITHIN,
            "{spans} spans of {at_least:.0} at least"
        );
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Runs B10; whether it reaches its floors.
pub(crate) async fn run(order: &Order) -> anyhow::Result<bool> {
    let modules = [minzheng_residents::module(), minzheng_life_events::module()];
    let Some(stand) = Stand::of(&modules).await? else {
        return Ok(true);
    };
    let count = order.amount(400_000, 100_000) as u64;
    Commands::fill(&stand, count).await?;
    let mut bench = Commands::start(stand, count, Relay::Rests).await?;
    println!(
        "\n## B10: ReportDeath by person id, {IN_FLIGHT} in flight, as in B1; the receiver decodes and counts in the \
         process of the benchmark, on the same processors"
    );
    let collector = Collector::default();
    let endpoint = collector.start().await?;
    let time = Duration::from_secs(order.amount(10, 2) as u64);
    let mut off = Legs::of("off");
    let mut kept = RATIOS.map(|(_, name)| Legs::of(name));
    for _ in 0..order.pairs() {
        bench.serve(&[]).await?;
        bench.reports(IN_FLIGHT, WARM_UP).await?;
        off.add(bench.reports(IN_FLIGHT, time).await?);
        for ((ratio, name), legs) in RATIOS.iter().zip(&mut kept) {
            let more = [
                format!("telemetry.otlp_endpoint={endpoint}"),
                format!("telemetry.sample_ratio={ratio}"),
            ];
            bench.serve(&more).await?;
            bench.reports(IN_FLIGHT, WARM_UP).await?;
            collector.take();
            let leg = bench.reports(IN_FLIGHT, time).await?;
            // A trace of a report has a span in each of two services, at the least.
            let spans = received(&collector, leg.operations * ratio).await?;
            legs.add(leg);
            println!("  {name}: {spans} spans received");
        }
    }
    off.print();
    let mut reached = true;
    for (legs, target) in kept.iter().zip(TARGETS) {
        legs.print();
        reached &= target.judge(&legs.over(&off));
    }
    bench.stop(&[]).await?;
    Ok(reached)
}
