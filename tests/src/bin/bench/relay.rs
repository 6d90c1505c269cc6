//! B2: the relay drains an outbox to Kafka, beside librdkafka's own producer.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use minzheng_chassis::bus::Envelope;
use minzheng_chassis::db::{Database, Sql, val};
use minzheng_tests::processes::{Process, free_port};
use uuid::Uuid;

use crate::order::Order;
use crate::ratio::{Leg, Legs, Target, spread};
use crate::raw_kafka::{RawKafka, Shape};
use crate::stand::{LOOK_EVERY, Stand, end};

/// The service whose relay runs; nobody else is there to hear or to say anything.
pub(crate) const SERVICE: &str = "child-welfare";

/// Where the events go: twelve partitions, no subscriber in this service.
pub(crate) const TOPIC: &str = "life-events.receipts";

/// Bytes of each event's value.
const VALUE: usize = 500;

/// Type of each event.
const EVENT_TYPE: &str = "minzheng.life_events.v1.ReceiptIssued";

/// When the first was decided, in microseconds since 1970 UTC.
const BEGAN: i64 = 1_795_521_089_519_133;

/// The division that each concerns.
const DIVISION: &str = "520102016001";

/// Persons whom the events are about: keys of the records.
const KEYS: i64 = 100_000;

/// Records that come before those that are counted of the baseline: it queues no more of them while it connects
/// (librdkafka's default of `queue.buffering.max.messages`).
const QUEUED_AT_MOST: usize = 100_000;

/// How long a drain may take.
const DRAINED_WITHIN: Duration = Duration::from_secs(600);

const B2: Target = Target::higher(
    "B2",
    "relayed events a second ÷ rdkafka_performance's",
    0.35,
    0.5,
);

/// Runs B2; whether it reaches its floor.
pub(crate) async fn run(order: &Order) -> anyhow::Result<bool> {
    let Some(stand) = Stand::of(&[minzheng_child_welfare::module()]).await? else {
        return Ok(true);
    };
    let rows = order.amount(1_000_000, 500_000);
    println!(
        "\n## B2: the relay drains {rows} outbox rows with a value of {VALUE} B over 12 partitions; acks=all, \
         idempotent, no compression (the baseline: the same headers, and a value as long as value and key)"
    );
    let raw = RawKafka::compile(stand.scratch()).await?;
    let db = stand.open(SERVICE)?;
    let mut subject = Legs::of("relay");
    let mut baseline = Legs::of("rdkafka_performance, the same size and headers");
    let mut bare = Legs::of("rdkafka_performance, values of 500 B alone");
    let same_size = same_size()?;
    warm_up(&stand, &db, order, &raw, &same_size).await?;
    while order.wants_pair(&B2, &subject.over(&baseline)) {
        subject.add(relayed(&stand, &db, rows).await?);
        stand.empty_topic(TOPIC).await?;
        baseline.add(raw_produced(&stand, &raw, rows, &same_size).await?);
        stand.empty_topic(TOPIC).await?;
        if order.is_full() {
            bare.add(raw_produced(&stand, &raw, rows, &BARE).await?);
            stand.empty_topic(TOPIC).await?;
        }
    }
    subject.print();
    baseline.print();
    let reached = B2.judge(&subject.over(&baseline));
    if order.is_full() {
        bare.print();
        println!(
            "context: beside values of {VALUE} B alone: {}, where 0.35 is asked",
            spread(&subject.over(&bare), 2)
        );
    }
    db.close().await;
    stand.clear(&[SERVICE]).await?;
    Ok(reached)
}

/// A turn of both that does not count: a broker that was just started is slow for a while, whoever asks.
async fn warm_up(
    stand: &Stand,
    db: &Database,
    order: &Order,
    raw: &RawKafka,
    shape: &Shape,
) -> anyhow::Result<()> {
    let rows = order.amount(1_000_000, 150_000);
    relayed(stand, db, rows).await?;
    stand.empty_topic(TOPIC).await?;
    raw_run(stand, raw, rows, shape).await?;
    stand.empty_topic(TOPIC).await
}

/// One drain, from the first rows seen deleted to the empty table.
pub(crate) async fn relayed(stand: &Stand, db: &Database, rows: usize) -> anyhow::Result<Leg> {
    fill(stand, db, rows).await?;
    let stored_before = stand.records(TOPIC).await?;
    let rows = i64::try_from(rows)?;
    let mut process = stand.start(SERVICE, free_port(), &[]);
    let begun = begins(db, &mut process).await?;
    let meter = stand.servers.start(&[process.pid()]).await?;
    // Not counted is what is on the topic by now, whether its rows are deleted or not. Asking takes a moment, and
    // what is sent in it is not counted either.
    let early = stand.records(TOPIC).await? - stored_before;
    ensure!(early < rows, "the relay was faster than the first look");
    ends(db, &mut process, begun).await?;
    let (took, cost) = meter.stop().await?;
    end(process).await?;
    let stored = stand.records(TOPIC).await? - stored_before;
    ensure!(stored == rows, "{stored} records of {rows} rows");
    Ok(Leg {
        operations: (rows - early) as f64,
        took,
        cost,
    })
}

