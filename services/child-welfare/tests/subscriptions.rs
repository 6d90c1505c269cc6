//! What the service does when facts and kinship arrive, on both deployments.

mod common;

use common::family::{Family, case_of, confirmed, corrected, lifted, reversed, suspected};
use common::{House, envelope, word};
use minzheng_chassis::bus::Envelope;
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, eventually};
use minzheng_proto::child_welfare::v1 as pb;
use minzheng_proto::operations::v1 as operations;
use minzheng_proto::residents::v1 as residents;
use uuid::Uuid;

on_both_deployments!(
    a_family_loses_everybody_and_one_comes_back,
    a_strangers_death_is_answered_too,
    a_death_before_its_kinship_ends_alike,
    what_was_asked_adds_a_child_that_the_stream_has_not_brought,
    every_order_doubled_ends_alike,
    the_answers_are_done_once_when_the_last_visit_is,
    a_childs_own_death_closes_its_file,
    a_child_moves_and_a_record_is_merged,
    rubbish_is_stopped_and_holds_nothing,
    a_restart_forgets_nothing,
);

const ASSESS: &str = "assess-dependants";
const CLOSE: &str = "close-child-file";
const ORPHANS: &str = "orphan carer=grandparent since=2026-03";
const ALARM: &[&str] = &["child-visit alarm"];

async fn a_family_loses_everybody_and_one_comes_back(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let family = Family::new();
    let all = family.everybody();
    let Family {
        father,
        mother,
        grandmother,
        ..
    } = family;
    house.publish(&family.kinship()).await;
    house.publish(&[confirmed(father, 1, "2026-01-15")]).await;
    let one_left = "one_parent carer=parent since=2026-02";
    let expected = family.lines(one_left, &[], &[(father, "2026-01-15")]);
    house.eventually_stands(&all, &expected).await;
    house
        .eventually_answered(father, 1, &[(ASSESS, "done"), (CLOSE, "nothing_to_do")])
        .await;

    house.publish(&[confirmed(mother, 1, "2026-02-10")]).await;
    let dead = [(father, "2026-01-15"), (mother, "2026-02-10")];
    let orphans = family.lines(ORPHANS, ALARM, &dead);
    house.eventually_stands(&all, &orphans).await;
    for parent in [father, mother] {
        let expected = [(ASSESS, "needs_human"), (CLOSE, "nothing_to_do")];
        house.eventually_answered(parent, 1, &expected).await;
    }

    house.publish(&[suspected(grandmother, 1, "2026-03")]).await;
    let mut held = orphans.clone();
    held.push(format!("person {grandmother} suspected 2026-03"));
    held.sort();
    house.eventually_stands(&all, &held).await;
    house
        .publish(&[confirmed(grandmother, 2, "2026-03-01")])
        .await;
    let dead = [dead[0], dead[1], (grandmother, "2026-03-01")];
    let nobody = "orphan carer=nobody since=2026-03";
    let urgent = family.lines(nobody, &["child-visit urgent"], &dead);
    house.eventually_stands(&all, &urgent).await;
    let expected = [(ASSESS, "needs_human"), (CLOSE, "nothing_to_do")];
    house.eventually_answered(grandmother, 2, &expected).await;
    assert!(house.receipts(grandmother, 1).await.is_empty());

    house
        .publish(&[reversed(grandmother, 3, "2026-03-01")])
        .await;
    house.eventually_stands(&all, &orphans).await;
    let back = [
        (ASSESS, "nothing_to_do"),
        ("reopen-child-file", "nothing_to_do"),
    ];
    house.eventually_answered(grandmother, 3, &back).await;

    house.publish(&[corrected(mother, 2, "2026-01-20")]).await;
    let dead = [(father, "2026-01-15"), (mother, "2026-01-20")];
    let earlier = ORPHANS.replace("2026-03", "2026-02");
    let moved = family.lines(&earlier, ALARM, &dead);
    house.eventually_stands(&all, &moved).await;
    let expected = [
        (ASSESS, "needs_human"),
        ("correct-child-file", "nothing_to_do"),
    ];
    house.eventually_answered(mother, 2, &expected).await;

    let announced = house.published::<pb::ChildSituationChanged>().await;
    let of_child = announced
        .iter()
        .filter(|it| it.child_id == family.child.to_string());
    let told: Vec<(pb::Carer, &str)> = of_child
        .map(|it| (it.carer(), it.since_month.as_str()))
        .collect();
    let expected = [
        (pb::Carer::Parent, "2026-02"),
        (pb::Carer::Grandparent, "2026-03"),
        (pb::Carer::Nobody, "2026-03"),
        (pb::Carer::Grandparent, "2026-03"),
        (pb::Carer::Grandparent, "2026-02"),
    ];
    assert_eq!(told, expected);
    house.expect_clean().await;
    house.node.stop().await;
}

