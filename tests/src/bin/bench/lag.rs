//! B2c: how long a committed event waits for the broker, while the service has a third of its load.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use minzheng_chassis::db::{Row, Sql, val};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{Offset, TopicPartitionList};
use uuid::Uuid;

use crate::latency::Times;
use crate::order::Order;
use crate::ratio::{Target, spread};
use crate::reports::{Commands, Relay};
use crate::stand::Stand;

/// Where the events of reports go.
const TOPIC: &str = "life-events.death";

/// The header that names the request which an event came of.
const CAUSE: &str = "ce_causationid";

/// When the transaction of each request began to commit, in microseconds.
const COMMITS: &str = "SELECT request_id, \
                       CAST(extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000000 AS bigint) AS at \
                       FROM request WHERE created_at >= $1";

/// Reports in flight when the rate is measured that the load is a share of.
const IN_FLIGHT: usize = 32;

/// Share of that rate.
const LOAD: f64 = 0.3;

/// How long a record is waited for at a time.
const POLL: Duration = Duration::from_millis(50);

/// How long the last event may take.
const ARRIVES_WITHIN: Duration = Duration::from_secs(30);

const P50: Target = Target::lower(
    "B2c",
    "COMMIT → a consumer has it, p50 ms",
    f64::INFINITY,
    2.0,
);

const P99: Target = Target::lower("B2c", "COMMIT → a consumer has it, p99 ms", 25.0, 8.0);

/// Runs B2c; whether it reaches its floor.
pub(crate) async fn run(order: &Order) -> anyhow::Result<bool> {
    let modules = [minzheng_residents::module(), minzheng_life_events::module()];
    let Some(stand) = Stand::of(&modules).await? else {
        return Ok(true);
    };
    let count = order.amount(400_000, 50_000) as u64;
    Commands::fill(&stand, count).await?;
    let mut bench = Commands::start(order, stand, count, Relay::Runs).await?;
    let time = Duration::from_secs(order.amount(10, 2) as u64);
    bench.reports(IN_FLIGHT, time).await?;
    bench.drained().await?;
    bench.analyse().await?;
    let rate = bench.warmed_reports(IN_FLIGHT, time).await?.rate() * LOAD;
    println!(
        "\n## B2c: ReportDeath at {rate:.0} a second ({:.0} % of what {IN_FLIGHT} in flight reached), both services \
         running; from the moment that PostgreSQL notes for a transaction before it flushes its COMMIT, to the moment that a \
         consumer has the record, a hop after the broker: the lag is no longer than that",
        LOAD * 100.0
    );
    let (mut halves, mut tails) = (Vec::new(), Vec::new());
    for _ in 0..order.pairs() {
        bench.drained().await?;
        let (since_commit, since_answer) = lag(&bench, rate, time * 2).await?;
        since_commit.print("COMMIT → consumer");
        since_answer.print("answer → consumer");
        halves.push(since_commit.ms(0.5));
        tails.push(since_commit.ms(0.99));
    }
    println!(
        "p50 ms {}, p99 ms {}",
        spread(&halves, 2),
        spread(&tails, 2)
    );
    let reached = P50.judge(&halves) & P99.judge(&tails);
    bench.stop(&[]).await?;
    Ok(reached)
}

/// From the commit, and from the answer, to the receipt by a consumer.
async fn lag(bench: &Commands, rate: f64, time: Duration) -> anyhow::Result<(Times, Times)> {
    let begun = jiff::Timestamp::now().as_microsecond();
    let ending = Ending::default();
    let consumer = consumer(bench).await?;
    let listening = {
        let ended = ending.0.clone();
        tokio::task::spawn_blocking(move || listen(&consumer, &ended))
    };
    let told = bench.open(rate, time).await?;
    bench.drained().await?;
    drop(ending);
    let arrived = tokio::time::timeout(ARRIVES_WITHIN, listening).await???;
    let committed = committed(bench, begun).await?;
    let (mut since_commit, mut since_answer) = (Vec::new(), Vec::new());
    for one in &told {
        let arrival = arrived
            .get(&one.request)
            .context("an event of each report")?;
        let commit = committed
            .get(&one.request)
            .context("a row of each request")?;
        since_commit.push(u64::try_from(arrival.micros - commit).unwrap_or_default());
        since_answer.push(arrival.at.saturating_duration_since(one.answered));
    }
    ensure!(!told.is_empty(), "no reports");
    Ok((Times::of(since_commit)?, Times::of_durations(since_answer)?))
}

/// When the transaction of each request began to commit.
async fn committed(bench: &Commands, begun: i64) -> anyhow::Result<HashMap<Uuid, i64>> {
    let db = bench.stand.open("life-events")?;
    let rows = db.reader().all(COMMITS, [val(begun)]).await;
    let rows = rows.context("PostgreSQL runs without track_commit_timestamp = on")?;
    db.close().await;
    let row = |row: &Row| Ok((row.get("request_id")?, row.get("at")?));
    rows.iter().map(row).collect()
}

/// A consumer at the end of every partition.
async fn consumer(bench: &Commands) -> anyhow::Result<BaseConsumer> {
    let stand = &bench.stand;
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &stand.kafka)
        .set("group.id", stand.topic("bench-lag"))
        .set("enable.auto.commit", "false")
        .set("fetch.wait.max.ms", "100")
        .create()?;
    let mut list = TopicPartitionList::new();
    for (partition, mark) in (0..).zip(stand.bus.watermarks(TOPIC).await?) {
        let end = Offset::Offset(mark.high);
        list.add_partition_offset(&stand.topic(TOPIC), partition, end)?;
    }
    consumer.assign(&list)?;
    Ok(consumer)
}

/// Tells the listener that all was sent when this is dropped, be it for an error: a thread that
/// listens on would keep the program from ending.
#[derive(Default)]
struct Ending(Arc<AtomicBool>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// When an event arrived.
struct Arrival {
    at: Instant,
    /// The same by the clock that PostgreSQL reads too.
    micros: i64,
}

/// Takes what arrives, by the request it came of, until all was sent and nothing more comes.
fn listen(consumer: &BaseConsumer, ended: &AtomicBool) -> anyhow::Result<HashMap<Uuid, Arrival>> {
    let mut arrived = HashMap::new();
    loop {
        let was_ended = ended.load(Ordering::Acquire);
        let Some(record) = consumer.poll(POLL) else {
            if was_ended {
                return Ok(arrived);
            }
            continue;
        };
        let arrival = Arrival {
            at: Instant::now(),
            micros: jiff::Timestamp::now().as_microsecond(),
        };
        arrived.insert(cause(&record?)?, arrival);
    }
}

fn cause(record: &BorrowedMessage<'_>) -> anyhow::Result<Uuid> {
    let headers = record.headers().context("headers")?;
    let found = headers.iter().find(|header| header.key == CAUSE);
    let value = found.and_then(|header| header.value).context("a cause")?;
    Ok(std::str::from_utf8(value)?.parse()?)
}
