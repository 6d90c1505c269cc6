//! What a death changes, and its reversal.

use std::time::Duration;

use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, eventually};
use minzheng_proto::elderly_care::v1 as pb;
use tonic::Code;
use uuid::Uuid;

use crate::common::facts::{Kind, fact, fact_of};
use crate::common::{House, SERVICE, refusal};
use crate::home::{DONE, END, HOLD, Home, NOTHING, RECOUNT, RELEASE, RESTORE};

on_both_deployments!(
    a_death_frees_the_bed_and_a_reversal_gives_it_back,
    a_strangers_death_is_answered_and_touches_nothing,
    a_bed_let_anew_is_made_good_with_the_next,
    who_waits_and_is_suspected_keeps_the_place,
);

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
    let restored = &house.receipts(grandmother, 3).await[0].answers[0];
    assert_eq!(restored.reason, "", "her own bed, as one would expect");
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
        assert_eq!(receipt.department, SERVICE);
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
    let receipts = house.receipts(grandmother, 2).await;
    let reasons: Vec<&str> = receipts
        .iter()
        .flat_map(|receipt| &receipt.answers)
        .map(|answer| answer.reason.as_str())
        .collect();
    assert_eq!(reasons, ["BED_RELET"], "the case is told so");
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