async fn a_strangers_death_is_answered_too(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let stranger = Uuid::now_v7();
    house
        .publish(&[
            suspected(stranger, 1, "2026-01"),
            lifted(stranger, 2, "2026-01"),
            confirmed(stranger, 3, "2026-01-05"),
        ])
        .await;
    let nothing = "nothing_to_do";
    let expected = [(ASSESS, nothing), (CLOSE, nothing)];
    house.eventually_answered(stranger, 3, &expected).await;
    let receipts = house.receipts(stranger, 3).await;
    assert_eq!(receipts.len(), 1);
    assert_eq!(receipts[0].case_id, case_of(stranger, 1).to_string());
    assert_eq!(receipts[0].department, "child-welfare");
    assert!(
        receipts[0]
            .answers
            .iter()
            .all(|it| !it.legal_basis.is_empty())
    );
    assert!(house.receipts(stranger, 1).await.is_empty());
    assert!(house.receipts(stranger, 2).await.is_empty());
    house.node.stop().await;
}

async fn a_death_before_its_kinship_ends_alike(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let family = Family::new();
    let (father, mother) = (family.father, family.mother);
    let facts = [
        confirmed(father, 1, "2026-01-15"),
        confirmed(mother, 1, "2026-02-10"),
    ];
    house.publish(&facts).await;
    for parent in [father, mother] {
        let nothing = "nothing_to_do";
        let expected = [(ASSESS, nothing), (CLOSE, nothing)];
        house.eventually_answered(parent, 1, &expected).await;
    }
    house.publish(&family.kinship()).await;
    let dead = [(father, "2026-01-15"), (mother, "2026-02-10")];
    let orphans = family.lines(ORPHANS, ALARM, &dead);
    house.eventually_stands(&family.everybody(), &orphans).await;
    for parent in [father, mother] {
        let expected = [(ASSESS, "needs_human"), (CLOSE, "nothing_to_do")];
        house.eventually_answered(parent, 1, &expected).await;
    }
    house.expect_clean().await;
    house.node.stop().await;
}

async fn what_was_asked_adds_a_child_that_the_stream_has_not_brought(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let family = Family::new();
    let (father, mother) = (family.father, family.mother);
    house.register.put_kin(&family.of_child());
    house.register.put_kin(&family.of_teen());
    house.publish(&[confirmed(father, 1, "2026-01-15")]).await;
    let expected = [(ASSESS, "done"), (CLOSE, "nothing_to_do")];
    house.eventually_answered(father, 1, &expected).await;
    house.publish(&[confirmed(mother, 1, "2026-02-10")]).await;
    let dead = [(father, "2026-01-15"), (mother, "2026-02-10")];
    let orphans = family.lines(ORPHANS, ALARM, &dead);
    house.eventually_stands(&family.everybody(), &orphans).await;
    // The stream comes late, and changes nothing.
    house.publish(&family.kinship()).await;
    eventually("the stream was heard", || async {
        let heard = common::heard_by_stream(house.cx(), family.teen).await
            && common::heard_by_stream(house.cx(), family.child).await;
        heard.then_some(())
    })
    .await;
    assert_eq!(house.fingerprint(&family.everybody()).await, orphans);
    house.expect_clean().await;
    house.node.stop().await;
}

/// The same events in one of their orders, about half of them doubled; the number decides.
fn shuffled(events: &[Envelope], mut seed: u64) -> Vec<Envelope> {
    let mut next = move |below: usize| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % below
    };
    let mut left = events.to_vec();
    for event in events {
        if next(2) == 0 {
            left.push(Envelope {
                id: Uuid::now_v7(),
                ..event.clone()
            });
        }
    }
    let mut order = Vec::new();
    while !left.is_empty() {
        order.push(left.remove(next(left.len())));
    }
    order
}

