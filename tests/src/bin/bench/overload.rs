//! B9: three times as many reports as the service can take: how much it still does, how soon it says
//! no, and how soon it is itself again.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use minzheng_tests::platform::{Platform, minzheng_reason};
use tonic::{Code, Status};

use crate::latency::{Times, arrivals, wait_until};
use crate::order::Order;
use crate::ratio::{Target, median};
use crate::reports::{Commands, Relay, WARM_UP};
use crate::stand::Stand;

/// Reports in flight when saturated.
const IN_FLIGHT: usize = 64;

/// How much more than that is asked for.
const TIMES: f64 = 3.0;

/// Connections of the clients: one alone carries as many calls as the server allows on it, and the
/// others would wait at the client. Not more than needed: what clients take of the processors that they
/// share with the services is missing there.
const CONNECTIONS: usize = 4;

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

/// Runs B9; whether it reaches its floors.
pub(crate) async fn run(order: &Order) -> anyhow::Result<bool> {
    let modules = [minzheng_residents::module(), minzheng_life_events::module()];
    let Some(stand) = Stand::of(&modules).await? else {
        return Ok(true);
    };
    let count = order.amount(400_000, 60_000) as u64;
    Commands::fill(&stand, count).await?;
    let bench = Commands::start(stand, count, Relay::Runs).await?;
    let time = Duration::from_secs(order.amount(10, 2) as u64);
    bench.reports(IN_FLIGHT, WARM_UP).await?;
    let mut peaks = Vec::new();
    for _ in 0..order.pairs() {
        peaks.push(bench.reports(IN_FLIGHT, time).await?.rate());
    }
    let peak = median(&peaks);
    bench.drained().await?;
    let platform = bench.with_connections(CONNECTIONS);
    let before = probes(&bench, &platform, time).await?;
    before.print("before");

    let time = Duration::from_secs(order.amount(60, 8) as u64);
    println!(
        "\n## B9: {:.0} reports a second for {} s, {TIMES} × what {IN_FLIGHT} in flight reached ({peak:.0}), over \
         {CONNECTIONS} connections; both services running",
        peak * TIMES,
        time.as_secs()
    );
    let limit = Duration::from_secs_f64(before.ms(0.99) * AS_BEFORE / 1000.0);
    let begin = Instant::now() + Duration::from_millis(100);
    let (load, recovery) = futures::try_join!(
        overload(&bench, &platform, peak * TIMES, begin, time),
        recovery(&bench, &platform, begin + time, limit)
    )?;
    load.print()?;
    let mut reached = GOODPUT.judge(&[load.taken.len() as f64 / time.as_secs_f64() / peak]);
    if load.refused.is_empty() {
        println!("B9: nothing was refused");
        reached = false;
    } else {
        let refused = Times::of_durations(load.refused.iter().copied())?;
        reached &= REFUSAL.judge(&[refused.ms(0.99)]);
    }
    reached &= RECOVERY.judge(&[recovery.as_secs_f64()]);
    bench.stop(&[]).await?;
    Ok(reached)
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
    /// Taken, refused or given up, but after it was over.
    late: usize,
    /// Everything else, such as no answer in time.
    failed: Vec<Status>,
}

impl Load {
    fn print(&self) -> anyhow::Result<()> {
        for (name, times) in [("taken", &self.taken), ("refused", &self.refused)] {
            Times::of_durations(times.iter().copied())?.print(name);
        }
        println!(
            "  {} answered after it was over, {} failed otherwise",
            self.late,
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
    rate: f64,
    begin: Instant,
    time: Duration,
) -> anyhow::Result<Load> {
    let reports = arrivals(begin, rate, time)
        .into_iter()
        .map(|start| async move {
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
            _ if at > begin + time => load.late += 1,
            Ok(_) => load.taken.push(took),
            Err(status) if is_refusal(&status) => load.refused.push(took),
            Err(status) => load.failed.push(status),
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
