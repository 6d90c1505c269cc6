//! B9: three times as many reports as the service can take: how much it still does, how soon it says
//! no, and how soon it is itself again.

use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use minzheng_tests::platform::{Platform, minzheng_reason};
use tonic::{Code, Status};

use crate::latency::{Times, arrivals, wait_until};
use crate::order::Order;
use crate::ratio::Target;
use crate::reports::{Commands, Relay};
use crate::stand::Stand;

/// Reports in flight of which the best counts as saturated; all of them fewer than the service has in hand before it
/// refuses.
const IN_FLIGHT: [usize; 3] = [64, 128, 32];

/// So many of them, from the first, are tried by a smoke.
const SMOKE_IN_FLIGHT: usize = 2;

/// How much more than that is asked for.
const TIMES: f64 = 3.0;

/// Connections of the clients: one alone carries as many calls as the server allows on it, and the
/// others would wait at the client. Not more than needed: what clients take of the processors that they
/// share with the services is missing there.
const CONNECTIONS: usize = 4;

/// So many overloads, one after the other; of a smoke one where that reaches the floors.
const TURNS: usize = 3;

/// How soon the overload begins.
const BEGINS_IN: Duration = Duration::from_millis(100);

/// How long it takes until the service has in hand what it takes in hand: not counted, as what is in hand at the end
/// is not.
const RAMP: Duration = Duration::from_secs(1);

/// How often a client asks before and after the overload.
const PROBES: f64 = 20.0;

/// So many answers in a row, as quick as before, are a service that is itself again.
const IN_A_ROW: usize = 20;

/// Within so many times the p99 of before an answer is as quick as before.
const AS_BEFORE: f64 = 2.0;

/// How long the service has for it.
const RECOVERS_WITHIN: Duration = Duration::from_secs(60);

const GOODPUT: Target = Target::higher(
    "B9",
    "reports taken a second at 3 × saturation ÷ at saturation",
    0.8,
    0.95,
);

const REFUSAL: Target = Target::lower(
    "B9",
    "from the intended start to the refusal, p99 ms",
    50.0,
    20.0,
);

const RECOVERY: Target = Target::lower("B9", "recovery, s", 5.0, 2.0);

/// Neither answered nor refused in time: who is overloaded says no.
const FAILED: Target = Target::lower("B9", "calls that failed otherwise, % of all", 1.0, 0.0);

/// Runs B9; whether it reaches its floors.
pub(crate) async fn run(order: &Order) -> anyhow::Result<bool> {
    let modules = [minzheng_residents::module(), minzheng_life_events::module()];
    let Some(stand) = Stand::of(&modules).await? else {
        return Ok(true);
    };
    // Every attempt uses up a person, a refused one too.
    let count = order.amount(1_800_000, 280_000) as u64;
    Commands::fill(&stand, count).await?;
    let mut bench = Commands::start(order, stand, count, Relay::Runs).await?;
    bench.reports(IN_FLIGHT[0], order.warm_up()).await?;
    bench.drained().await?;
    bench.analyse().await?;
    let platform = bench.with_connections(CONNECTIONS);
    let time = Duration::from_secs(order.amount(60, 8) as u64);
    let peak = peak(&bench, &platform, order, time).await?;
    bench.drained().await?;
    let before = probes(&bench, &platform, time / 4).await?;
    before.print("before");
    let mut overloads = Vec::new();
    while !is_enough(order, &overloads) {
        overloads.push(three_times(&bench, &platform, time, peak, &before).await?);
        bench.drained().await?;
    }
    let reached = judge(&overloads);
    bench.stop(&[]).await?;
    Ok(reached)
}

/// What one overload came to.
struct Overload {
    goodput: f64,
    /// p99 of the time to a refusal, in milliseconds; nothing where nothing was refused.
    refusal_ms: f64,
    failed_percent: f64,
    recovery_s: f64,
}

type Figure = fn(&Overload) -> f64;

/// What of an overload is judged.
const FIGURES: [(Target, Figure); 4] = [
    (GOODPUT, |one: &Overload| one.goodput),
    (REFUSAL, |one: &Overload| one.refusal_ms),
    (FAILED, |one: &Overload| one.failed_percent),
    (RECOVERY, |one: &Overload| one.recovery_s),
];

fn is_enough(order: &Order, overloads: &[Overload]) -> bool {
    match overloads {
        [one] if !order.is_full() => FIGURES
            .iter()
            .all(|(target, figure)| target.is_reached(&[figure(one)])),
        overloads => overloads.len() >= TURNS,
    }
}

fn judge(overloads: &[Overload]) -> bool {
    let judged = FIGURES
        .map(|(target, figure)| target.judge(&overloads.iter().map(figure).collect::<Vec<_>>()));
    judged.into_iter().all(|reached| reached)
}

/// Reports a second when saturated: the best of several numbers in flight, over the same connections as the overload
/// and as long. In a shorter time what reports lead to, on the same processors, only piles up.
async fn peak(
    bench: &Commands,
    platform: &Platform,
    order: &Order,
    time: Duration,
) -> anyhow::Result<f64> {
    bench
        .reports_over(platform, IN_FLIGHT[0], order.warm_up())
        .await?;
    let mut peak = 0.0_f64;
    let tried = order.amount(IN_FLIGHT.len(), SMOKE_IN_FLIGHT);
    for in_flight in IN_FLIGHT.into_iter().take(tried) {
        bench.drained().await?;
        let leg = bench.timed(platform, in_flight, time).await?;
        println!(
            "  saturated, {in_flight} in flight: {:.0} a second",
            leg.rate()
        );
        peak = peak.max(leg.rate());
    }
    Ok(peak)
}

