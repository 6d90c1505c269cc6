//! The promises of a bus, as tests that every [`Bus`] must pass: one function per promise, and
//! [`bus_conformance!`](crate::bus_conformance) to run them all against one implementation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use crate::bus::partition::partition_for;
use crate::bus::{
    Bus, BusError, Consumer, Delivery, Envelope, Positions, Record, TopicPartition, TopicSpec,
    Watermarks,
};

/// A bus and what only its owner can do to it.
#[async_trait]
pub trait BusUnderTest: Send + Sync + 'static {
    /// The bus, empty.
    fn bus(&self) -> Arc<dyn Bus>;

    /// Lets the records of `at` below `before` reach their age, and retention take them and no
    /// others.
    async fn expire(&self, at: &TopicPartition, before: i64);
}

/// Makes one test per promise in a module `$name`. `$factory` is an `async fn(&str) ->
/// Option<impl BusUnderTest>` that makes an empty bus for the promise of that name, or `None`
/// where there is nothing to test against.
#[macro_export]
macro_rules! bus_conformance {
    ($name:ident, $factory:ident) => {
        mod $name {
            $crate::bus_conformance!(@each $factory:
                keeps_order_per_key, puts_a_key_where_java_puts_it, begins_at_the_given_position,
                delivers_again_after_a_crash_before_the_position, keeps_both_copies_of_a_resend,
                serves_two_subscriptions_of_one_topic, serves_a_late_subscription_from_the_beginning,
                carries_a_large_record, refuses_a_too_large_record_alone, carries_headers,
                forgets_by_age_and_keeps_counting, stops_a_partition_whose_position_was_forgotten,
                stops_a_partition_whose_log_was_lost, pauses_and_resumes, drops_nothing_at_a_pause,
                seeks, ends_a_consumer_without_positions, applies_topics_once, says_which_topic_is_unknown,
                reads_outside_a_group, serves_many_senders_at_once, wakes_a_waiting_reader,
                answers_whether_it_is_healthy, refuses_work_once_closed,
            );
        }
    };
    (@each $factory:ident: $($promise:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                if let Some(subject) = super::$factory(stringify!($promise)).await {
                    $crate::testing::bus_conformance::$promise(&subject).await;
                }
            }
        )*
    };
}

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long nothing must come for "nothing comes" to be believed.
const QUIET: Duration = Duration::from_millis(400);
/// The topic of these tests.
const TOPIC: &str = "conformance.stream";
/// Its largest record.
const MAX_RECORD: usize = 1 << 20;

fn spec(name: &str, partitions: i32) -> TopicSpec {
    let retention = Some(Duration::from_secs(3600));
    TopicSpec {
        name: name.to_owned(),
        partitions,
        retention,
        max_record_bytes: MAX_RECORD,
    }
}

/// An event of which `n` can be read back with [`numbers`].
pub fn event(topic: &str, key: &str, n: i64) -> Envelope {
    Envelope {
        id: Uuid::now_v7(),
        source: "conformance".to_owned(),
        topic: topic.to_owned(),
        key: key.to_owned(),
        sequence: n,
        event_type: "minzheng.conformance.v1.Happened".to_owned(),
        time: Timestamp::UNIX_EPOCH,
        division: None,
        causation_id: None,
        correlation_id: None,
        traceparent: None,
        value: n.to_string().into_bytes(),
    }
}

fn at(partition: i32) -> TopicPartition {
    TopicPartition::new(TOPIC, partition)
}

/// A key that belongs to `partition` of `partitions`.
fn key_in(partition: i32, partitions: i32) -> String {
    (0..10_000)
        .map(|n| format!("key-{n}"))
        .find(|key| partition_for(key.as_bytes(), partitions) == partition)
        .expect("among 10,000 keys one belongs to each partition")
}

