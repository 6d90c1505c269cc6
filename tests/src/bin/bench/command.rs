//! B1: `ReportDeath` by person id, beside pgbench with the same statements in the same round trips;
//! B1c: its latency in an open loop.

use std::time::Duration;

use crate::order::Order;
use crate::ratio::{Better, Legs, Target, median, spread};
use crate::reports::Commands;
use crate::stand::Stand;

/// Reports in flight.
const IN_FLIGHT: [usize; 3] = [8, 32, 64];

/// Share of the rate at [`REFERENCE`] in flight that the open loop asks for.
const LOAD: f64 = 0.7;

/// What is in flight when the rate of the open loop is measured, a place in [`IN_FLIGHT`].
const REFERENCE: usize = 1;

const B1: Target = Target {
    id: "B1",
    ratio: "commits a second ÷ pgbench with the same statements in the same round trips",
    better: Better::Higher,
    floor: 0.5,
    goal: 0.65,
};

const B1C: Target = Target {
    id: "B1c",
    ratio: "p99 ÷ pgbench's at the same rate",
    better: Better::Lower,
    floor: 4.0,
    goal: 2.5,
};

/// Runs B1 and B1c; whether they reach their floors.
pub(crate) async fn run(order: &Order) -> anyhow::Result<bool> {
    let modules = [minzheng_residents::module(), minzheng_life_events::module()];
    let Some(stand) = Stand::of(&modules).await? else {
        return Ok(true);
    };
    let count = order.amount(4_000_000, 100_000) as u64;
    let bench = Commands::start(stand, count).await?;
    println!(
        "\n## B1: ReportDeath by person id, {count} residents; the events stay in the outbox (B2 relays them), \
         so nobody reacts"
    );
    let seconds = order.amount(10, 2) as u64;
    bench
        .reports(IN_FLIGHT[REFERENCE], Duration::from_secs(seconds))
        .await?;
    bench.statements(IN_FLIGHT[REFERENCE], seconds).await?;
    let mut reached = true;
    let mut rate = 0.0;
    for (place, in_flight) in IN_FLIGHT.into_iter().enumerate() {
        println!("{in_flight} in flight");
        let (mut subject, mut baseline) = (Legs::of("ReportDeath"), Legs::of("pgbench"));
        for _ in 0..order.pairs() {
            subject.add(
                bench
                    .reports(in_flight, Duration::from_secs(seconds))
                    .await?,
            );
            baseline.add(bench.statements(in_flight, seconds).await?);
        }
        subject.print();
        baseline.print();
        reached &= B1.judge(&subject.over(&baseline));
        if place == REFERENCE {
            rate = median(&subject.rates()) * LOAD;
        }
    }
    if order.wants("B1c") {
        reached &= open_loop(&bench, order, rate).await?;
    }
    bench.stop().await?;
    Ok(reached)
}

async fn open_loop(bench: &Commands, order: &Order, rate: f64) -> anyhow::Result<bool> {
    let time = Duration::from_secs(order.amount(30, 4) as u64);
    println!(
        "\n## B1c: {rate:.0} reports a second ({:.0} % of what {} in flight reached), Poisson arrivals, latency from \
         the intended start",
        LOAD * 100.0,
        IN_FLIGHT[REFERENCE]
    );
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..order.pairs() {
        let subject = bench.open_reports(rate, time).await?;
        let baseline = bench.open_statements(rate, time).await?;
        for (name, times) in [("ReportDeath", &subject), ("pgbench", &baseline)] {
            let at = |quantile: f64| times.value_at_quantile(quantile) as f64 / 1000.0;
            println!(
                "  {name}: {} reports: p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms",
                times.len(),
                at(0.5),
                at(0.99),
                at(0.999)
            );
        }
        ours.push(subject.value_at_quantile(0.99) as f64 / 1000.0);
        theirs.push(baseline.value_at_quantile(0.99) as f64 / 1000.0);
    }
    println!(
        "p99 ms: ReportDeath {}, pgbench {}",
        spread(&ours, 2),
        spread(&theirs, 2)
    );
    let ratios: Vec<f64> = ours
        .iter()
        .zip(&theirs)
        .map(|(own, other)| own / other)
        .collect();
    Ok(B1C.judge(&ratios))
}
