//! B1: `ReportDeath` by person id, beside pgbench with the same statements in the same round trips;
//! B1c: its latency in an open loop.

use std::time::Duration;

use crate::order::Order;
use crate::ratio::{Legs, Target, median, spread};
use crate::report_baseline::{self as baseline, Statements};
use crate::reports::{Commands, Relay};
use crate::stand::Stand;

/// Reports in flight.
const IN_FLIGHT: [usize; 3] = [NEAREST, REFERENCE, 64];

/// Where the ratio is nearest to its floor: what a smoke looks at.
const NEAREST: usize = 8;

/// Share that the open loop asks for of the rate that both reach at [`REFERENCE`] in flight.
const LOAD: f64 = 0.7;

/// What is in flight when the rate of the open loop is measured.
const REFERENCE: usize = 32;

const B1: Target = Target::higher(
    "B1",
    "reports a second ÷ pgbench with the same statements in the same round trips",
    0.5,
    0.65,
);

const SAME_ROWS: Target = Target::same_rows("B1");

const B1C: Target = Target::lower("B1c", "p99 ÷ pgbench's at the same rate", 4.0, 2.5);

/// Runs B1 and B1c; whether they reach their floors.
pub(crate) async fn run(order: &Order) -> anyhow::Result<bool> {
    let modules = [minzheng_residents::module(), minzheng_life_events::module()];
    let Some(stand) = Stand::of(&modules).await? else {
        return Ok(true);
    };
    let count = order.amount(4_000_000, 100_000) as u64;
    Commands::fill(&stand, count).await?;
    baseline::prepare(&stand).await?;
    let mut bench = Commands::start(order, stand, count, Relay::Rests).await?;
    let seconds = order.amount(10, 2) as u64;
    bench
        .reports(REFERENCE, Duration::from_secs(seconds))
        .await?;
    bench.analyse().await?;
    let statements = Statements {
        stand: &bench.stand,
        residents: count,
        warm_up: order.warm_up(),
    };
    println!(
        "\n## B1: ReportDeath by person id, {count} residents; the events stay in the outbox (B2 relays them), \
         so nobody reacts"
    );
    statements.closed(REFERENCE, seconds).await?;
    statements.analyse().await?;
    let mut reached = true;
    let mut rate = 0.0;
    let mut rates = Vec::new();
    let is_run = |in_flight: &usize| match *in_flight {
        NEAREST => true,
        REFERENCE => order.is_full() || order.wants("B1c"),
        _ => order.is_full(),
    };
    for in_flight in IN_FLIGHT.into_iter().filter(is_run) {
        println!("{in_flight} in flight");
        let (mut subject, mut baseline) = (Legs::of("ReportDeath"), Legs::of("pgbench"));
        while order.wants_pair(&B1, &subject.over(&baseline)) {
            subject.add(
                bench
                    .warmed_reports(in_flight, Duration::from_secs(seconds))
                    .await?,
            );
            baseline.add(statements.closed(in_flight, seconds).await?);
        }
        subject.print();
        baseline.print();
        reached &= B1.judge(&subject.over(&baseline));
        reached &= SAME_ROWS.judge(&subject.wal_apart(&baseline));
        if in_flight == REFERENCE {
            let both = median(&subject.rates()).min(median(&baseline.rates()));
            rate = both * LOAD;
        }
        rates.push((
            in_flight,
            median(&subject.rates()),
            median(&baseline.rates()),
        ));
    }
    if rates.len() > 1 {
        beside_the_best(&rates);
    }
    if order.wants("B1c") {
        reached &= open_loop(&bench, &statements, order, rate).await?;
    }
    bench.stop(&[baseline::DATABASE]).await?;
    Ok(reached)
}

/// Each rate beside the best of pgbench, whose clients stand in each other's way where they are many.
fn beside_the_best(rates: &[(usize, f64, f64)]) {
    let best = rates.iter().map(|(_, _, baseline)| *baseline);
    let best = best.fold(f64::NAN, f64::max);
    for (in_flight, subject, _) in rates {
        println!(
            "context: {in_flight} in flight ÷ the best of pgbench at any of these ({best:.0}): {:.2}",
            subject / best
        );
    }
}

async fn open_loop(
    bench: &Commands,
    statements: &Statements<'_>,
    order: &Order,
    rate: f64,
) -> anyhow::Result<bool> {
    let time = Duration::from_secs(order.amount(30, 4) as u64);
    println!(
        "\n## B1c: {rate:.0} reports a second ({:.0} % of what both reach at {} in flight), Poisson arrivals, latency from \
         the intended start",
        LOAD * 100.0,
        REFERENCE
    );
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..order.pairs() {
        let subject = bench.open_reports(rate, time).await?;
        let baseline = statements.open(rate, time).await?;
        subject.print("ReportDeath");
        baseline.print("pgbench");
        ours.push(subject.ms(0.99));
        theirs.push(baseline.ms(0.99));
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