/// Positions that do not change; a partition that is not named begins at 0.
pub fn positions(known: &[(TopicPartition, i64)]) -> Positions {
    let known: BTreeMap<_, _> = known.iter().cloned().collect();
    Arc::new(move |asked| {
        Ok(asked
            .iter()
            .map(|at| (at.clone(), known.get(at).copied().unwrap_or(0)))
            .collect())
    })
}

/// Applies one topic with `partitions` partitions.
async fn with_topic(subject: &impl BusUnderTest, partitions: i32) -> Arc<dyn Bus> {
    let bus = subject.bus();
    bus.apply_topics(&[spec(TOPIC, partitions)])
        .await
        .expect("the topic is created");
    bus
}

async fn send(bus: &Arc<dyn Bus>, batch: &[Envelope]) {
    let outcomes = bus.send(batch).await;
    assert!(
        outcomes.iter().all(|outcome| *outcome == Delivery::Stored),
        "{outcomes:?}"
    );
    assert_eq!(outcomes.len(), batch.len());
}

async fn send_numbers(bus: &Arc<dyn Bus>, key: &str, numbers: std::ops::Range<i64>) {
    let batch: Vec<_> = numbers.map(|n| event(TOPIC, key, n)).collect();
    send(bus, &batch).await;
}

fn open(bus: &Arc<dyn Bus>, group: &str, from: &[(TopicPartition, i64)]) -> Box<dyn Consumer> {
    bus.open_consumer(group, &[TOPIC.to_owned()], positions(from))
        .expect("a consumer opens")
}

/// Polls until `count` records came.
pub fn collect(consumer: &mut dyn Consumer, count: usize) -> Vec<Record> {
    let deadline = Instant::now() + PATIENCE;
    let mut records = Vec::new();
    while records.len() < count {
        assert!(
            Instant::now() < deadline,
            "{} of {count} records came",
            records.len()
        );
        records.extend(
            poll(consumer, Duration::from_millis(100), count - records.len())
                .expect("polling goes well"),
        );
    }
    assert_eq!(records.len(), count);
    records
}

fn poll(
    consumer: &mut dyn Consumer,
    wait: Duration,
    limit: usize,
) -> Result<Vec<Record>, BusError> {
    tokio::task::block_in_place(|| consumer.poll(wait, limit))
}

fn assert_quiet(consumer: &mut dyn Consumer) {
    let deadline = Instant::now() + QUIET;
    while Instant::now() < deadline {
        let records = poll(consumer, QUIET, 100).expect("polling goes well");
        assert!(
            records.is_empty(),
            "{} records came that must not",
            records.len()
        );
    }
}

/// Polls until an error comes, and returns it with the records that came before.
fn await_error(consumer: &mut dyn Consumer) -> (Vec<Record>, BusError) {
    let deadline = Instant::now() + PATIENCE;
    let mut records = Vec::new();
    loop {
        assert!(Instant::now() < deadline, "no error came");
        match poll(consumer, Duration::from_millis(100), 100) {
            Ok(more) => records.extend(more),
            Err(error) => return (records, error),
        }
    }
}

fn close(consumer: Box<dyn Consumer>) {
    tokio::task::block_in_place(|| consumer.close(PATIENCE));
}

/// The numbers of the events, in the order of the records.
pub fn numbers(records: &[Record]) -> Vec<i64> {
    records
        .iter()
        .map(|record| envelope(record).sequence)
        .collect()
}

fn offsets(records: &[Record]) -> Vec<i64> {
    records.iter().map(|record| record.offset).collect()
}

fn envelope(record: &Record) -> &Envelope {
    record.envelope.as_ref().expect("the record is an envelope")
}