/// The overload and what comes after it.
async fn three_times(
    bench: &Commands,
    platform: &Platform,
    time: Duration,
    peak: f64,
    before: &Times,
) -> anyhow::Result<Overload> {
    println!(
        "\n## B9: {:.0} reports a second for {} s, {TIMES} × saturation ({peak:.0}), over {CONNECTIONS} \
         connections; both services running",
        peak * TIMES,
        time.as_secs()
    );
    let limit = Duration::from_secs_f64(before.ms(0.99) * AS_BEFORE / 1000.0);
    let begin = Instant::now() + BEGINS_IN;
    let counted = begin + RAMP..begin + RAMP + time;
    let starts = arrivals(begin, peak * TIMES, RAMP + time);
    let after = PROBES * RECOVERS_WITHIN.as_secs_f64();
    bench.has_people_for(starts.len() + after as usize)?;
    let (load, recovery) = futures::try_join!(
        overload(bench, platform, starts, &counted),
        recovery(bench, platform, counted.end, limit)
    )?;
    load.print()?;
    let refusal_ms = if load.refused.is_empty() {
        println!("  nothing was refused");
        f64::NAN
    } else {
        Times::of_durations(load.refused.iter().copied())?.ms(0.99)
    };
    Ok(Overload {
        goodput: load.taken.len() as f64 / time.as_secs_f64() / peak,
        refusal_ms,
        failed_percent: load.failed_percent(),
        recovery_s: recovery.as_secs_f64(),
    })
}

/// Latencies while nothing else is asked for.
async fn probes(bench: &Commands, platform: &Platform, time: Duration) -> anyhow::Result<Times> {
    let starts = arrivals(Instant::now(), PROBES, time).into_iter();
    let probes = starts.map(|start| async move {
        wait_until(start).await;
        bench.tell(platform).await?;
        anyhow::Ok(start.elapsed())
    });
    Times::of_durations(futures::future::try_join_all(probes).await?)
}

/// What became of the reports of an overload.
#[derive(Default)]
struct Load {
    /// How long those took that were taken while it lasted.
    taken: Vec<Duration>,
    refused: Vec<Duration>,
    /// Taken or refused, but before it was counted or after it was over.
    uncounted: usize,
    /// Everything else, whenever: such as no answer in time.
    failed: Vec<Status>,
}

impl Load {
    fn failed_percent(&self) -> f64 {
        let failed = self.failed.len();
        let all = self.taken.len() + self.refused.len() + self.uncounted + failed;
        100.0 * failed as f64 / all as f64
    }

    fn print(&self) -> anyhow::Result<()> {
        for (name, times) in [("taken", &self.taken), ("refused", &self.refused)] {
            if !times.is_empty() {
                Times::of_durations(times.iter().copied())?.print(name);
            }
        }
        println!(
            "  {} answered in the first second or after it was over, {} failed otherwise",
            self.uncounted,
            self.failed.len()
        );
        if let Some(status) = self.failed.first() {
            println!(
                "  the first of them: {:?} {}",
                status.code(),
                status.message()
            );
        }
        Ok(())
    }
}

async fn overload(
    bench: &Commands,
    platform: &Platform,
    starts: Vec<Instant>,
    counted: &Range<Instant>,
) -> anyhow::Result<Load> {
    let reports = starts.into_iter().map(|start| async move {
        // Not to a tenth of a millisecond as elsewhere: that is a thread's sleep for each, on the processors of
        // the services.
        tokio::time::sleep_until(start.into()).await;
        let answer = bench.tell(platform).await;
        (answer, start, Instant::now())
    });
    let mut load = Load::default();
    for (answer, start, at) in futures::future::join_all(reports).await {
        let took = at.saturating_duration_since(start);
        match answer {
            Err(status) if !is_refusal(&status) => load.failed.push(status),
            _ if !counted.contains(&at) => load.uncounted += 1,
            Ok(_) => load.taken.push(took),
            Err(_) => load.refused.push(took),
        }
    }
    ensure!(!load.taken.is_empty(), "nothing was taken");
    Ok(load)
}

/// The service's own no, with a reason and when to try again; not a deadline of the client.
fn is_refusal(status: &Status) -> bool {
    matches!(status.code(), Code::ResourceExhausted | Code::Unavailable)
        && minzheng_reason(status).is_some()
}

/// From the end of the overload to the first of many answers in a row that are as quick as before.
async fn recovery(
    bench: &Commands,
    platform: &Platform,
    over: Instant,
    limit: Duration,
) -> anyhow::Result<Duration> {
    tokio::time::sleep_until(over.into()).await;
    let (mut since, mut quick) = (None, 0);
    let gap = Duration::from_secs_f64(1.0 / PROBES);
    while quick < IN_A_ROW {
        let start = Instant::now();
        ensure!(over.elapsed() < RECOVERS_WITHIN, "it does not recover");
        let answer = bench.tell(platform).await;
        if answer.is_ok() && start.elapsed() <= limit {
            quick += 1;
            since.get_or_insert(start);
        } else {
            (since, quick) = (None, 0);
        }
        tokio::time::sleep_until((start + gap).into()).await;
    }
    let since = since.context("a quick answer")?;
    Ok(since.saturating_duration_since(over))
}
