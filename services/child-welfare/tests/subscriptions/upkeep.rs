//! Moves, merges, rubbish, restarts.

use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, eventually};
use minzheng_proto::child_welfare::v1 as pb;
use minzheng_proto::operations::v1 as operations;
use minzheng_proto::residents::v1 as residents;
use uuid::Uuid;

use crate::common::family::{Family, confirmed};
use crate::common::{House, envelope, word};
use crate::{ALARM, ASSESS, CLOSE, ORPHANS};

on_both_deployments!(
    a_child_moves_and_a_record_is_merged,
    rubbish_is_stopped_and_holds_nothing,
    a_restart_forgets_nothing,
);

async fn a_child_moves_and_a_record_is_merged(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let family = Family::new();
    let child = family.child;
    house.publish(&family.kinship()).await;
    // The father was only known by a provisional record, and is dead under his own.
    let real = Uuid::now_v7();
    house.publish(&[confirmed(real, 1, "2026-01-15")]).await;
    house
        .eventually_answered(
            real,
            1,
            &[(ASSESS, "nothing_to_do"), (CLOSE, "nothing_to_do")],
        )
        .await;
    let merged = residents::PersonMerged {
        person_id: family.father.to_string(),
        into_person_id: real.to_string(),
        ..Default::default()
    };
    house.publish(&[envelope(&merged)]).await;
    let expected = family.lines("one_parent carer=parent since=2026-02", &[], &[]);
    house.eventually_stands(&family.children(), &expected).await;
    house
        .eventually_answered(real, 1, &[(ASSESS, "done"), (CLOSE, "nothing_to_do")])
        .await;
    // Kinship that still names the record that went changes nothing.
    house.publish(&family.kinship()).await;
    let moved = residents::PersonMoved {
        person_id: child.to_string(),
        domicile_division: String::new(),
        residence_division: "520103001001".to_owned(),
    };
    house.publish(&[envelope(&moved)]).await;
    eventually("the child's county changed", || async {
        let announced = house.published::<pb::ChildSituationChanged>().await;
        let moved = announced
            .iter()
            .any(|it| it.child_id == child.to_string() && it.division == "520103001001");
        moved.then_some(())
    })
    .await;
    assert_eq!(house.fingerprint(&family.children()).await, expected);
    house.expect_clean().await;
    house.node.stop().await;
}

async fn rubbish_is_stopped_and_holds_nothing(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let family = Family::new();
    let mut rubbish = family.of_child();
    rubbish.kin[0].relation = 99;
    let mut nowhere = family.of_teen();
    nowhere.residence_division = String::new();
    house
        .publish(&[envelope(&rubbish), envelope(&nowhere)])
        .await;
    house.publish(&family.kinship()).await;
    house
        .publish(&[confirmed(family.father, 1, "2026-01-15")])
        .await;
    let expected = family.lines("one_parent carer=parent since=2026-02", &[], &[]);
    house.eventually_stands(&family.children(), &expected).await;
    let request = operations::ListDeadLettersRequest::default();
    let letters = house.operations().list_dead_letters(request).await.unwrap();
    let letters = letters.into_inner().dead_letters;
    assert_eq!(letters.len(), 2);
    let stopped = operations::DeadLetterState::Stopped;
    assert!(letters.iter().all(|letter| letter.state() == stopped));
    house.node.stop().await;
}

async fn a_restart_forgets_nothing(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let family = Family::new();
    let facts = [
        confirmed(family.father, 1, "2026-01-15"),
        confirmed(family.mother, 1, "2026-02-10"),
    ];
    house.publish(&family.kinship()).await;
    house.publish(&facts[..1]).await;
    let expected = family.lines("one_parent carer=parent since=2026-02", &[], &[]);
    house.eventually_stands(&family.children(), &expected).await;
    let register = house.register.clone();
    house.node.stop().await;

    let house = House::again(&deployment, &register).await;
    house.publish(&facts).await;
    let orphans = family.lines(ORPHANS, ALARM, &[]);
    house.eventually_stands(&family.children(), &orphans).await;
    let expected = [(ASSESS, "needs_human"), (CLOSE, "nothing_to_do")];
    house.eventually_answered(family.mother, 1, &expected).await;
    house.eventually_answered(family.father, 1, &expected).await;
    let receipts = house.receipts(family.father, 1).await;
    let said: Vec<&str> = receipts
        .iter()
        .flat_map(|receipt| &receipt.answers)
        .filter(|answer| answer.action == ASSESS)
        .map(word)
        .skip_while(|word| *word == "nothing_to_do")
        .collect();
    assert_eq!(
        said,
        ["done", "needs_human"],
        "the doubled fact says nothing"
    );
    house.expect_clean().await;
    house.node.stop().await;
}