/// Events of one key come in the order in which they were sent, whatever else is sent.
pub async fn keeps_order_per_key(subject: &impl BusUnderTest) {
    const KEYS: i64 = 20;
    const EACH: i64 = 50;
    let bus = with_topic(subject, 12).await;
    let all: Vec<_> = (0..KEYS * EACH)
        .map(|n| event(TOPIC, &format!("key-{}", n % KEYS), n / KEYS))
        .collect();
    for batch in all.chunks(37) {
        send(&bus, batch).await;
    }
    let mut consumer = open(&bus, "order", &[]);
    let records = collect(&mut *consumer, all.len());
    let mut by_key: BTreeMap<String, (i32, Vec<i64>)> = BTreeMap::new();
    let mut next: BTreeMap<TopicPartition, i64> = BTreeMap::new();
    for record in &records {
        let (partition, seen) = by_key
            .entry(envelope(record).key.clone())
            .or_insert((record.at.partition, Vec::new()));
        assert_eq!(
            *partition, record.at.partition,
            "one key lies in one partition"
        );
        seen.push(envelope(record).sequence);
        let expected = next.entry(record.at.clone()).or_default();
        assert_eq!(record.offset, *expected, "offsets have no holes");
        *expected += 1;
    }
    assert_eq!(by_key.len() as i64, KEYS);
    for (key, (_, seen)) in by_key {
        assert_eq!(seen, (0..EACH).collect::<Vec<_>>(), "{key}");
    }
    assert_quiet(&mut *consumer);
    close(consumer);
}

/// A key lies in the partition that Kafka's Java client gives it.
pub async fn puts_a_key_where_java_puts_it(subject: &impl BusUnderTest) {
    let bus = with_topic(subject, 12).await;
    let keys: Vec<_> = (0..50)
        .map(|n| format!("{}", Uuid::from_u128(n * 7919)))
        .collect();
    let batch: Vec<_> = keys.iter().map(|key| event(TOPIC, key, 0)).collect();
    send(&bus, &batch).await;
    let mut consumer = open(&bus, "partitioner", &[]);
    for record in collect(&mut *consumer, keys.len()) {
        assert_eq!(
            record.at.partition,
            partition_for(envelope(&record).key.as_bytes(), 12)
        );
    }
    close(consumer);
}

/// A consumer begins each partition at the position it was given, neither before nor after.
pub async fn begins_at_the_given_position(subject: &impl BusUnderTest) {
    let bus = with_topic(subject, 2).await;
    for partition in 0..2 {
        send_numbers(&bus, &key_in(partition, 2), 0..10).await;
    }
    let mut consumer = open(&bus, "position", &[(at(0), 3), (at(1), 10)]);
    let records = collect(&mut *consumer, 7);
    assert!(records.iter().all(|record| record.at == at(0)));
    assert_eq!(offsets(&records), (3..10).collect::<Vec<_>>());
    assert_quiet(&mut *consumer);
    send_numbers(&bus, &key_in(1, 2), 10..11).await;
    let records = collect(&mut *consumer, 1);
    assert_eq!((&records[0].at, records[0].offset), (&at(1), 10));
    let held: BTreeSet<_> = consumer.assignment().into_iter().collect();
    assert_eq!(held, BTreeSet::from([at(0), at(1)]));
    close(consumer);
}

/// A reader that crashed after an effect and before its position gets the same records again.
pub async fn delivers_again_after_a_crash_before_the_position(subject: &impl BusUnderTest) {
    let bus = with_topic(subject, 1).await;
    send_numbers(&bus, "key", 0..10).await;
    let mut consumer = open(&bus, "crash", &[]);
    assert_eq!(numbers(&collect(&mut *consumer, 4)), [0, 1, 2, 3]);
    // The position moved to 2 with its effects; then the reader died.
    drop(consumer);
    let mut consumer = open(&bus, "crash", &[(at(0), 2)]);
    assert_eq!(
        numbers(&collect(&mut *consumer, 8)),
        (2..10).collect::<Vec<_>>()
    );
    // What was reported for lag tools is no position.
    consumer.report(&BTreeMap::from([(at(0), 9)]));
    close(consumer);
    let mut consumer = open(&bus, "crash", &[(at(0), 5)]);
    assert_eq!(
        numbers(&collect(&mut *consumer, 5)),
        (5..10).collect::<Vec<_>>()
    );
    close(consumer);
}

