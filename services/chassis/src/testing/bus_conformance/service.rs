//! What a bus does as a service of the node: topics, health, end.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::{
    BusUnderTest, PATIENCE, TOPIC, await_error, close, event, positions, send, send_numbers, spec,
    with_topic,
};
use crate::bus::{BusError, Delivery, Envelope, TopicPartition, TopicSpec};

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
