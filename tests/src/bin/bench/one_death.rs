//! One death from report to settled: how long it takes, and how many there are in a second, in the two
//! deployments, beside the marks that were set for two processors with everything on them.

use std::time::Duration;

use minzheng_chassis::testing::{KAFKA_VARIABLE, TestDatabase, real_service};
use minzheng_tests::platform::Platform;
use minzheng_tests::processes::{Cluster, Embedded};

use crate::cases::Settled;
use crate::latency::Times;
use crate::order::Order;
use crate::ratio::Target;
use crate::{analysed, baseline, cases, load};

/// The names by which these two are ordered.
pub(crate) const NAMES: [&str; 2] = [LATENCY, THROUGHPUT];

const LATENCY: &str = "latency";
const THROUGHPUT: &str = "throughput";

/// Cases a second while the latency is measured.
const UNLOADED: f64 = 10.0;

/// Where a sync takes longer than this, the mark is so many syncs.
const QUICK_SYNC: Duration = Duration::from_micros(500);
const SYNCS: f64 = 15.0;

/// What is asked of a deployment.
struct Marks {
    p50_ms: f64,
    p99_ms: f64,
    per_second: f64,
}

const REAL: Marks = Marks {
    p50_ms: 20.0,
    p99_ms: 80.0,
    per_second: 400.0,
};

/// Runs both; whether they reach their marks.
pub(crate) async fn run(order: &Order) -> anyhow::Result<bool> {
    Ok(real(order).await? & embedded(order).await?)
}

async fn real(order: &Order) -> anyhow::Result<bool> {
    let Some(kafka) = real_service(KAFKA_VARIABLE) else {
        return Ok(true);
    };
    let Some(database) = TestDatabase::postgres().await else {
        return Ok(true);
    };
    println!("\n## PostgreSQL and Kafka, one process per target");
    baseline::kafka(&kafka).await?;
    let mut cluster = Cluster::start(database, &kafka, 1).await;
    let settled = Settled::on_postgres(&cluster.database.url("life-events")).await?;
    cases::warm_up(&cluster.platform(), &settled, order).await?;
    analysed::restart(&mut cluster).await?;
    measure(&cluster.platform(), &settled, order, &REAL).await
}

async fn embedded(order: &Order) -> anyhow::Result<bool> {
    println!("\n## One process, SQLite and the embedded bus");
    let embedded = Embedded::start().await;
    let data = embedded.directory.path().join("data");
    let settled = Settled::on_sqlite(&data.join("life-events.db")).await?;
    let platform = embedded.platform();
    cases::warm_up(&platform, &settled, order).await?;
    let marks = Marks {
        p50_ms: p50_of(baseline::fsync()?),
        p99_ms: f64::INFINITY,
        per_second: 600.0,
    };
    measure(&platform, &settled, order, &marks).await
}

/// The embedded deployment's mark follows from what its disk can do.
fn p50_of(sync: Duration) -> f64 {
    if sync <= QUICK_SYNC {
        12.0
    } else {
        SYNCS * sync.as_secs_f64() * 1000.0
    }
}

async fn measure(
    platform: &Platform,
    settled: &Settled,
    order: &Order,
    marks: &Marks,
) -> anyhow::Result<bool> {
    let mut reached = true;
    if order.wants(LATENCY) {
        let times = cases::latency(platform, order.amount(300, 30), UNLOADED).await?;
        reached &= judge(&times, marks);
    }
    if order.wants(THROUGHPUT) {
        let people = load::people(platform, order.amount(6000, 600)).await;
        let rate = cases::throughput(platform, settled, people).await?;
        let mark = marks.per_second;
        reached &= Target::higher(THROUGHPUT, "settled cases a second", mark, mark).judge(&[rate]);
    }
    Ok(reached)
}

fn judge(times: &Times, marks: &Marks) -> bool {
    let below = |name, mark, quantile| {
        Target::lower(LATENCY, name, mark, mark).judge(&[times.ms(quantile)])
    };
    below("report → SETTLED, p50, ms", marks.p50_ms, 0.5)
        & below("report → SETTLED, p99, ms", marks.p99_ms, 0.99)
}
