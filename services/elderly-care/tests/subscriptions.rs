//! What the service does when facts arrive, on both deployments.

mod common;

use std::time::Duration;

use common::facts::{Kind, fact, fact_of, merged};
use common::{COUNTY, House, OTHER_COUNTY, refusal};
use minzheng_chassis::db::{Sql, val};
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, clerk, eventually, operator, worker};
use minzheng_proto::elderly_care::v1 as pb;
use minzheng_proto::operations::v1 as operations;
use tonic::Code;
use uuid::Uuid;

on_both_deployments!(
    a_death_frees_the_bed_and_a_reversal_gives_it_back,
    a_strangers_death_is_answered_and_touches_nothing,
    what_is_owed_is_settled_by_the_work_item,
    what_is_owed_is_settled_by_the_account,
    a_bed_let_anew_is_made_good_with_the_next,
    who_waits_and_is_suspected_keeps_the_place,
    every_order_doubled_ends_alike,
    a_record_is_merged_into_somebody_dead,
    two_stays_of_one_person_are_for_a_person_to_look_at,
    an_offer_expires_and_goes_on,
    without_a_rule_the_key_is_parked,
    a_restart_forgets_nothing,
);

const HOLD: &str = "hold-bed";
const END: &str = "end-stay";
const RELEASE: &str = "release-bed";
const RECOUNT: &str = "recount-days";
const RESTORE: &str = "restore-stay";
const DONE: &str = "done";
const NOTHING: &str = "nothing_to_do";
const HUMAN: &str = "needs_human";

/// The grandmother in bed 3-12 and one who waits.
struct Home {
    facility: String,
    bed: pb::Bed,
    stay: pb::Stay,
    grandmother: Uuid,
    next: Uuid,
}

impl Home {
    async fn at(house: &House) -> Self {
        let (grandmother, next) = (house.register.person(), house.register.person());
        let facility = house.facility("测试敬老院").await;
        let bed = house.bed(&facility, "3-12").await;
        let stay = house.place(&bed, grandmother).await;
        house.wait(&facility, next, 2).await;
        Self {
            facility,
            bed,
            stay,
            grandmother,
            next,
        }
    }

    fn both(&self) -> [Uuid; 2] {
        [self.grandmother, self.next]
    }
}

async fn a_death_frees_the_bed_and_a_reversal_gives_it_back(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let home = Home::at(&house).await;
    let (grandmother, next) = (home.grandmother, home.next);
    let before = house.fingerprint(&home.both()).await;
    let mut expected = [
        format!(
            "stay {grandmother} 测试敬老院 3-12 active last_day=- provisional=false owed=0 bed=occupied"
        ),
        format!("waiting {next} 测试敬老院 place=1 rank=2 priority=false"),
    ];
    expected.sort();
    assert_eq!(before, expected);

    let suspected = fact(Kind::Suspected, grandmother, 1, "unknown");
    house.publish(&[suspected]).await;
    house
        .eventually_answered(grandmother, 1, &[(HOLD, DONE)])
        .await;
    house
        .eventually_bed(&home.bed.id, pb::BedState::Held, pb::HeldFor::Suspicion)
        .await;
    let held = house.stay(&home.stay.id).await;
    assert_eq!(held.state(), pb::StayState::Held);

    let confirmed = fact(Kind::Confirmed, grandmother, 2, "2026-03-11");
    house.publish(&[confirmed]).await;
    house
        .eventually_answered(grandmother, 2, &[(END, DONE), (RELEASE, DONE)])
        .await;
    let offer = house.eventually_offered(next).await;
    assert_eq!(offer.bed_id, home.bed.id);
    let ended = house.stay(&home.stay.id).await;
    assert_eq!(ended.state(), pb::StayState::Ended);
    assert_eq!(ended.end_cause(), pb::EndCause::Death);
    assert_eq!(ended.last_day.map(|day| day.day), Some(11));

    let reversed = fact(Kind::Reversed, grandmother, 3, "2026-03-11");
    house.publish(&[reversed]).await;
    house
        .eventually_answered(grandmother, 3, &[(RESTORE, DONE)])
        .await;
    house.eventually_stands(&home.both(), &before).await;
    assert!(house.offer_to(next).await.is_none());
    let late = house.try_accept(&offer).await;
    assert_eq!(refusal(late), (Code::Aborted, "ETAG_MISMATCH".to_owned()));

    let occupied = (pb::BedState::Occupied, grandmother.to_string());
    let held = (pb::BedState::Held, grandmother.to_string());
    let nobodys = |state| (state, String::new());
    let told = [
        nobodys(pb::BedState::Free),
        occupied.clone(),
        held,
        nobodys(pb::BedState::Held),
        occupied,
    ];
    eventually("all is published", || async {
        (house.told_of(&home.bed.id).await == told).then_some(())
    })
    .await;
    for receipt in house.receipts(grandmother, 2).await {
        assert_eq!(receipt.department, common::SERVICE);
        for answer in receipt.answers {
            assert!(answer.legal_basis.starts_with("民法典"));
        }
    }
    house.expect_clean().await;
    house.node.stop().await;
}