/// A sender that did not hear the answer sends again; both copies lie in the log, and their
/// common id tells the reader.
pub async fn keeps_both_copies_of_a_resend(subject: &impl BusUnderTest) {
    let bus = with_topic(subject, 1).await;
    let batch: Vec<_> = (0..3).map(|n| event(TOPIC, "key", n)).collect();
    send(&bus, &batch).await;
    send(&bus, &batch).await;
    let mut consumer = open(&bus, "resend", &[]);
    let records = collect(&mut *consumer, 6);
    assert_eq!(numbers(&records), [0, 1, 2, 0, 1, 2]);
    assert_eq!(offsets(&records), [0, 1, 2, 3, 4, 5]);
    assert_eq!(envelope(&records[0]).id, envelope(&records[3]).id);
    close(consumer);
}

/// Two groups on one topic each get everything, at their own pace.
pub async fn serves_two_subscriptions_of_one_topic(subject: &impl BusUnderTest) {
    let bus = with_topic(subject, 1).await;
    send_numbers(&bus, "key", 0..10).await;
    let mut quick = open(&bus, "quick", &[]);
    let mut slow = open(&bus, "slow", &[(at(0), 8)]);
    assert_eq!(
        numbers(&collect(&mut *quick, 10)),
        (0..10).collect::<Vec<_>>()
    );
    assert_eq!(numbers(&collect(&mut *slow, 2)), [8, 9]);
    send_numbers(&bus, "key", 10..12).await;
    assert_eq!(numbers(&collect(&mut *slow, 2)), [10, 11]);
    assert_eq!(numbers(&collect(&mut *quick, 2)), [10, 11]);
    close(quick);
    close(slow);
}

/// Who subscribes after events were read by others still gets the first of them.
pub async fn serves_a_late_subscription_from_the_beginning(subject: &impl BusUnderTest) {
    let bus = with_topic(subject, 1).await;
    send_numbers(&bus, "key", 0..10).await;
    let mut early = open(&bus, "early", &[]);
    assert_eq!(collect(&mut *early, 10).len(), 10);
    send_numbers(&bus, "key", 10..15).await;
    let mut late = open(&bus, "late", &[]);
    assert_eq!(
        numbers(&collect(&mut *late, 15)),
        (0..15).collect::<Vec<_>>()
    );
    assert_eq!(
        numbers(&collect(&mut *early, 5)),
        (10..15).collect::<Vec<_>>()
    );
    close(early);
    close(late);
}

/// A record far above the usual size arrives whole.
pub async fn carries_a_large_record(subject: &impl BusUnderTest) {
    let bus = with_topic(subject, 1).await;
    let mut large = event(TOPIC, "key", 1);
    large.value = (0..900 * 1024_u32).map(|n| (n % 251) as u8).collect();
    send(
        &bus,
        &[
            event(TOPIC, "key", 0),
            large.clone(),
            event(TOPIC, "key", 2),
        ],
    )
    .await;
    let mut consumer = open(&bus, "large", &[]);
    let records = collect(&mut *consumer, 3);
    assert_eq!(numbers(&records), [0, 1, 2]);
    assert_eq!(envelope(&records[1]).value, large.value);
    close(consumer);
}

/// A record above its topic's limit is refused, and only it.
pub async fn refuses_a_too_large_record_alone(subject: &impl BusUnderTest) {
    let bus = with_topic(subject, 1).await;
    let mut too_large = event(TOPIC, "key", 1);
    too_large.value = vec![7; MAX_RECORD + 1];
    let outcomes = bus
        .send(&[event(TOPIC, "key", 0), too_large, event(TOPIC, "key", 2)])
        .await;
    assert!(
        matches!(
            &outcomes[..],
            [Delivery::Stored, Delivery::Refused(_), Delivery::Stored]
        ),
        "{outcomes:?}"
    );
    send_numbers(&bus, "key", 3..4).await;
    let mut consumer = open(&bus, "too-large", &[]);
    assert_eq!(numbers(&collect(&mut *consumer, 3)), [0, 2, 3]);
    close(consumer);
}

