//! The bus on both its implementations: the conformance suite, and what only one of them does.
//!
//! Kafka is real: `MINZHENG_TEST_KAFKA` names its bootstrap servers (`cargo xtask up` starts one).
//! Without it these tests fail, unless `MINZHENG_TEST_EMBEDDED_ONLY=1` says that this is meant.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::Timestamp;
use minzheng_chassis::bus::embedded::EmbeddedBus;
use minzheng_chassis::bus::kafka::{KafkaBus, KafkaSettings};
use minzheng_chassis::bus::{
    Bus, BusError, Consumer, Delivery, Positions, TopicPartition, TopicSpec, Watermarks,
};
use minzheng_chassis::bus_conformance;
use minzheng_chassis::clock::FakeClock;
use minzheng_chassis::testing::bus_conformance::{
    BusUnderTest, collect, event, numbers, positions,
};
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use rdkafka::{Offset, TopicPartitionList};
use tempfile::TempDir;
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(30);
const RETENTION: Duration = Duration::from_secs(3600);

fn spec(name: &str, partitions: i32) -> TopicSpec {
    TopicSpec {
        name: name.to_owned(),
        partitions,
        retention: Some(RETENTION),
        max_record_bytes: 1 << 20,
    }
}

// The embedded bus.

struct Embedded {
    bus: Arc<EmbeddedBus>,
    clock: FakeClock,
    directory: TempDir,
}

fn new_embedded() -> Embedded {
    let directory = tempfile::tempdir().expect("a directory");
    let clock = FakeClock::at(Timestamp::UNIX_EPOCH);
    let bus = open_embedded(&directory, &clock);
    Embedded {
        bus,
        clock,
        directory,
    }
}

fn open_embedded(directory: &TempDir, clock: &FakeClock) -> Arc<EmbeddedBus> {
    let bus = EmbeddedBus::open(
        &directory.path().join("bus.sqlite"),
        Arc::new(clock.clone()),
    );
    Arc::new(bus.expect("the log opens"))
}

async fn embedded_factory(_promise: &str) -> Option<Embedded> {
    Some(new_embedded())
}

#[async_trait]
impl BusUnderTest for Embedded {
    fn bus(&self) -> Arc<dyn Bus> {
        self.bus.clone()
    }

    async fn expire(&self, at: &TopicPartition, before: i64) {
        let mut slowest = BTreeMap::new();
        for (topic, partitions) in self.bus.list_topics().await.expect("topics") {
            slowest.extend(
                (0..partitions).map(|partition| (TopicPartition::new(topic.clone(), partition), 0)),
            );
        }
        slowest.insert(at.clone(), before);
        self.bus.protect(&slowest).await;
        self.clock.advance(RETENTION + Duration::from_secs(1));
        self.bus.retain().await.expect("retention");
    }
}

bus_conformance!(embedded, embedded_factory);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_embedded_log_survives_a_restart() {
    let subject = new_embedded();
    subject
        .bus
        .apply_topics(&[spec("t", 2)])
        .await
        .expect("a topic");
    let batch: Vec<_> = (0..10).map(|n| event("t", "key", n)).collect();
    assert!(
        subject
            .bus
            .send(&batch)
            .await
            .iter()
            .all(|outcome| *outcome == Delivery::Stored)
    );
    let before = subject.bus.watermarks("t").await.expect("watermarks");
    subject.bus.close(PATIENCE).await;

    let bus: Arc<dyn Bus> = open_embedded(&subject.directory, &subject.clock);
    assert_eq!(
        bus.list_topics().await.expect("topics"),
        BTreeMap::from([("t".to_owned(), 2)])
    );
    assert_eq!(bus.watermarks("t").await.expect("watermarks"), before);
    let mut consumer = bus
        .open_consumer("group", &["t".to_owned()], positions(&[]))
        .expect("a consumer");
    let records = collect(&mut *consumer, 10);
    assert_eq!(numbers(&records), (0..10).collect::<Vec<_>>());
    let sent: Vec<_> = records
        .into_iter()
        .map(|record| record.envelope.expect("an envelope"))
        .collect();
    assert_eq!(sent, batch);
}

#[tokio::test]
async fn offsets_survive_a_restart_of_an_emptied_log() {
    let subject = new_embedded();
    subject
        .bus
        .apply_topics(&[spec("t", 1)])
        .await
        .expect("a topic");
    subject
        .bus
        .send(&[event("t", "key", 0), event("t", "key", 1)])
        .await;
    subject.expire(&TopicPartition::new("t", 0), 2).await;
    subject.bus.close(PATIENCE).await;
    let bus = open_embedded(&subject.directory, &subject.clock);
    assert_eq!(
        bus.watermarks("t").await.expect("watermarks"),
        [Watermarks { low: 2, high: 2 }]
    );
}

