//! Visits that end, and a file that closes with its child.

use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, eventually};

use crate::common::family::{Family, confirmed, corrected, reversed};
use crate::common::{House, word};
use crate::{ASSESS, CLOSE};

on_both_deployments!(
    the_answers_are_done_once_when_the_last_visit_is,
    a_childs_own_death_closes_its_file,
);

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
