//! B10: what traces cost, with a receiver that takes them.

use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::collector::Collector;
use crate::order::Order;
use crate::ratio::{Leg, Legs, Target, spread};
use crate::reports::{Commands, Relay};
use crate::stand::{LOOK_EVERY, Stand};

/// Reports in flight.
const IN_FLIGHT: usize = 32;

/// What a turn does with traces.
struct Mode {
    name: &'static str,
    /// Share of the traces that are kept; none are made without.
    kept: Option<f64>,
}

/// Without, and of [`TARGETS`].
const MODES: [Mode; 3] = [
    Mode {
        name: "off",
        kept: None,
    },
    Mode {
        name: "5 % kept",
        kept: Some(0.05),
    },
    Mode {
        name: "all kept",
        kept: Some(1.0),
    },
];

impl Mode {
    /// Settings of the services.
    fn settings(&self, endpoint: &str) -> Vec<String> {
        let Some(ratio) = self.kept else {
            return Vec::new();
        };
        vec![
            format!("telemetry.otlp_endpoint={endpoint}"),
            format!("telemetry.sample_ratio={ratio}"),
        ]
    }
}

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
    let count = order.amount(1_000_000, 100_000) as u64;
    Commands::fill(&stand, count).await?;
    let mut bench = Commands::start(order, stand, count, Relay::Rests).await?;
    println!(
        "\n## B10: ReportDeath by person id, {IN_FLIGHT} in flight, as in B1; the receiver decodes and counts in the \
         process of the benchmark, on the same processors"
    );
    let collector = Collector::default();
    let endpoint = collector.start().await?;
    let time = Duration::from_secs(order.amount(10, 2) as u64);
    bench.reports(IN_FLIGHT, order.warm_up()).await?;
    bench.analyse().await?;
    let mut legs = MODES.map(|mode| Legs::of(mode.name));
    for round in 0..order.pairs() {
        for step in 0..MODES.len() {
            // Another one first in each round: tables grow from turn to turn.
            let which = (round + step) % MODES.len();
            let mode = &MODES[which];
            bench.serve(&mode.settings(&endpoint)).await?;
            legs[which].add(turn(&bench, &collector, mode, time).await?);
        }
    }
    let [off, kept @ ..] = &legs;
    off.print();
    let mut reached = true;
    for (legs, target) in kept.iter().zip(TARGETS) {
        legs.print();
        println!(
            "processor time for each report ÷ without: {}",
            spread(&legs.cpu_over(off), 2)
        );
        reached &= target.judge(&legs.over(off));
    }
    bench.stop(&[]).await?;
    Ok(reached)
}

/// Reports once the processes are warm; the spans of their traces have come.
async fn turn(
    bench: &Commands,
    collector: &Collector,
    mode: &Mode,
    time: Duration,
) -> anyhow::Result<Leg> {
    bench.reports(IN_FLIGHT, bench.warm_up).await?;
    collector.take();
    let leg = bench.as_warm(IN_FLIGHT, time).await?;
    if let Some(ratio) = mode.kept {
        // A trace of a report has a span in each of two services, at the least.
        let spans = received(collector, leg.operations * ratio).await?;
        println!("  {}: {spans} spans received", mode.name);
    }
    Ok(leg)
}
