//! 4: effect once.

use minzheng_proto::topics::LIFE_EVENTS_RECEIPTS;
use minzheng_tests::chaos::checkers::Harm;
use minzheng_tests::chaos::observe::{Event, Observed, Stay};
use uuid::Uuid;

use crate::clean::{Plant, Run, finds, holds};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_sees_an_effect_twice() {
    let run = Run::clean().await;
    run.finds(
        4,
        "residents",
        "INSERT INTO audit SELECT x'00112233445566778899aabbccddeeff', at, action, subject, service, aggregate, \
         aggregate_id, division, causation_id, record, key_id, mac FROM audit \
         WHERE action = 'MarkLifeStatus' LIMIT 1",
        &[(Harm::Doubled, "MarkLifeStatus")],
    )
    .await;
    run.stop().await;
}

/// A receipt once more.
fn receipt_again(observed: &mut Observed, alter: fn(&mut Event)) {
    let mut events = observed.events.iter();
    let receipt = events.find(|event| event.envelope.topic == LIFE_EVENTS_RECEIPTS.name);
    let mut again = receipt.expect("a receipt").clone();
    alter(&mut again);
    observed.events.push(again);
}

/// One more stay beside one that stands.
fn stay_again(observed: &mut Observed, alter: fn(&mut Stay)) {
    let stays = &mut observed.tables.stays;
    let standing = stays.values().find(|stay| stay.state == "active");
    let mut again = standing.expect("a stay").clone();
    alter(&mut again);
    stays.insert(Uuid::new_v4(), again);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_sees_a_second_answer_to_one_fact_and_two_stays_of_one_bed_or_person() {
    // The same event again is a resend, and no second answer; who has left lives nowhere.
    holds(4, |observed| receipt_again(observed, |_| {})).await;
    holds(4, |observed| {
        stay_again(observed, |stay| stay.state = "ended".into());
    })
    .await;
    let plants: [Plant; 3] = [
        (Harm::Doubled, "answered", |observed| {
            receipt_again(observed, |event| event.envelope.id = Uuid::new_v4());
        }),
        (Harm::Doubled, "bed ", |observed| {
            stay_again(observed, |stay| stay.person = Uuid::new_v4());
        }),
        (Harm::Doubled, "person ", |observed| {
            stay_again(observed, |stay| stay.bed = Uuid::new_v4());
        }),
    ];
    finds(4, &plants).await;
}