#[tokio::test]
async fn retention_waits_for_the_slowest_protected_reader() {
    let subject = new_embedded();
    let for_ever = TopicSpec {
        retention: None,
        ..spec("kept", 1)
    };
    subject
        .bus
        .apply_topics(&[spec("t", 1), for_ever])
        .await
        .expect("topics");
    for n in 0..5 {
        subject
            .bus
            .send(&[event("t", "key", n), event("kept", "key", n)])
            .await;
    }
    subject.clock.advance(RETENTION * 2);
    let low = async || subject.bus.watermarks("t").await.expect("watermarks")[0].low;

    assert_eq!(
        subject.bus.retain().await.expect("retention"),
        0,
        "nobody said yet who reads"
    );
    subject
        .bus
        .protect(&BTreeMap::from([(TopicPartition::new("t", 0), 3)]))
        .await;
    assert_eq!(subject.bus.retain().await.expect("retention"), 3);
    assert_eq!(low().await, 3);

    subject.bus.send(&[event("t", "key", 5)]).await;
    subject.bus.protect(&BTreeMap::new()).await;
    assert_eq!(
        subject.bus.retain().await.expect("retention"),
        2,
        "by age alone"
    );
    assert_eq!(low().await, 5);
    assert_eq!(
        subject.bus.watermarks("kept").await.expect("watermarks"),
        [Watermarks { low: 0, high: 5 }]
    );
}

#[tokio::test]
async fn retention_deletes_more_than_one_transaction_holds() {
    let subject = new_embedded();
    subject
        .bus
        .apply_topics(&[spec("t", 3)])
        .await
        .expect("a topic");
    let batch: Vec<_> = (0..5000)
        .map(|n| event("t", &format!("key-{n}"), n))
        .collect();
    subject.bus.send(&batch).await;
    subject.clock.advance(RETENTION * 2);
    subject.bus.protect(&BTreeMap::new()).await;
    assert_eq!(subject.bus.retain().await.expect("retention"), 5000);
    for watermarks in subject.bus.watermarks("t").await.expect("watermarks") {
        assert_eq!(watermarks.low, watermarks.high);
    }
}

#[tokio::test]
async fn an_append_that_fails_leaves_no_hole_and_stands_or_falls_as_one() {
    let subject = new_embedded();
    subject
        .bus
        .apply_topics(&[spec("t", 1)])
        .await
        .expect("a topic");
    let batch = [
        event("t", "good", 0),
        event("t", "bad", 1),
        event("t", "good", 2),
    ];
    let file =
        rusqlite::Connection::open(subject.directory.path().join("bus.sqlite")).expect("the file");
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON record WHEN NEW.key = 'bad'
                  BEGIN SELECT RAISE(ABORT, 'refused by the test'); END";
    file.execute_batch(refuse).expect("a trigger");
    let outcomes = subject.bus.send(&batch).await;
    assert!(
        outcomes
            .iter()
            .all(|outcome| matches!(outcome, Delivery::Failed(_))),
        "{outcomes:?}"
    );
    assert_eq!(
        subject.bus.watermarks("t").await.expect("watermarks"),
        [Watermarks { low: 0, high: 0 }]
    );
    file.execute_batch("DROP TRIGGER refuse").expect("dropped");
    assert_eq!(
        subject.bus.send(&batch).await,
        [Delivery::Stored, Delivery::Stored, Delivery::Stored]
    );
    let records = subject
        .bus
        .read(&TopicPartition::new("t", 0), 0, 10)
        .await
        .expect("reading");
    assert_eq!(numbers(&records), [0, 1, 2]);
    let shown: i64 = file
        .query_row(
            "SELECT count(*) FROM record_at WHERE topic = 't' AND \"offset\" < 3",
            [],
            |row| row.get(0),
        )
        .expect("the view for people");
    assert_eq!(shown, 3);
}

#[tokio::test]
async fn a_file_that_is_no_log_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("bus.sqlite");
    std::fs::write(&path, vec![b'x'; 8192]).expect("a file");
    let error = EmbeddedBus::open(&path, Arc::new(FakeClock::at(Timestamp::UNIX_EPOCH)));
    assert!(matches!(error, Err(BusError::Other(_))), "{error:?}");
}

// Kafka.

/// The bootstrap servers of a real Kafka, or `None` where the embedded bus alone is tested.
fn bootstrap() -> Option<String> {
    if let Ok(bootstrap) = std::env::var("MINZHENG_TEST_KAFKA") {
        return Some(bootstrap);
    }
    let embedded_only =
        std::env::var("MINZHENG_TEST_EMBEDDED_ONLY").is_ok_and(|value| value == "1");
    assert!(
        embedded_only,
        "MINZHENG_TEST_KAFKA names no Kafka: start one with `cargo xtask up`, or set MINZHENG_TEST_EMBEDDED_ONLY=1"
    );
    notice("not tested on Kafka: MINZHENG_TEST_EMBEDDED_ONLY=1");
    None
}

