//! Kafka's faults, with nobody and with librdkafka's own broker at the other end: no Kafka is needed.

use std::time::{Duration, Instant};

use minzheng_chassis::bus::kafka::{KafkaBus, KafkaSettings};
use minzheng_chassis::bus::{Bus, BusError, Delivery, Envelope};
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
    let batch: Vec<Envelope> = (0..500).map(|n| event("t", "key", n)).collect();
    let refused = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS];
    let deadline = Instant::now() + PATIENCE;
    loop {
        let before = bus.watermarks("t").await.expect("watermarks")[0].high;
        cluster.request_errors(RDKafkaApiKey::Produce, &refused);
        let outcomes = bus.send(&batch).await;
        let count =
            |wanted: fn(&Delivery) -> bool| outcomes.iter().filter(|one| wanted(one)).count();
        let stored = count(|one| *one == Delivery::Stored);
        let there = bus.watermarks("t").await.expect("watermarks")[0].high - before;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_there_is_room_for_waits_and_is_sent() {
    let cluster = MockCluster::new(1).expect("a mock cluster");
    cluster.create_topic("t", 1, 1).expect("a topic");
    let bus = KafkaBus::connect(KafkaSettings::new(cluster.bootstrap_servers())).expect("a bus");
    // Twice the room, in few large records, then in many small ones.
    let large = (0..130).map(|n| Envelope {
        value: vec![0; 512 << 10],
        ..event("t", "key", n)
    });
    let small = (0..70_000).map(|n| event("t", "key", n));
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
