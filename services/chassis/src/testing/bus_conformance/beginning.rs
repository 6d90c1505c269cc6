//! What a subscription is promised about where it begins.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::{
    BusUnderTest, TOPIC, assert_quiet, at, await_error, close, collect, key_in, numbers, offsets,
    open, poll, send_numbers, with_topic,
};
use crate::bus::{BusError, Positions};

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