/// Everything that an envelope carries arrives, and what it does not carry stays away.
pub async fn carries_headers(subject: &impl BusUnderTest) {
    let bus = with_topic(subject, 1).await;
    let bare = event(TOPIC, "key", 1);
    let full = Envelope {
        time: "2026-03-04T05:06:07.123456Z".parse().expect("a timestamp"),
        division: Some("520102000000".parse().expect("a division")),
        causation_id: Some(Uuid::now_v7()),
        correlation_id: Some(Uuid::now_v7()),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        value: Vec::new(),
        ..event(TOPIC, "key", 2)
    };
    send(&bus, &[bare.clone(), full.clone()]).await;
    let mut consumer = open(&bus, "headers", &[]);
    let records = collect(&mut *consumer, 2);
    assert_eq!(envelope(&records[0]), &bare);
    assert_eq!(envelope(&records[1]), &full);
    close(consumer);
}

/// Retention raises the low watermark; offsets are never given twice, even when nothing is left.
pub async fn forgets_by_age_and_keeps_counting(subject: &impl BusUnderTest) {
    let bus = with_topic(subject, 1).await;
    send_numbers(&bus, "key", 0..10).await;
    subject.expire(&at(0), 5).await;
    assert_eq!(
        bus.watermarks(TOPIC).await.expect("watermarks"),
        [Watermarks { low: 5, high: 10 }]
    );
    let kept = bus.read(&at(0), 0, 100).await.expect("reading");
    assert_eq!(offsets(&kept), (5..10).collect::<Vec<_>>());
    subject.expire(&at(0), 10).await;
    assert_eq!(
        bus.watermarks(TOPIC).await.expect("watermarks"),
        [Watermarks { low: 10, high: 10 }]
    );
    send_numbers(&bus, "key", 10..11).await;
    let kept = bus.read(&at(0), 0, 100).await.expect("reading");
    assert_eq!(offsets(&kept), [10]);
}

/// A position below the low watermark stops that partition loudly, once, and no other; a seek
/// begins it again.
pub async fn stops_a_partition_whose_position_was_forgotten(subject: &impl BusUnderTest) {
    let bus = with_topic(subject, 2).await;
    for partition in 0..2 {
        send_numbers(&bus, &key_in(partition, 2), 0..10).await;
    }
    subject.expire(&at(0), 5).await;
    let mut consumer = open(&bus, "forgotten", &[(at(0), 2)]);
    let (mut records, error) = await_error(&mut *consumer);
    assert!(!error.ends_consumer());
    assert!(
        matches!(&error, BusError::BelowLowWatermark { topic, partition: 0, position: 2, low: 5 } if topic == TOPIC),
        "{error}"
    );
    records.extend(collect(&mut *consumer, 10 - records.len()));
    assert!(records.iter().all(|record| record.at == at(1)));
    assert_quiet(&mut *consumer);
    consumer.seek(&at(0), 5).expect("seeking");
    let records = collect(&mut *consumer, 5);
    assert!(records.iter().all(|record| record.at == at(0)));
    assert_eq!(offsets(&records), (5..10).collect::<Vec<_>>());
    close(consumer);
}

/// A position beyond the end of the log stops that partition loudly, and no other.
pub async fn stops_a_partition_whose_log_was_lost(subject: &impl BusUnderTest) {
    let bus = with_topic(subject, 2).await;
    for partition in 0..2 {
        send_numbers(&bus, &key_in(partition, 2), 0..10).await;
    }
    let mut consumer = open(&bus, "lost", &[(at(1), 1000)]);
    let (mut records, error) = await_error(&mut *consumer);
    assert!(
        matches!(
            &error,
            BusError::BeyondHighWatermark {
                partition: 1,
                position: 1000,
                high: 10,
                ..
            }
        ),
        "{error}"
    );
    records.extend(collect(&mut *consumer, 10 - records.len()));
    assert!(records.iter().all(|record| record.at == at(0)));
    close(consumer);
}