async fn every_order_doubled_ends_alike(deployment: Deployment) {
    let house = House::start(&deployment).await;
    for seed in 0..8 {
        let family = Family::new();
        let (father, mother, grandmother) = (family.father, family.mother, family.grandmother);
        let mut events = family.kinship().to_vec();
        events.extend([
            suspected(father, 1, "2026-01"),
            confirmed(father, 2, "2026-01-15"),
            confirmed(mother, 1, "2026-02-28"),
            corrected(mother, 2, "2026-02-10"),
            suspected(grandmother, 1, "2026-03"),
            confirmed(grandmother, 2, "2026-03-01"),
            reversed(grandmother, 3, "2026-03-01"),
        ]);
        if seed % 2 == 1 {
            house.register.put_kin(&family.of_child());
            house.register.put_kin(&family.of_teen());
        }
        for event in shuffled(&events, seed) {
            house.publish(&[event]).await;
        }
        let dead = [(father, "2026-01-15"), (mother, "2026-02-10")];
        let orphans = family.lines(ORPHANS, ALARM, &dead);
        house.eventually_stands(&family.everybody(), &orphans).await;
        let waits = (ASSESS, "needs_human");
        let nothing = "nothing_to_do";
        house
            .eventually_answered(father, 2, &[waits, (CLOSE, nothing)])
            .await;
        house
            .eventually_answered(mother, 2, &[waits, ("correct-child-file", nothing)])
            .await;
        let back = [(ASSESS, nothing), ("reopen-child-file", nothing)];
        house.eventually_answered(grandmother, 3, &back).await;
    }
    house.expect_clean().await;
    house.node.stop().await;
}

async fn the_answers_are_done_once_when_the_last_visit_is(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let family = Family::new();
    house.publish(&family.kinship()).await;
    let parents = [family.father, family.mother];
    for parent in parents {
        house.publish(&[confirmed(parent, 1, "2026-01-15")]).await;
    }
    for parent in parents {
        let expected = [(ASSESS, "needs_human"), (CLOSE, "nothing_to_do")];
        house.eventually_answered(parent, 1, &expected).await;
    }
    // Not reached: the next visit opens at once, and the questions wait for it.
    house
        .complete(family.child, "child-visit", "not_reached")
        .await
        .expect("closed");
    house
        .complete(family.child, "child-visit", "cared_for")
        .await
        .expect("closed");
    assert_eq!(house.items(family.child).await, vec![]);
    for parent in parents {
        let answers = house.answers(parent, 1).await;
        assert_eq!(
            answers[ASSESS], "needs_human",
            "the sibling's visit is open"
        );
    }
    house
        .complete(family.teen, "child-visit", "placed")
        .await
        .expect("closed");
    for parent in parents {
        let expected = [(ASSESS, "done"), (CLOSE, "nothing_to_do")];
        house.eventually_answered(parent, 1, &expected).await;
        let receipts = house.receipts(parent, 1).await;
        let said: Vec<&str> = receipts
            .iter()
            .flat_map(|receipt| &receipt.answers)
            .filter(|answer| answer.action == ASSESS)
            .map(word)
            .collect();
        let waiting = said.iter().skip_while(|word| **word != "needs_human");
        let after: Vec<&str> = waiting
            .skip_while(|word| **word == "needs_human")
            .copied()
            .collect();
        assert_eq!(after, ["done"], "{said:?}");
    }
    let open = family.lines("orphan carer=grandparent since=2026-02", &[], &[]);
    assert_eq!(house.fingerprint(&family.children()).await, open);
    house.expect_clean().await;
    house.node.stop().await;
}

async fn a_childs_own_death_closes_its_file(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let family = Family::new();
    let child = family.child;
    house.publish(&family.kinship()).await;
    house
        .publish(&[confirmed(family.father, 1, "2026-01-15")])
        .await;
    house
        .publish(&[confirmed(family.mother, 1, "2026-01-16")])
        .await;
    eventually("the visit is open", || async {
        (!house.items(child).await.is_empty()).then_some(())
    })
    .await;
    let before = house.fingerprint(&[child]).await;
    house.publish(&[confirmed(child, 1, "2026-02-01")]).await;
    let closed = vec![
        format!("child {child} closed carer=none since=none"),
        format!("person {child} dead 2026-02-01"),
    ];
    house.eventually_stands(&[child], &closed).await;
    // The sibling, an orphan too, is yet to be visited.
    let expected = [(ASSESS, "needs_human"), (CLOSE, "done")];
    house.eventually_answered(child, 1, &expected).await;
    house.publish(&[corrected(child, 2, "2026-02-02")]).await;
    let expected = [(ASSESS, "needs_human"), ("correct-child-file", "done")];
    house.eventually_answered(child, 2, &expected).await;
    house.publish(&[reversed(child, 3, "2026-02-02")]).await;
    let expected = [(ASSESS, "nothing_to_do"), ("reopen-child-file", "done")];
    house.eventually_answered(child, 3, &expected).await;
    house.eventually_stands(&[child], &before).await;
    house.expect_clean().await;
    house.node.stop().await;
}

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
    let said: usize = house
        .receipts(family.father, 1)
        .await
        .iter()
        .map(|it| it.answers.len())
        .sum();
    assert_eq!(
        said, 3,
        "two at first, one more when the mother died; the doubled fact says nothing"
    );
    house.expect_clean().await;
    house.node.stop().await;
}
