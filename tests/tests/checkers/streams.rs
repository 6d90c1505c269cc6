//! 3 and 5: no event lost, order per key.

use minzheng_proto::topics::LIFE_EVENTS_DEATH;
use minzheng_tests::chaos::checkers::Harm;
use minzheng_tests::chaos::observe::Observed;

use crate::clean::{Plant, Run, finds};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn none_lost_misses_an_event_on_the_topic_and_in_an_inbox() {
    let run = Run::clean().await;
    run.finds(
        3,
        "residents",
        "UPDATE stream_sequence SET sequence = sequence + 1 WHERE key = (SELECT min(key) FROM stream_sequence)",
        &[
            (Harm::Lost, "is not on residents.person"),
            (Harm::Lost, "verify residents"),
        ],
    )
    .await;
    run.finds(
        3,
        "child-welfare",
        "DELETE FROM inbox WHERE event_id = (SELECT min(event_id) FROM inbox)",
        &[
            (Harm::Lost, "never heard of event"),
            (Harm::Lost, "without noting it"),
        ],
    )
    .await;
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn none_lost_sees_a_number_that_nobody_gave_and_an_event_that_never_left_or_has_no_effect() {
    let plants: [Plant; 3] = [
        (Harm::Wrong, " is stopped", |observed| {
            let mut states = observed.tables.inbox.values_mut();
            *states.next().expect("an event") = "stopped".to_owned();
        }),
        (Harm::Wrong, "gave only 0", |observed| {
            let mut given = observed.tables.sequences.values_mut();
            *given.next().expect("a stream") = 0;
        }),
        (Harm::Lost, "1 events of residents never left", |observed| {
            observed.tables.outbox.insert("residents", 1);
        }),
    ];
    finds(3, &plants).await;
}

/// Where the first two facts of a person stand.
fn two_facts(observed: &Observed) -> (usize, usize) {
    let facts = observed.events.iter().enumerate();
    let mut facts = facts.filter(|(_, event)| event.envelope.topic == LIFE_EVENTS_DEATH.name);
    let second = facts
        .clone()
        .find(|(_, event)| event.envelope.sequence == 2);
    let (second, event) = second.expect("a second fact");
    let key = &event.envelope.key;
    let first = facts.find(|(_, event)| event.envelope.key == *key && event.envelope.sequence == 1);
    (first.expect("its first").0, second)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_order_sees_events_that_changed_places_and_a_fact_that_is_no_later_than_the_one_before()
{
    let plants: [Plant; 2] = [
        (Harm::Wrong, "runs [2, 1", |observed| {
            let (first, second) = two_facts(observed);
            observed.events.swap(first, second);
        }),
        (Harm::Wrong, "follows fact 1", |observed| {
            let (first, second) = two_facts(observed);
            let said = observed.events[first].envelope.value.clone();
            observed.events[second].envelope.value = said;
        }),
    ];
    finds(5, &plants).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_order_sees_a_department_behind_and_a_gap() {
    let run = Run::clean().await;
    run.finds(
        5,
        "elderly-care",
        "UPDATE known_person SET fact_version = fact_version - 1 WHERE fact_version > 0",
        &[(Harm::Wrong, "elderly-care knows fact")],
    )
    .await;
    run.finds(
        5,
        "life-events",
        "INSERT INTO stream_gap (source, topic, key, missing_sequence, kind, seen_at) \
         VALUES ('residents', 'residents.person', 'k', 3, 'gap', 0)",
        &[(Harm::Wrong, "shows a gap")],
    )
    .await;
    run.stop().await;
}