#[expect(
    clippy::print_stderr,
    reason = "a test that tests nothing must not look like one that passed"
)]
fn notice(text: &str) {
    eprintln!("{text}");
}

struct Kafka {
    bus: Arc<KafkaBus>,
}

/// A bus with a prefix of its own, so that tests share a broker.
async fn kafka_factory(_promise: &str) -> Option<Kafka> {
    let settings = KafkaSettings {
        topic_prefix: format!("test-{}.", Uuid::now_v7()),
        replication_factor: 1,
        min_insync_replicas: 1,
        ..KafkaSettings::new(bootstrap()?)
    };
    Some(Kafka {
        bus: Arc::new(KafkaBus::connect(settings).expect("a bus")),
    })
}

#[async_trait]
impl BusUnderTest for Kafka {
    fn bus(&self) -> Arc<dyn Bus> {
        self.bus.clone()
    }

    async fn expire(&self, at: &TopicPartition, before: i64) {
        // The broker looks at ages every few minutes; deleting records has the same effect now.
        let settings = self.bus.settings();
        let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
            .set("bootstrap.servers", &settings.bootstrap)
            .create()
            .expect("a client");
        let mut list = TopicPartitionList::new();
        let topic = format!("{}{}", settings.topic_prefix, at.topic);
        list.add_partition_offset(&topic, at.partition, Offset::Offset(before))
            .expect("an offset");
        let options = AdminOptions::new()
            .request_timeout(Some(PATIENCE))
            .operation_timeout(Some(PATIENCE));
        let deleted = admin
            .delete_records(&list, &options)
            .await
            .expect("deleting");
        for element in deleted.elements() {
            element.error().expect("deleted");
        }
    }
}

bus_conformance!(kafka, kafka_factory);