/// A paused partition delivers nothing, the others go on, and nothing is lost or doubled.
pub async fn pauses_and_resumes(subject: &impl BusUnderTest) {
    let bus = with_topic(subject, 2).await;
    let keys = [key_in(0, 2), key_in(1, 2)];
    let mut consumer = open(&bus, "pause", &[]);
    for key in &keys {
        send_numbers(&bus, key, 0..10).await;
    }
    collect(&mut *consumer, 20);
    consumer.pause(&[at(0)]).expect("pausing");
    for key in &keys {
        send_numbers(&bus, key, 10..20).await;
    }
    let records = collect(&mut *consumer, 10);
    assert!(records.iter().all(|record| record.at == at(1)));
    assert_quiet(&mut *consumer);
    assert_eq!(
        consumer.assignment().len(),
        2,
        "what is paused is still held"
    );
    consumer.resume(&[at(0)]).expect("resuming");
    let records = collect(&mut *consumer, 10);
    assert!(records.iter().all(|record| record.at == at(0)));
    assert_eq!(offsets(&records), (10..20).collect::<Vec<_>>());
    assert_quiet(&mut *consumer);
    close(consumer);
}

/// Pausing with records fetched and not yet taken neither delivers nor loses them.
pub async fn drops_nothing_at_a_pause(subject: &impl BusUnderTest) {
    let bus = with_topic(subject, 1).await;
    send_numbers(&bus, "key", 0..100).await;
    let mut consumer = open(&bus, "fetched", &[]);
    let mut seen = Vec::new();
    for round in 1..=4_usize {
        seen.extend(numbers(&collect(&mut *consumer, 5)));
        consumer.pause(&[at(0)]).expect("pausing");
        assert!(
            poll(&mut *consumer, Duration::from_millis(50), 100)
                .expect("polling")
                .is_empty()
        );
        consumer.resume(&[at(0)]).expect("resuming");
        assert_eq!(seen.len(), round * 5);
    }
    seen.extend(numbers(&collect(&mut *consumer, 80)));
    assert_eq!(seen, (0..100).collect::<Vec<_>>());
    assert_quiet(&mut *consumer);
    close(consumer);
}

/// A seek goes on elsewhere and drops what was fetched; one of a partition not held is ignored.
pub async fn seeks(subject: &impl BusUnderTest) {
    let bus = with_topic(subject, 1).await;
    send_numbers(&bus, "key", 0..20).await;
    let mut consumer = open(&bus, "seek", &[]);
    assert_eq!(numbers(&collect(&mut *consumer, 5)), [0, 1, 2, 3, 4]);
    consumer.seek(&at(0), 2).expect("seeking back");
    assert_eq!(numbers(&collect(&mut *consumer, 3)), [2, 3, 4]);
    consumer.seek(&at(0), 15).expect("seeking on");
    assert_eq!(
        numbers(&collect(&mut *consumer, 5)),
        (15..20).collect::<Vec<_>>()
    );
    consumer.pause(&[at(0)]).expect("pausing");
    consumer.seek(&at(0), 18).expect("seeking while paused");
    assert_quiet(&mut *consumer);
    consumer.resume(&[at(0)]).expect("resuming");
    assert_eq!(numbers(&collect(&mut *consumer, 2)), [18, 19]);
    consumer
        .seek(&TopicPartition::new(TOPIC, 7), 3)
        .expect("a partition that is not held");
    consumer.seek(&at(0), 0).expect("seeking to the beginning");
    assert_eq!(
        numbers(&collect(&mut *consumer, 20)),
        (0..20).collect::<Vec<_>>()
    );
    close(consumer);
}