/// Waits until the first rows are deleted; the oldest that is left.
async fn begins(db: &Database, process: &mut Process) -> anyhow::Result<i64> {
    let first = oldest(db, 0).await?.context("a full outbox")?;
    let asked = Instant::now();
    loop {
        let now = oldest(db, first).await?;
        let now = now.context("the relay was faster than the first look")?;
        if now > first {
            return Ok(now);
        }
        ensure!(
            asked.elapsed() < DRAINED_WITHIN && !process.has_ended(),
            "the relay does not begin: {}",
            process.log()
        );
        tokio::time::sleep(LOOK_EVERY / 2).await;
    }
}

/// Waits until no row is left from `from` on.
async fn ends(db: &Database, process: &mut Process, mut from: i64) -> anyhow::Result<()> {
    let asked = Instant::now();
    while let Some(now) = oldest(db, from).await? {
        from = now;
        ensure!(
            asked.elapsed() < DRAINED_WITHIN && !process.has_ended(),
            "the relay does not end: {}",
            process.log()
        );
        tokio::time::sleep(LOOK_EVERY / 2).await;
    }
    Ok(())
}

async fn fill(stand: &Stand, db: &Database, rows: usize) -> anyhow::Result<()> {
    // Ids rise as UUIDv7 do; keys are spread as persons are.
    let text = format!(
        "INSERT INTO outbox (event_id, topic, key, sequence, type, time, division, causation_id, correlation_id, value) \
         SELECT lpad(to_hex(n), 32, '0')::uuid, '{TOPIC}', \
         '01900000-0000-7000-8000-' || lpad(to_hex((n * 7919) % {KEYS}), 12, '0'), 1 + n / {KEYS}, \
         '{EVENT_TYPE}', {BEGAN} + n, '{DIVISION}', \
         gen_random_uuid(), gen_random_uuid(), decode(repeat('5a', {VALUE}), 'hex') \
         FROM generate_series(0, $1 - 1) AS n"
    );
    db.writer().run(text, [val(i64::try_from(rows)?)]).await?;
    db.writer().run("VACUUM ANALYZE outbox", []).await?;
    stand.administer("CHECKPOINT").await
}

/// The oldest row from `from` on: what lies below is gone, and need not be passed over again.
async fn oldest(db: &Database, from: i64) -> anyhow::Result<Option<i64>> {
    let text = "SELECT seq FROM outbox WHERE seq >= $1 ORDER BY seq LIMIT 1";
    let row = db.reader().one(text, [val(from)]).await?;
    Ok(row.map(|row| row.get("seq")).transpose()?)
}

/// What no relay of CloudEvents could send: neither key nor headers.
const BARE: Shape = Shape {
    value: VALUE,
    headers: Vec::new(),
};

/// Records of the size of the relay's, with as many headers. The program knows one key for all records, which would
/// be one partition: its bytes are part of the value instead.
fn same_size() -> anyhow::Result<Shape> {
    let one = Envelope {
        id: Uuid::from_u128(1),
        source: SERVICE.to_owned(),
        topic: TOPIC.to_owned(),
        key: Uuid::from_u128(2).to_string(),
        sequence: 10,
        event_type: EVENT_TYPE.to_owned(),
        time: jiff::Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_micros(BEGAN),
        division: Some(DIVISION.parse()?),
        causation_id: Some(Uuid::from_u128(3)),
        correlation_id: Some(Uuid::from_u128(4)),
        traceparent: None,
        value: Vec::new(),
    };
    Ok(Shape {
        value: VALUE + one.key.len(),
        headers: one.headers(),
    })
}

/// As many records, behind some that were queued while the program connected: the difference of two runs.
async fn raw_produced(
    stand: &Stand,
    raw: &RawKafka,
    rows: usize,
    shape: &Shape,
) -> anyhow::Result<Leg> {
    let fewer = raw_run(stand, raw, QUEUED_AT_MOST, shape).await?;
    let all = raw_run(stand, raw, QUEUED_AT_MOST + rows, shape).await?;
    all.without(&fewer)
}

async fn raw_run(
    stand: &Stand,
    raw: &RawKafka,
    records: usize,
    shape: &Shape,
) -> anyhow::Result<Leg> {
    let meter = stand.servers.start(&[]).await?;
    let topic = stand.topic(TOPIC);
    let produced = raw.produce(&stand.kafka, &topic, records, shape).await?;
    let (_, cost) = meter.stop().await?;
    Ok(Leg {
        operations: produced.delivered as f64,
        took: produced.took,
        cost,
    })
}