async fn a_strangers_death_is_answered_and_touches_nothing(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let stranger = Uuid::now_v7();
    let facts = [
        (Kind::Suspected, vec![(HOLD, NOTHING)]),
        (Kind::Lifted, vec![(RESTORE, NOTHING)]),
        (Kind::Confirmed, vec![(END, NOTHING), (RELEASE, NOTHING)]),
        (Kind::Corrected, vec![(RECOUNT, NOTHING)]),
        (Kind::Reversed, vec![(RESTORE, NOTHING)]),
    ];
    for (version, (kind, answers)) in (1..).zip(facts) {
        let told = fact(kind, stranger, version, "2026-03");
        house.publish(&[told.clone(), told]).await;
        house.eventually_answered(stranger, version, &answers).await;
        assert_eq!(house.receipts(stranger, version).await.len(), 1);
    }
    let older = fact(Kind::Confirmed, stranger, 3, "2026-02");
    house.publish(&[older]).await;
    let other = Uuid::now_v7();
    let same_stream = fact(Kind::Confirmed, other, 1, "2026-02");
    house.publish(&[same_stream]).await;
    house
        .eventually_answered(other, 1, &[(END, NOTHING), (RELEASE, NOTHING)])
        .await;
    assert_eq!(house.receipts(stranger, 3).await.len(), 1);
    let lines = house.fingerprint(&[stranger, other]).await;
    assert_eq!(lines, Vec::<String>::new());
    house.expect_clean().await;
    house.node.stop().await;
}

async fn what_is_owed_is_settled_by_the_work_item(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let home = Home::at(&house).await;
    let grandmother = home.grandmother;
    house.owe(&home.stay.id, 12_300).await;
    let before = house.fingerprint(&home.both()).await;
    let confirmed = fact(Kind::Confirmed, grandmother, 1, "2026-03");
    house.publish(&[confirmed]).await;
    house
        .eventually_answered(grandmother, 1, &[(END, DONE), (RELEASE, HUMAN)])
        .await;
    house
        .eventually_bed(&home.bed.id, pb::BedState::Held, pb::HeldFor::Settlement)
        .await;
    let lines = house.fingerprint(&home.both()).await;
    assert!(lines.contains(&format!("open settle-stay normal {grandmother}")));
    let items = house.items(&home.stay.id).await;
    assert_eq!(items.len(), 1);
    // The same day, which is a working day: until midnight in Guizhou.
    let due = items[0].due_at.as_ref().expect("due");
    let midnight: jiff::Timestamp = "2026-03-20T16:00:00Z".parse().unwrap();
    assert_eq!(due.seconds, midnight.as_second());

    // The reversal takes the item back; the death restored opens another.
    let reversed = fact(Kind::Reversed, grandmother, 2, "2026-03");
    house.publish(&[reversed]).await;
    house.eventually_stands(&home.both(), &before).await;
    let confirmed = fact(Kind::Confirmed, grandmother, 3, "2026-03");
    house.publish(&[confirmed]).await;
    house
        .eventually_answered(grandmother, 3, &[(END, DONE), (RELEASE, HUMAN)])
        .await;
    let corrected = fact(Kind::Corrected, grandmother, 4, "2026-03-09");
    house.publish(&[corrected]).await;
    house
        .eventually_answered(grandmother, 4, &[(RECOUNT, HUMAN)])
        .await;
    let items = house.items(&home.stay.id).await;
    assert_eq!(items.len(), 1);
    assert_eq!(items[0].possible_outcomes, ["settled"]);
    let elsewhere = clerk("wu", OTHER_COUNTY);
    let refused = house.try_complete(&elsewhere, &items[0], "settled").await;
    assert_eq!(refusal(refused).0, Code::NotFound);
    let township = worker("wang", COUNTY);
    let refused = house.try_complete(&township, &items[0], "settled").await;
    assert_eq!(refusal(refused).0, Code::PermissionDenied);

    let clerk = clerk("li", COUNTY);
    house
        .try_complete(&clerk, &items[0], "settled")
        .await
        .expect("settled");
    house
        .eventually_answered(grandmother, 4, &[(RECOUNT, DONE)])
        .await;
    assert_eq!(house.receipts(grandmother, 4).await.len(), 2);
    assert_eq!(house.receipts(grandmother, 3).await.len(), 1, "superseded");
    assert_eq!(
        house.eventually_offered(home.next).await.bed_id,
        home.bed.id
    );
    let stay = house.stay(&home.stay.id).await;
    assert_eq!((stay.state(), stay.owed_fen), (pb::StayState::Ended, 0));
    house.expect_clean().await;
    house.node.stop().await;
}

