//! B10: what traces cost, with a receiver that takes them.

use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::collector::Collector;
use crate::order::Order;
use crate::ratio::{Legs, Target, spread};
use crate::reports::{Commands, Relay};
use crate::services::Beside;
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

/// How often each mode takes its turn.
const ROUNDS: usize = 15;

/// The same with `--smoke`.
const SMOKE_ROUNDS: usize = 5;

/// How long a mode is at it before a turn counts: what it needs is in the processors' caches then.
const BEFORE_A_TURN: Duration = Duration::from_secs(1);

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

/// One mode, by processes of its own.
struct Side {
    mode: &'static Mode,
    beside: Beside,
    collector: Collector,
    legs: Legs,
}

impl Side {
    async fn start(bench: &Commands, mode: &'static Mode) -> anyhow::Result<Self> {
        let collector = Collector::default();
        let endpoint = collector.start().await?;
        Ok(Self {
            mode,
            beside: bench.beside(&mode.settings(&endpoint)).await,
            collector,
            legs: Legs::of(mode.name),
        })
    }

    /// The spans of what was kept have come.
    async fn sent(&self) -> anyhow::Result<()> {
        if let Some(ratio) = self.mode.kept {
            // A trace of a report has a span in each of two services, at the least.
            let spans = received(&self.collector, self.legs.operations() * ratio).await?;
            println!("  {}: {spans} spans received", self.mode.name);
        }
        Ok(())
    }
}

/// Runs B10; whether it reaches its floors. The processes of all modes run side by side and take short turns: a machine
/// changes more within a minute than traces cost.
pub(crate) async fn run(order: &Order) -> anyhow::Result<bool> {
    let modules = [minzheng_residents::module(), minzheng_life_events::module()];
    let Some(stand) = Stand::of(&modules).await? else {
        return Ok(true);
    };
    let count = order.amount(1_000_000, 160_000) as u64;
    Commands::fill(&stand, count).await?;
    let mut bench = Commands::start(order, stand, count, Relay::Rests).await?;
    println!(
        "\n## B10: ReportDeath by person id, {IN_FLIGHT} in flight, as in B1; the receiver decodes and counts in the \
         process of the benchmark, on the same processors"
    );
    bench.reports(IN_FLIGHT, order.warm_up()).await?;
    bench.analyse().await?;
    let mut sides = Vec::new();
    for mode in &MODES {
        let side = Side::start(&bench, mode).await?;
        let (warm_up, not_long) = (bench.warm_up, Duration::from_millis(100));
        bench
            .turn_of(&side.beside, IN_FLIGHT, warm_up, not_long)
            .await?;
        sides.push(side);
    }
    let time = Duration::from_secs(order.amount(4, 2) as u64);
    for round in 0..order.amount(ROUNDS, SMOKE_ROUNDS) {
        for step in 0..sides.len() {
            // Another one first in each round: tables grow from turn to turn.
            let which = (round + step) % sides.len();
            let side = &mut sides[which];
            let turn = bench.turn_of(&side.beside, IN_FLIGHT, BEFORE_A_TURN, time);
            side.legs.add(turn.await?);
        }
    }
    let reached = judge(&sides);
    for side in sides {
        side.sent().await?;
        side.beside.end().await?;
    }
    bench.stop(&[]).await?;
    Ok(reached)
}

fn judge(sides: &[Side]) -> bool {
    let [off, kept @ ..] = sides else {
        return false;
    };
    off.legs.print();
    let mut reached = true;
    for (side, target) in kept.iter().zip(TARGETS) {
        side.legs.print();
        println!(
            "processor time for each report ÷ without: {}",
            spread(&side.legs.cpu_over(&off.legs), 2)
        );
        reached &= target.judge(&side.legs.over(&off.legs));
    }
    reached
}
