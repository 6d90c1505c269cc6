//! Kafka's faults, with nobody and with librdkafka's own broker at the other end: no Kafka is needed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use minzheng_chassis::bus::kafka::{KafkaBus, KafkaSettings};
use minzheng_chassis::bus::{Bus, BusError, Delivery, Envelope, TopicPartition};
use minzheng_chassis::testing::bus_conformance::{event, positions};
use rdkafka::mocking::MockCluster;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::PATIENCE;

fn short_tempered(bootstrap: String) -> KafkaBus {
    let settings = KafkaSettings {
        message_timeout: Duration::from_secs(2),
        request_timeout: Duration::from_secs(1),
        ..KafkaSettings::new(bootstrap)
    };
    KafkaBus::connect(settings).expect("a bus")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_away_is_said_to_be_away_in_bounded_time() {
    let bus = short_tempered("127.0.0.1:1".to_owned());
    let began = Instant::now();
    let outcomes = bus
        .send(&[event("t", "key", 0), event("t", "key", 1)])
        .await;
    assert!(
        matches!(&outcomes[..], [Delivery::Failed(_), Delivery::Failed(_)]),
        "{outcomes:?}"
    );
    let error = bus.healthy().await.expect_err("nobody is there");
    assert!(matches!(error, BusError::Away(_)), "{error}");
    let mut consumer = bus
        .open_consumer("group", &["t".to_owned()], positions(&[]))
        .expect("a consumer");
    let away = loop {
        match consumer.poll(Duration::from_millis(100), 10) {
            Ok(records) => assert!(records.is_empty()),
            Err(error) => break error,
        }
        assert!(began.elapsed() < PATIENCE, "nothing was said");
    };
    assert!(matches!(away, BusError::Away(_)), "{away}");
    consumer.close(Duration::from_secs(5));
    bus.close(Duration::from_secs(5)).await;
    assert!(began.elapsed() < PATIENCE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_producer_that_failed_is_replaced() {
    let cluster = MockCluster::new(1).expect("a mock cluster");
    cluster.create_topic("t", 1, 1).expect("a topic");
    let bus = short_tempered(cluster.bootstrap_servers());
    let batch = [event("t", "key", 0), event("t", "key", 1)];
    assert_eq!(bus.send(&batch).await, [Delivery::Stored, Delivery::Stored]);

    // The broker lost the producer's state: fatal for an idempotent producer.
    let lost = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER];
    cluster.request_errors(RDKafkaApiKey::Produce, &lost);
    let outcomes = bus.send(&batch).await;
    assert!(
        outcomes
            .iter()
            .all(|outcome| !matches!(outcome, Delivery::Refused(_))),
        "{outcomes:?}"
    );
    let deadline = Instant::now() + PATIENCE;
    while bus.send(&batch).await != [Delivery::Stored, Delivery::Stored] {
        assert!(Instant::now() < deadline, "no new producer");
    }
}

/// A request fails, the next to the same partition succeeds: librdkafka then takes the first for stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_is_stored_only_if_the_broker_says_where() {
    let cluster = MockCluster::new(1).expect("a mock cluster");
    cluster.create_topic("t", 1, 1).expect("a topic");
    let bus = short_tempered(cluster.bootstrap_servers());
    // Its requests follow each other on the way.
    let batch: Vec<Envelope> = (0..500)
        .map(|n| event("t", &format!("key-{n}"), 1))
        .collect();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let before = high(&bus).await;
        cluster.request_errors(RDKafkaApiKey::Produce, &TOO_FEW_REPLICAS);
        let outcomes = bus.send(&batch).await;
        let count =
            |wanted: fn(&Delivery) -> bool| outcomes.iter().filter(|one| wanted(one)).count();
        let stored = count(|one| *one == Delivery::Stored);
        let there = high(&bus).await - before;
        assert!(
            stored as i64 <= there,
            "{stored} stored, {there} on the topic"
        );
        if count(|one| matches!(one, Delivery::Failed(_))) > 0 {
            break;
        }
        assert!(Instant::now() < deadline, "no request went before another");
    }
}