/// Polls until the consumer holds `count` partitions.
fn hold(consumer: &mut dyn Consumer, count: usize) -> BTreeSet<TopicPartition> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let held: BTreeSet<_> = consumer.assignment().into_iter().collect();
        if held.len() == count {
            return held;
        }
        assert!(
            Instant::now() < deadline,
            "{count} partitions expected, {} held",
            held.len()
        );
        let records = consumer
            .poll(Duration::from_millis(20), 100)
            .expect("polling");
        assert!(records.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_of_a_group_share_partitions_and_read_positions_at_every_change() {
    let Some(subject) = kafka_factory("").await else {
        return;
    };
    let bus = subject.bus();
    bus.apply_topics(&[spec("t", 4)]).await.expect("a topic");
    let position = Arc::new(Mutex::new(0));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let positions: Positions = {
        let (position, asked) = (Arc::clone(&position), Arc::clone(&asked));
        Arc::new(move |partitions| {
            asked.lock().expect("a lock").push(partitions.len());
            let position = *position.lock().expect("a lock");
            Ok(partitions.iter().map(|at| (at.clone(), position)).collect())
        })
    };
    let open = || {
        bus.open_consumer("shared", &["t".to_owned()], Arc::clone(&positions))
            .expect("a consumer")
    };
    let mut first = open();
    assert_eq!(hold(&mut *first, 4).len(), 4);
    let mut second = open();
    // Both must poll for the group to come to rest.
    let deadline = Instant::now() + PATIENCE;
    let (one, two) = loop {
        first.poll(Duration::from_millis(20), 1).expect("polling");
        second.poll(Duration::from_millis(20), 1).expect("polling");
        let (one, two) = (first.assignment(), second.assignment());
        if one.len() == 2 && two.len() == 2 {
            break (one, two);
        }
        assert!(Instant::now() < deadline, "{one:?} {two:?}");
    };
    assert!(one.iter().all(|at| !two.contains(at)));

    // Whoever takes over begins at the positions of that moment.
    let batch: Vec<_> = (0..40)
        .map(|n| event("t", &format!("key-{n}"), n))
        .collect();
    bus.send(&batch).await;
    *position.lock().expect("a lock") = 1;
    let kept: BTreeSet<_> = second.assignment().into_iter().collect();
    first.close(PATIENCE);
    let deadline = Instant::now() + PATIENCE;
    let expected: i64 = bus
        .watermarks("t")
        .await
        .expect("watermarks")
        .iter()
        .map(|of| of.high)
        .sum::<i64>()
        - 2;
    let mut records = Vec::new();
    while (records.len() as i64) < expected {
        assert!(Instant::now() < deadline, "{} of {expected}", records.len());
        records.extend(
            second
                .poll(Duration::from_millis(20), 100)
                .expect("polling"),
        );
    }
    for at in second.assignment() {
        let first = records
            .iter()
            .filter(|record| record.at == at)
            .map(|record| record.offset)
            .min();
        assert_eq!(first, Some(if kept.contains(&at) { 0 } else { 1 }), "{at}");
    }
    second.close(PATIENCE);
    let asked = asked.lock().expect("a lock").clone();
    assert_eq!(
        asked.iter().sum::<usize>(),
        8,
        "only what was new was asked for: {asked:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_with_a_stable_name_has_its_partitions_back_at_once() {
    let Some(subject) = kafka_factory("").await else {
        return;
    };
    subject
        .bus
        .apply_topics(&[spec("t", 4)])
        .await
        .expect("a topic");
    let session_timeout = Duration::from_secs(30);
    let settings = KafkaSettings {
        instance_id: Some("node-1".to_owned()),
        session_timeout,
        ..subject.bus.settings().clone()
    };
    let bus = KafkaBus::connect(settings).expect("a bus");
    let open = || {
        bus.open_consumer("stable", &["t".to_owned()], positions(&[]))
            .expect("a consumer")
    };
    let mut consumer = open();
    hold(&mut *consumer, 4);
    // A member with a name does not say goodbye: to the group it is as if it had been killed.
    consumer.close(PATIENCE);
    let began = Instant::now();
    let mut consumer = open();
    hold(&mut *consumer, 4);
    assert!(
        began.elapsed() < session_timeout / 3,
        "{:?}",
        began.elapsed()
    );
    consumer.close(PATIENCE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_record_is_shown_as_it_is() {
    let Some(subject) = kafka_factory("").await else {
        return;
    };
    let bus = subject.bus();
    bus.apply_topics(&[spec("t", 1)]).await.expect("a topic");
    let settings = subject.bus.settings();
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &settings.bootstrap)
        .create()
        .expect("a producer");
    let topic = format!("{}t", settings.topic_prefix);
    assert!(
        producer
            .send(
                BaseRecord::to(&topic)
                    .key("key")
                    .payload(b"not ours".as_slice())
            )
            .is_ok()
    );
    producer.flush(PATIENCE).expect("sent");
    bus.send(&[event("t", "key", 1)]).await;
    let mut consumer = bus
        .open_consumer("group", &["t".to_owned()], positions(&[]))
        .expect("a consumer");
    let records = collect(&mut *consumer, 2);
    let undecodable = records[0].envelope.as_ref().expect_err("no envelope");
    assert_eq!(
        (undecodable.key.as_str(), undecodable.value.as_slice()),
        ("key", b"not ours".as_slice())
    );
    assert_eq!(numbers(&records[1..]), [1]);
    consumer.close(PATIENCE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_gets_the_declared_retention() {
    let Some(subject) = kafka_factory("").await else {
        return;
    };
    let bus = subject.bus();
    bus.apply_topics(&[spec("t", 1)]).await.expect("a topic");
    assert_eq!(
        retention_of(&subject, "t").await.as_deref(),
        Some("3600000")
    );
    bus.apply_topics(&[TopicSpec {
        retention: None,
        ..spec("t", 1)
    }])
    .await
    .expect("adjusting");
    assert_eq!(retention_of(&subject, "t").await.as_deref(), Some("-1"));
}

async fn retention_of(subject: &Kafka, topic: &str) -> Option<String> {
    let settings = subject.bus.settings();
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", &settings.bootstrap)
        .create()
        .expect("a client");
    let name = format!("{}{topic}", settings.topic_prefix);
    let topics = [rdkafka::admin::ResourceSpecifier::Topic(&name)];
    let described = admin
        .describe_configs(&topics, &AdminOptions::new())
        .await
        .expect("describing");
    let resource = described
        .into_iter()
        .next()
        .expect("a topic")
        .expect("a topic");
    resource
        .get("retention.ms")
        .expect("a setting")
        .value
        .clone()
}

// Faults, with nobody and with librdkafka's own broker at the other end: no Kafka is needed.

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_local_queue_makes_the_sender_wait_and_loses_nothing() {
    let cluster = MockCluster::new(1).expect("a mock cluster");
    cluster.create_topic("t", 1, 1).expect("a topic");
    let mut settings = KafkaSettings::new(cluster.bootstrap_servers());
    settings
        .properties
        .insert("queue.buffering.max.messages".to_owned(), "10".to_owned());
    let bus = KafkaBus::connect(settings).expect("a bus");
    let batch: Vec<_> = (0..500).map(|n| event("t", "key", n)).collect();
    let outcomes = bus.send(&batch).await;
    assert!(
        outcomes.iter().all(|outcome| *outcome == Delivery::Stored),
        "{outcomes:?}"
    );
    assert_eq!(
        bus.watermarks("t").await.expect("watermarks"),
        [Watermarks { low: 0, high: 500 }]
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
