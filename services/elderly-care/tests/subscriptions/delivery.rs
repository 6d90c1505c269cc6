//! Facts in any order, deadlines, parking and restarts.

use std::time::Duration;

use jiff::SignedDuration;
use minzheng_chassis::db::{Sql, val};
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, eventually};
use minzheng_proto::elderly_care::v1 as pb;
use minzheng_proto::operations::v1 as operations;

use crate::common::facts::{Kind, fact};
use crate::common::{House, it};
use crate::home::{DONE, END, HOLD, Home, RECOUNT, RELEASE};

on_both_deployments!(
    every_order_doubled_ends_alike,
    an_offer_expires_and_goes_on,
    an_offer_that_a_wrong_clock_ends_is_made_again,
    without_a_rule_the_key_is_parked,
    a_restart_forgets_nothing,
);

async fn every_order_doubled_ends_alike(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let mut all_ends = Vec::new();
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        let home = Home::at(&house).await;
        let facts = [
            fact(Kind::Suspected, home.grandmother, 1, "2026-03"),
            fact(Kind::Confirmed, home.grandmother, 2, "2026-02-11"),
            fact(Kind::Corrected, home.grandmother, 3, "2026-03-11"),
        ];
        let told = order.map(|at| facts[at].clone());
        let told: Vec<_> = told.iter().chain(&told).cloned().collect();
        house.publish(&told).await;
        house
            .eventually_answered(home.grandmother, 3, &[(RECOUNT, DONE)])
            .await;
        house.eventually_offered(home.next).await;
        all_ends.push(home.both());
    }
    let mut ends = Vec::new();
    for [grandmother, next] in all_ends {
        let lines = house.fingerprint(&[grandmother, next]).await;
        let mut lines: Vec<String> = lines
            .iter()
            .map(|line| line.replace(&grandmother.to_string(), "she"))
            .map(|line| line.replace(&next.to_string(), "next"))
            .collect();
        lines.sort();
        ends.push(lines);
    }
    assert!(ends.iter().all(|end| *end == ends[0]), "{ends:#?}");
    house.expect_clean().await;
    house.node.stop().await;
}

async fn an_offer_expires_and_goes_on(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let home = Home::at(&house).await;
    let second = house.register.person();
    house.wait(&home.facility, second, 3).await;
    let confirmed = fact(Kind::Confirmed, home.grandmother, 1, "2026-03-11");
    house.publish(&[confirmed]).await;
    let offer = house.eventually_offered(home.next).await;
    let (made, expires) = (offer.made_at.unwrap(), offer.expires_at.unwrap());
    assert_eq!(expires.seconds - made.seconds, 48 * 3600);
    deployment.clock().advance(Duration::from_secs(48 * 3600));
    let moved_on = house.eventually_offered(second).await;
    assert_eq!(moved_on.bed_id, home.bed.id);
    let asked = pb::GetOfferRequest {
        offer_id: offer.id.clone(),
    };
    let got = house.care().get_offer(asked).await;
    let expired = it(got).offer.expect("the offer");
    assert_eq!(expired.state(), pb::OfferState::Expired);
    assert!(expired.closed_at.is_some());
    let waits_on = house.queue(&home.facility).await;
    assert_eq!(waits_on[0].state(), pb::WaitingState::Waiting);
    house.expect_clean().await;
    house.node.stop().await;
}

/// Made by a clock that is a day behind, looked at by one that is a day ahead: over at once.
async fn an_offer_that_a_wrong_clock_ends_is_made_again(deployment: Deployment) {
    let day = SignedDuration::from_hours(24);
    let house = House::start(&deployment).await;
    let home = Home::at(&house).await;
    deployment.clock().advance(-day);
    let confirmed = fact(Kind::Confirmed, home.grandmother, 1, "2026-03-11");
    house.publish(&[confirmed]).await;
    let first = house.eventually_offered(home.next).await;
    let mut last = first.clone();
    // Round after round: whoever waits alone is asked again and again.
    for _ in 0..3 {
        deployment.clock().advance(2 * day);
        last = eventually("it is offered again", || async {
            let offer = house.eventually_offered(home.next).await;
            (offer.id != last.id).then_some(offer)
        })
        .await;
        assert_eq!(last.bed_id, home.bed.id);
    }
    deployment.clock().advance(-day);
    let asked = pb::GetOfferRequest {
        offer_id: first.id.clone(),
    };
    let got = it(house.care().get_offer(asked).await).offer.expect("it");
    assert_eq!(got.state(), pb::OfferState::Expired);
    let queue = house.queue(&home.facility).await;
    assert_eq!(queue[0].state(), pb::WaitingState::Offered);
    house.expect_clean().await;
    house.node.stop().await;
}

async fn without_a_rule_the_key_is_parked(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let home = Home::at(&house).await;
    let db = house.cx().db().writer();
    let all_but = "UPDATE rule SET key = $1 WHERE key = $2";
    let hide = [val("hidden"), val("offer-hours")];
    db.run(all_but, hide).await.expect("hidden");
    let confirmed = fact(Kind::Confirmed, home.grandmother, 1, "2026-03-11");
    house.publish(&[confirmed]).await;
    let letter = eventually("it is parked", || async {
        let request = operations::ListDeadLettersRequest::default();
        let letters = house.operations().list_dead_letters(request).await;
        it(letters).dead_letters.pop()
    })
    .await;
    assert_eq!(letter.reason, "NO_RULE");
    let show = [val("offer-hours"), val("hidden")];
    db.run(all_but, show).await.expect("shown");
    deployment.clock().advance(Duration::from_secs(120));
    house
        .eventually_answered(home.grandmother, 1, &[(END, DONE), (RELEASE, DONE)])
        .await;
    house.expect_clean().await;
    house.node.stop().await;
}

async fn a_restart_forgets_nothing(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let home = Home::at(&house).await;
    let suspected = fact(Kind::Suspected, home.grandmother, 1, "unknown");
    house.publish(&[suspected]).await;
    house
        .eventually_answered(home.grandmother, 1, &[(HOLD, DONE)])
        .await;
    let register = house.register.clone();
    house.node.stop().await;

    let house = House::again(&deployment, &register).await;
    let confirmed = fact(Kind::Confirmed, home.grandmother, 2, "2026-03-11");
    house.publish(&[confirmed]).await;
    house
        .eventually_answered(home.grandmother, 2, &[(END, DONE), (RELEASE, DONE)])
        .await;
    assert_eq!(house.receipts(home.grandmother, 1).await.len(), 1);
    house.eventually_offered(home.next).await;
    house.expect_clean().await;
    house.node.stop().await;
}
