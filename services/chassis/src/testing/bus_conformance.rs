//! The promises of a bus, as tests that every [`Bus`] must pass: one function per promise, and
//! [`bus_conformance!`](crate::bus_conformance) to run them all against one implementation.

mod beginning;
mod control;
mod log;
mod service;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

pub use self::beginning::*;
pub use self::control::*;
pub use self::log::*;
pub use self::service::*;

use crate::bus::partition::partition_for;
use crate::bus::{
    Bus, BusError, Consumer, Delivery, Envelope, Positions, Record, TopicPartition, TopicSpec,
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
        // Events count from 1, these numbers from 0.
        sequence: n + 1,
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
    // A broker takes a moment to lead a partition; until then it may turn a record away.
    let deadline = Instant::now() + PATIENCE;
    while let Err(error) = bus.watermarks(TOPIC).await {
        assert!(Instant::now() < deadline, "{error}");
    }
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

/// The number that an event was made with.
fn number(envelope: &Envelope) -> i64 {
    envelope.sequence - 1
}

/// The numbers of the events, in the order of the records.
pub fn numbers(records: &[Record]) -> Vec<i64> {
    records
        .iter()
        .map(|record| number(envelope(record)))
        .collect()
}

fn offsets(records: &[Record]) -> Vec<i64> {
    records.iter().map(|record| record.offset).collect()
}

fn envelope(record: &Record) -> &Envelope {
    record.envelope.as_ref().expect("the record is an envelope")
}
