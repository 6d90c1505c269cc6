//! The embedded bus: the suite, and what only a file can be asked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use minzheng_chassis::bus::embedded::EmbeddedBus;
use minzheng_chassis::bus::{Bus, BusError, Delivery, TopicPartition, TopicSpec, Watermarks};
use minzheng_chassis::bus_conformance;
use minzheng_chassis::clock::FakeClock;
use minzheng_chassis::testing::bus_conformance::{
    BusUnderTest, collect, event, numbers, positions,
};
use tempfile::TempDir;

use super::{PATIENCE, RETENTION, spec};

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

bus_conformance!(conformance, embedded_factory);

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
