//! Kafka: the suite, and what only a cluster with groups can be asked.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use minzheng_chassis::bus::kafka::{KafkaBus, KafkaSettings};
use minzheng_chassis::bus::{Bus, Consumer, Positions, TopicPartition, TopicSpec};
use minzheng_chassis::bus_conformance;
use minzheng_chassis::testing::bus_conformance::{
    BusUnderTest, collect, event, numbers, positions,
};
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};
use uuid::Uuid;

use super::{PATIENCE, spec};

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

bus_conformance!(conformance, kafka_factory);

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

/// librdkafka remembers the pause of a partition that went to another member and came back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_that_was_paused_lost_and_assigned_anew_is_delivered() {
    let Some(subject) = kafka_factory("").await else {
        return;
    };
    let bus = subject.bus();
    bus.apply_topics(&[spec("t", 4)]).await.expect("a topic");
    let open = || {
        bus.open_consumer("paused", &["t".to_owned()], positions(&[]))
            .expect("a consumer")
    };
    let mut first = open();
    let all: Vec<_> = hold(&mut *first, 4).into_iter().collect();
    first.pause(&all).expect("pausing");
    let mut second = open();
    let deadline = Instant::now() + PATIENCE;
    while (first.assignment().len(), second.assignment().len()) != (2, 2) {
        first.poll(Duration::from_millis(20), 1).expect("polling");
        second.poll(Duration::from_millis(20), 1).expect("polling");
        assert!(Instant::now() < deadline, "the group does not come to rest");
    }
    let kept = first.assignment();
    second.close(PATIENCE);
    hold(&mut *first, 4);

    let batch: Vec<_> = (0..40)
        .map(|n| event("t", &format!("key-{n}"), n))
        .collect();
    bus.send(&batch).await;
    let expected: i64 = bus
        .watermarks("t")
        .await
        .expect("watermarks")
        .iter()
        .zip(0..)
        .filter(|(_, partition)| kept.iter().all(|at| at.partition != *partition))
        .map(|(of, _)| of.high)
        .sum();
    assert!(expected > 0, "some of 40 keys lie in what came back");
    let records = collect(&mut *first, usize::try_from(expected).expect("a count"));
    assert!(
        records.iter().all(|record| !kept.contains(&record.at)),
        "what was never lost stays paused"
    );
    first.close(PATIENCE);
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