/// Sent again and again until all are stored, as the relay does it, the records of a key are there in order once
/// copies are dropped, though requests fail and others succeed behind them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_overtakes_another_of_its_key() {
    let cluster = MockCluster::new(1).expect("a mock cluster");
    cluster.create_topic("t", 1, 1).expect("a topic");
    let bus = short_tempered(cluster.bootstrap_servers());
    // Once the producer knows the topic, a request goes out before the last is answered.
    let first = event("t", "first", 1);
    assert_eq!(
        bus.send(std::slice::from_ref(&first)).await,
        [Delivery::Stored]
    );
    let way = cluster.broker_round_trip_time(1, Duration::from_millis(20));
    way.expect("a longer way");
    // Of the last attempt alone: the mock drops what is oldest when it holds more than 5 MiB.
    let mut expected: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    let deadline = Instant::now() + PATIENCE;
    for attempt in 0.. {
        let key = |n: i64| format!("key-{attempt}-{}", n % 500);
        let batch: Vec<Envelope> = (0..2_000).map(|n| event("t", &key(n), n)).collect();
        expected.clear();
        for envelope in &batch {
            let of_key = expected.entry(envelope.key.clone()).or_default();
            of_key.push(envelope.sequence);
        }
        cluster.request_errors(RDKafkaApiKey::Produce, &TOO_FEW_REPLICAS);
        if send_until_stored(&bus, batch).await > 0 {
            break;
        }
        assert!(Instant::now() < deadline, "no request went before another");
    }
    let mut seen: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    let at = TopicPartition::new("t", 0);
    let mut from = 0;
    loop {
        let records = bus.read(&at, from, 1_000).await.expect("read");
        let Some(last) = records.last() else { break };
        from = last.offset + 1;
        for record in records {
            let envelope = record.envelope.expect("an envelope");
            let of_key = seen.entry(envelope.key).or_default();
            if !of_key.contains(&envelope.sequence) {
                of_key.push(envelope.sequence);
            }
        }
    }
    seen.retain(|key, _| expected.contains_key(key));
    assert_eq!(seen, expected);
}

/// Sends again what was not stored, and what is behind it on its key; how often that was needed.
async fn send_until_stored(bus: &KafkaBus, mut left: Vec<Envelope>) -> usize {
    let mut times = 0;
    while !left.is_empty() {
        let outcomes = bus.send(&left).await;
        let mut broken = Vec::new();
        let mut again = Vec::new();
        for (envelope, outcome) in left.into_iter().zip(outcomes) {
            if outcome != Delivery::Stored || broken.contains(&envelope.key) {
                broken.push(envelope.key.clone());
                again.push(envelope);
            }
        }
        times += usize::from(!again.is_empty());
        left = again;
    }
    times
}

/// A request that fails and may be tried again.
const TOO_FEW_REPLICAS: [RDKafkaRespErr; 1] =
    [RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS];

async fn high(bus: &KafkaBus) -> i64 {
    bus.watermarks("t").await.expect("watermarks")[0].high
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_there_is_room_for_waits_and_is_sent() {
    let cluster = MockCluster::new(1).expect("a mock cluster");
    cluster.create_topic("t", 1, 1).expect("a topic");
    let bus = KafkaBus::connect(KafkaSettings::new(cluster.bootstrap_servers())).expect("a bus");
    // Twice the room, in few large records, then in many small ones.
    let large = (0..130).map(|n| Envelope {
        value: vec![0; 512 << 10],
        ..event("t", &format!("large-{n}"), 1)
    });
    let small = (0..70_000).map(|n| event("t", &format!("small-{n}"), 1));
    for batch in [large.collect::<Vec<_>>(), small.collect()] {
        let outcomes = bus.send(&batch).await;
        assert!(
            outcomes.iter().all(|outcome| *outcome == Delivery::Stored),
            "{:?}",
            outcomes.last()
        );
    }
    assert_eq!(
        bus.watermarks("t").await.expect("watermarks")[0].high,
        70_130
    );
}

#[test]
fn a_setting_that_is_not_possible_is_named() {
    let mut settings = KafkaSettings::new("localhost:9092");
    settings
        .properties
        .insert("security.protocol".to_owned(), "hunter2".to_owned());
    let error = KafkaBus::connect(settings)
        .expect_err("no such protocol")
        .to_string();
    assert!(
        error.contains("security.protocol") && !error.contains("hunter2"),
        "{error}"
    );
}
