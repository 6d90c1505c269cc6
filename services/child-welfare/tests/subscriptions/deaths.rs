//! Deaths and kinship in every order.

use minzheng_chassis::bus::Envelope;
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, eventually};
use minzheng_proto::child_welfare::v1 as pb;
use uuid::Uuid;

use crate::common::family::{Family, case_of, confirmed, corrected, lifted, reversed, suspected};
use crate::common::{House, heard_by_stream};
use crate::{ALARM, ASSESS, CLOSE, ORPHANS};

on_both_deployments!(
    a_family_loses_everybody_and_one_comes_back,
    a_strangers_death_is_answered_too,
    a_death_before_its_kinship_ends_alike,
    what_was_asked_adds_a_child_that_the_stream_has_not_brought,
    every_order_doubled_ends_alike,
);

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
        let heard = heard_by_stream(house.cx(), family.teen).await
            && heard_by_stream(house.cx(), family.child).await;
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