/// A consumer whose positions cannot be read delivers nothing and says so.
pub async fn ends_a_consumer_without_positions(subject: &impl BusUnderTest) {
    let bus = with_topic(subject, 1).await;
    send_numbers(&bus, "key", 0..10).await;
    let unreadable: Positions =
        Arc::new(|_| Err(BusError::Positions("the database is away".to_owned())));
    let incomplete: Positions = Arc::new(|_| Ok(BTreeMap::new()));
    for positions in [unreadable, incomplete] {
        let error = match bus.open_consumer("no-positions", &[TOPIC.to_owned()], positions) {
            Err(error) => error,
            Ok(mut consumer) => {
                let (records, error) = await_error(&mut *consumer);
                assert!(records.is_empty());
                assert!(
                    poll(&mut *consumer, Duration::ZERO, 100).is_err(),
                    "it stays ended"
                );
                close(consumer);
                error
            }
        };
        assert!(matches!(error, BusError::Positions(_)), "{error}");
        assert!(error.ends_consumer());
    }
    let mut consumer = open(&bus, "no-positions", &[]);
    assert_eq!(collect(&mut *consumer, 10).len(), 10);
    close(consumer);
}

/// Topics are created once, adjusted in what may change, and never repartitioned.
pub async fn applies_topics_once(subject: &impl BusUnderTest) {
    let bus = subject.bus();
    let declared = [spec("conformance.a", 3), spec("conformance.b", 1)];
    let created = bus.apply_topics(&declared).await.expect("creating");
    assert_eq!(
        created.into_iter().collect::<BTreeSet<_>>(),
        ["conformance.a", "conformance.b"].map(str::to_owned).into()
    );
    assert_eq!(bus.apply_topics(&declared).await.expect("again"), [""; 0]);
    let listed = bus.list_topics().await.expect("listing");
    assert_eq!(
        listed,
        BTreeMap::from([
            ("conformance.a".to_owned(), 3),
            ("conformance.b".to_owned(), 1)
        ])
    );

    let for_ever = TopicSpec {
        retention: None,
        max_record_bytes: 2 << 20,
        ..spec("conformance.b", 1)
    };
    assert_eq!(
        bus.apply_topics(&[for_ever]).await.expect("adjusting"),
        [""; 0]
    );
    let large = Envelope {
        value: vec![1; (1 << 20) + 10],
        ..event("conformance.b", "key", 1)
    };
    send(&bus, &[large]).await;

    let error = bus
        .apply_topics(&[spec("conformance.c", 1), spec("conformance.a", 4)])
        .await;
    let error = error.expect_err("the number of partitions never changes");
    assert!(
        matches!(
            &error,
            BusError::PartitionsDiffer {
                existing: 3,
                declared: 4,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(
        bus.list_topics().await.expect("listing"),
        listed,
        "nothing was touched"
    );
}

/// A topic that does not exist is named, and what was sent to it may be sent again.
pub async fn says_which_topic_is_unknown(subject: &impl BusUnderTest) {
    let bus = with_topic(subject, 1).await;
    let unknown = "conformance.unknown";
    let outcomes = bus.send(&[event(unknown, "key", 0)]).await;
    assert!(
        matches!(&outcomes[..], [Delivery::Failed(_)]),
        "{outcomes:?}"
    );
    send_numbers(&bus, "key", 0..1).await;
    let error = bus.watermarks(unknown).await.expect_err("no watermarks");
    assert!(
        matches!(&error, BusError::UnknownTopic(topic) if topic == unknown),
        "{error}"
    );
    let error = bus
        .read(&TopicPartition::new(unknown, 0), 0, 1)
        .await
        .expect_err("no records");
    assert!(
        matches!(&error, BusError::UnknownTopic(topic) if topic == unknown),
        "{error}"
    );
    let error = match bus.open_consumer("unknown", &[unknown.to_owned()], positions(&[])) {
        Err(error) => error,
        Ok(mut consumer) => {
            let (_, error) = await_error(&mut *consumer);
            close(consumer);
            error
        }
    };
    assert!(
        matches!(&error, BusError::UnknownTopic(reason) if reason.contains(unknown)),
        "{error}"
    );
}

/// A partition can be read in pages outside any group, to its end and no further.
pub async fn reads_outside_a_group(subject: &impl BusUnderTest) {
    let bus = with_topic(subject, 2).await;
    let key = key_in(1, 2);
    send_numbers(&bus, &key, 0..25).await;
    assert_eq!(
        bus.watermarks(TOPIC).await.expect("watermarks"),
        [
            Watermarks { low: 0, high: 0 },
            Watermarks { low: 0, high: 25 }
        ]
    );
    let mut seen = Vec::new();
    loop {
        let from = i64::try_from(seen.len()).expect("few");
        let page = bus.read(&at(1), from, 10).await.expect("reading");
        assert!(page.len() <= 10);
        if page.is_empty() {
            break;
        }
        seen.extend(numbers(&page));
    }
    assert_eq!(seen, (0..25).collect::<Vec<_>>());
    assert!(
        bus.read(&at(0), 0, 10)
            .await
            .expect("an empty partition")
            .is_empty()
    );
    assert!(bus.read(&at(2), 0, 10).await.is_err(), "no such partition");
}

/// Many senders at once: every record once, each sender's in its order.
pub async fn serves_many_senders_at_once(subject: &impl BusUnderTest) {
    const SENDERS: usize = 8;
    const EACH: i64 = 50;
    let bus = with_topic(subject, 3).await;
    let sending = (0..SENDERS).map(|sender| {
        let bus = Arc::clone(&bus);
        tokio::spawn(async move {
            for n in 0..EACH {
                send(&bus, &[event(TOPIC, &format!("sender-{sender}"), n)]).await;
            }
        })
    });
    for sender in sending.collect::<Vec<_>>() {
        sender.await.expect("a sender");
    }
    let mut consumer = open(&bus, "many", &[]);
    let records = collect(&mut *consumer, SENDERS * EACH as usize);
    for sender in 0..SENDERS {
        let key = format!("sender-{sender}");
        let seen: Vec<_> = records
            .iter()
            .map(envelope)
            .filter(|e| e.key == key)
            .map(|e| e.sequence)
            .collect();
        assert_eq!(seen, (0..EACH).collect::<Vec<_>>(), "{key}");
    }
    assert_quiet(&mut *consumer);
    close(consumer);
}

/// A reader that waits is woken by a record and does not sleep out its time.
pub async fn wakes_a_waiting_reader(subject: &impl BusUnderTest) {
    let bus = with_topic(subject, 1).await;
    let mut consumer = open(&bus, "wake", &[]);
    send_numbers(&bus, "key", 0..1).await;
    collect(&mut *consumer, 1);
    let waiting = tokio::task::spawn_blocking(move || {
        let began = Instant::now();
        let mut records = Vec::new();
        while records.is_empty() && began.elapsed() < PATIENCE {
            records = consumer.poll(PATIENCE, 10).expect("polling goes well");
        }
        (consumer, records)
    });
    let sent = Instant::now();
    send_numbers(&bus, "key", 1..2).await;
    let (consumer, records) = waiting.await.expect("the reader");
    assert_eq!(numbers(&records), [1]);
    assert!(
        sent.elapsed() < PATIENCE / 3,
        "woken after {:?}",
        sent.elapsed()
    );
    close(consumer);
}

/// A bus that works says so.
pub async fn answers_whether_it_is_healthy(subject: &impl BusUnderTest) {
    subject.bus().healthy().await.expect("healthy");
}

/// After its close a bus stores nothing and says so.
pub async fn refuses_work_once_closed(subject: &impl BusUnderTest) {
    let bus = with_topic(subject, 1).await;
    send_numbers(&bus, "key", 0..1).await;
    bus.close(PATIENCE).await;
    let outcomes = bus.send(&[event(TOPIC, "key", 1)]).await;
    assert!(
        matches!(&outcomes[..], [Delivery::Failed(_)]),
        "{outcomes:?}"
    );
    bus.healthy().await.expect_err("closed");
}