async fn what_is_owed_is_settled_by_the_account(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let home = Home::at(&house).await;
    house.owe(&home.stay.id, -500_000).await;
    let confirmed = fact(Kind::Confirmed, home.grandmother, 1, "2026-03-11");
    house.publish(&[confirmed]).await;
    house
        .eventually_answered(home.grandmother, 1, &[(END, DONE), (RELEASE, HUMAN)])
        .await;
    house.owe(&home.stay.id, -1).await;
    assert_eq!(house.items(&home.stay.id).await.len(), 1);
    let settled = house.owe(&home.stay.id, 0).await;
    assert_eq!(settled.state(), pb::StayState::Ended);
    house
        .eventually_answered(home.grandmother, 1, &[(END, DONE), (RELEASE, DONE)])
        .await;
    assert_eq!(house.receipts(home.grandmother, 1).await.len(), 2);
    assert!(house.items(&home.stay.id).await.is_empty());
    assert_eq!(
        house.eventually_offered(home.next).await.bed_id,
        home.bed.id
    );
    house.expect_clean().await;
    house.node.stop().await;
}

async fn a_bed_let_anew_is_made_good_with_the_next(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let home = Home::at(&house).await;
    let grandmother = home.grandmother;
    let urgent = house.register.person();
    let confirmed = fact(Kind::Confirmed, grandmother, 1, "2026-03-11");
    house.publish(&[confirmed]).await;
    let offer = house.eventually_offered(home.next).await;
    house.try_accept(&offer).await.expect("accepted");
    house.wait(&home.facility, urgent, 1).await;

    let reversed = fact(Kind::Reversed, grandmother, 2, "2026-03-11");
    house.publish(&[reversed]).await;
    house
        .eventually_answered(grandmother, 2, &[(RESTORE, DONE)])
        .await;
    let displaced = house.stay(&home.stay.id).await;
    assert_eq!(displaced.state(), pb::StayState::Displaced);
    let bed = house.get_bed(&home.bed.id).await;
    assert_eq!(bed.person_id, home.next.to_string(), "no bed has two");
    let queue = house.queue(&home.facility).await;
    let queue: Vec<(String, bool)> = queue
        .into_iter()
        .map(|entry| (entry.person_id, entry.priority))
        .collect();
    let first = (grandmother.to_string(), true);
    assert_eq!(queue, [first, (urgent.to_string(), false)]);

    let other = house.bed(&home.facility, "3-13").await;
    let offer = house.eventually_offered(grandmother).await;
    assert_eq!(offer.bed_id, other.id);
    let stay = house.try_accept(&offer).await.expect("accepted");
    assert_ne!(stay.id, home.stay.id);
    let replaced = house.stay(&home.stay.id).await;
    assert_eq!(replaced.end_cause(), pb::EndCause::Replaced);

    // A year later she dies: the next episode, and everything as before.
    deployment
        .clock()
        .advance(Duration::from_secs(365 * 24 * 3600));
    let suspected = fact_of(2, Kind::Suspected, grandmother, 3, "unknown");
    let confirmed = fact_of(2, Kind::Confirmed, grandmother, 4, "2027-03-10");
    house.publish(&[suspected, confirmed]).await;
    house
        .eventually_answered(grandmother, 4, &[(END, DONE), (RELEASE, DONE)])
        .await;
    assert_eq!(house.eventually_offered(urgent).await.bed_id, other.id);
    house.expect_clean().await;
    house.node.stop().await;
}

