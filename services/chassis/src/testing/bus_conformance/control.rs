//! What a consumer does when it is told to pause, seek, wait.

use std::time::Duration;
use std::time::Instant;

use super::{
    BusUnderTest, PATIENCE, TOPIC, assert_quiet, at, close, collect, key_in, numbers, offsets,
    open, poll, send_numbers, with_topic,
};
use crate::bus::TopicPartition;

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
