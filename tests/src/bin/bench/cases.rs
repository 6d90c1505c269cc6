//! Cases from report to settled: latency in an open loop, and how many a second.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use futures::StreamExt;
use minzheng_chassis::db::{Database, Sql};
use minzheng_proto::life_events::v1 as pb;
use minzheng_tests::family::{COUNTY, Member};
use minzheng_tests::platform::{Callers, Platform};

use crate::latency::{Times, wait_until};
use crate::load;
use crate::order::Order;

/// Reports in flight when saturated.
const IN_FLIGHT: usize = 64;

/// Cases before the measurement.
const WARM_UP: usize = 30;

/// How long the last case may take.
const SETTLED_WITHIN: Duration = Duration::from_secs(120);

/// Report to SETTLED at `per_second` cases a second: from the intended start to the change seen by a
/// client that watches the case.
pub(crate) async fn latency(
    platform: &Platform,
    count: usize,
    per_second: f64,
) -> anyhow::Result<Times> {
    let people = load::people(platform, count + WARM_UP).await;
    let begin = Instant::now() + Duration::from_millis(100);
    let gap = Duration::from_secs_f64(1.0 / per_second);
    let cases = people.iter().enumerate().map(|(n, member)| async move {
        let start = begin + gap * n as u32;
        wait_until(start).await;
        // One that failed was never seen settled: it stands behind all others.
        let settled = settle(platform, member).await;
        settled.map_or_else(
            |error| {
                println!("a case failed: {error:#}");
                Duration::MAX
            },
            |()| start.elapsed(),
        )
    });
    let took = futures::future::join_all(cases).await;
    let times = Times::of_durations(took.into_iter().skip(WARM_UP))?;
    times.print(&format!("report → SETTLED at {per_second}/s"));
    Ok(times)
}

async fn settle(platform: &Platform, member: &Member) -> anyhow::Result<()> {
    let callers = Callers::of(COUNTY);
    let report = load::certificate(platform, member);
    let case = report.tell(platform, &callers).await?;
    if is_settled(&case) {
        return Ok(());
    }
    let request = pb::WatchCaseRequest {
        case_id: case.id,
        resume_token: String::new(),
    };
    let mut changes = platform
        .life_events(&callers.clerk)
        .watch_case(request)
        .await?
        .into_inner();
    while let Some(change) = changes.message().await? {
        if change.case.as_ref().is_some_and(is_settled) {
            return Ok(());
        }
    }
    anyhow::bail!("the watch ended before the case was settled")
}

fn is_settled(case: &pb::DeathCase) -> bool {
    matches!(case.phase(), pb::Phase::Settled | pb::Phase::Finished)
}

/// Counts settled cases where they are stored.
pub(crate) struct Settled(Database);

impl Settled {
    pub(crate) async fn on_postgres(url: &str) -> anyhow::Result<Self> {
        Ok(Self(Database::open_postgres(url, "bench", 1)?))
    }

    pub(crate) async fn on_sqlite(path: &Path) -> anyhow::Result<Self> {
        Ok(Self(Database::open_sqlite(path).await?))
    }

    async fn count(&self) -> anyhow::Result<i64> {
        let text = "SELECT count(*) AS n FROM death_case WHERE phase IN ('settled', 'finished')";
        let row = self.0.reader().one(text, []).await?.context("a count")?;
        Ok(row.get("n")?)
    }
}

/// Settles cases that come before those that are measured.
pub(crate) async fn warm_up(
    platform: &Platform,
    settled: &Settled,
    order: &Order,
) -> anyhow::Result<()> {
    let people = load::people(platform, order.amount(1000, 100)).await;
    settle_all(platform, settled, people).await?;
    Ok(())
}

/// Settled cases a second with many in flight.
pub(crate) async fn throughput(
    platform: &Platform,
    settled: &Settled,
    people: Vec<Member>,
) -> anyhow::Result<f64> {
    let count = people.len();
    let (reported, took) = settle_all(platform, settled, people).await?;
    let rate = count as f64 / took.as_secs_f64();
    println!(
        "sustained, {IN_FLIGHT} reports in flight: {count} cases reported in {:.1} s, settled in {:.1} s: {rate:.0} settled cases/s",
        reported.as_secs_f64(),
        took.as_secs_f64(),
    );
    Ok(rate)
}

/// Reports all these people and waits until their cases are settled; how long either took.
async fn settle_all(
    platform: &Platform,
    settled: &Settled,
    people: Vec<Member>,
) -> anyhow::Result<(Duration, Duration)> {
    let wanted = settled.count().await? + i64::try_from(people.len())?;
    let callers = Callers::of(COUNTY);
    let started = Instant::now();
    futures::stream::iter(people)
        .for_each_concurrent(IN_FLIGHT, |member| {
            let callers = &callers;
            async move {
                if let Err(error) = load::certificate(platform, &member)
                    .tell(platform, callers)
                    .await
                {
                    println!("a report failed: {error}");
                }
            }
        })
        .await;
    let reported = started.elapsed();
    while settled.count().await? < wanted {
        anyhow::ensure!(
            started.elapsed() < reported + SETTLED_WITHIN,
            "not all cases settled"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok((reported, started.elapsed()))
}