async fn who_waits_and_is_suspected_keeps_the_place(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let home = Home::at(&house).await;
    let second = house.register.person();
    house.wait(&home.facility, second, 3).await;
    let confirmed = fact(Kind::Confirmed, home.grandmother, 1, "2026-03-11");
    house.publish(&[confirmed]).await;
    house.eventually_offered(home.next).await;
    let all = [home.grandmother, home.next, second];
    let before = house.fingerprint(&all).await;

    let suspected = fact(Kind::Suspected, home.next, 1, "unknown");
    house.publish(&[suspected]).await;
    house
        .eventually_answered(home.next, 1, &[(HOLD, NOTHING)])
        .await;
    house.eventually_offered(second).await;
    let queue = house.queue(&home.facility).await;
    assert_eq!(queue[0].state(), pb::WaitingState::Suspended);

    let lifted = fact(Kind::Lifted, home.next, 2, "unknown");
    house.publish(&[lifted]).await;
    house.eventually_stands(&all, &before).await;
    house.eventually_offered(home.next).await;
    assert!(house.offer_to(second).await.is_none());
    house.expect_clean().await;
    house.node.stop().await;
}

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

async fn a_record_is_merged_into_somebody_dead(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let home = Home::at(&house).await;
    house.owe(&home.stay.id, 100).await;
    let survivor = house.register.person();
    let confirmed = fact(Kind::Confirmed, survivor, 1, "2026-03-11");
    house.publish(&[confirmed]).await;
    house
        .eventually_answered(survivor, 1, &[(END, NOTHING), (RELEASE, NOTHING)])
        .await;
    house.publish(&[merged(home.grandmother, survivor)]).await;
    // Which of the questions the latest fact asked is for the one who asked to know.
    let anew = [(END, DONE), (RELEASE, HUMAN), (RECOUNT, HUMAN)];
    house.eventually_answered(survivor, 1, &anew).await;
    let items = house.items(&home.stay.id).await;
    let clerk = clerk("li", COUNTY);
    let settled = house.try_complete(&clerk, &items[0], "settled").await;
    settled.expect("settled");
    let done = [(END, DONE), (RELEASE, DONE), (RECOUNT, DONE)];
    house.eventually_answered(survivor, 1, &done).await;
    assert_eq!(
        house.stay(&home.stay.id).await.person_id,
        survivor.to_string()
    );
    house.eventually_offered(home.next).await;
    // The record that went is the survivor in every way.
    let asked_by_either = house.fingerprint(&[home.grandmother]).await;
    assert_eq!(asked_by_either, house.fingerprint(&[survivor]).await);
    assert_eq!(asked_by_either.len(), 1);
    house.expect_clean().await;
    house.node.stop().await;
}

async fn two_stays_of_one_person_are_for_a_person_to_look_at(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let home = Home::at(&house).await;
    let survivor = house.register.person();
    let other = house.facility("另一敬老院").await;
    let bed = house.bed(&other, "1-1").await;
    house.place(&bed, survivor).await;
    house.publish(&[merged(home.grandmother, survivor)]).await;
    let item = eventually("somebody must look", || async {
        house.items(&survivor.to_string()).await.pop()
    })
    .await;
    assert_eq!(item.kind, "merge-conflict");
    let lines = house.fingerprint(&[survivor]).await;
    assert!(lines.contains(&format!("open merge-conflict normal {survivor}")));
    let done = house.try_complete(&operator("op"), &item, "resolved").await;
    done.expect("resolved");
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
    let expired = common::it(got).offer.expect("the offer");
    assert_eq!(expired.state(), pb::OfferState::Expired);
    assert!(expired.closed_at.is_some());
    let waits_on = house.queue(&home.facility).await;
    assert_eq!(waits_on[0].state(), pb::WaitingState::Waiting);
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
        common::it(letters).dead_letters.pop()
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
