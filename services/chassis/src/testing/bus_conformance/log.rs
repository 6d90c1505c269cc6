//! What a log promises to those who write to it and to those who look: order, completeness, size, age.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use super::{
    BusUnderTest, MAX_RECORD, TOPIC, assert_quiet, at, close, collect, envelope, event, key_in,
    number, numbers, offsets, open, send, send_numbers, with_topic,
};
use crate::bus::partition::partition_for;
use crate::bus::{Delivery, Envelope, TopicPartition, Watermarks};

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
        seen.push(number(envelope(record)));
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

/// A record above its topic's limit is refused, and nothing of another key. Whether what is behind it on its own is sent
/// is the relay's matter, which holds it.
pub async fn refuses_a_too_large_record_alone(subject: &impl BusUnderTest) {
    let bus = with_topic(subject, 1).await;
    let mut too_large = event(TOPIC, "large", 1);
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
            .map(number)
            .collect();
        assert_eq!(seen, (0..EACH).collect::<Vec<_>>(), "{key}");
    }
    assert_quiet(&mut *consumer);
    close(consumer);
}
