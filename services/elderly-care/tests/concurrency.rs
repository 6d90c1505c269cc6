//! Decisions about one facility at once, from two processes where the deployment has them: nobody
//! is missed, and no bed is given twice.

mod common;

use std::collections::BTreeSet;

use common::facts::{Kind, fact};
use common::{House, refusal};
use futures::future::join_all;
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, Kind as Database, eventually};
use minzheng_proto::elderly_care::v1 as pb;
use uuid::Uuid;

on_both_deployments!(
    two_beds_freed_at_once_go_to_two_people,
    who_joins_the_list_and_a_freed_bed_find_each_other,
    one_bed_is_given_once,
    a_reversal_and_an_acceptance_at_once,
);

/// Some settings that let a node do several things at once.
const BUSY: &[&str] = &["database.max_connections=6"];

/// One node, and a second one where the bus and the databases can be shared.
async fn houses(deployment: &Deployment) -> Vec<House> {
    let first = House::start_with(deployment, BUSY).await;
    let register = first.register.clone();
    let mut houses = vec![first];
    if deployment.database().kind() == Database::Postgres {
        houses.push(House::again(deployment, &register).await);
    }
    houses
}

async fn stop(houses: Vec<House>) {
    houses[0].expect_clean().await;
    for house in houses {
        house.node.stop().await;
    }
}

/// Conflicts are told to the caller after six runs, who tries again.
async fn until_done<T, F>(mut try_once: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, tonic::Status>>,
    T: std::fmt::Debug,
{
    loop {
        match try_once().await {
            Ok(done) => return done,
            refused => assert_eq!(refusal(refused).1, "CONTENDED"),
        }
    }
}

async fn two_beds_freed_at_once_go_to_two_people(deployment: Deployment) {
    let houses = houses(&deployment).await;
    let (one, other) = (&houses[0], houses.last().expect("a house"));
    for round in 0..6 {
        let facility = one.facility(&format!("敬老院{round}")).await;
        let waiting: Vec<Uuid> = (0..2).map(|_| one.register.person()).collect();
        let mut residents = Vec::new();
        for label in ["1-1", "1-2"] {
            let bed = one.bed(&facility, label).await;
            let resident = one.register.person();
            residents.push((resident, one.place(&bed, resident).await));
        }
        for person in &waiting {
            one.wait(&facility, *person, 2).await;
        }
        if round % 2 == 0 {
            // Two reactions, of two persons and so of two partitions or of one batch.
            let deaths = residents.iter().map(|(resident, _)| {
                let death = [fact(Kind::Confirmed, *resident, 1, "2026-03-11")];
                async move { one.publish(&death).await }
            });
            join_all(deaths).await;
        } else {
            // Two commands, of two processes.
            let leave = |house, stay| until_done(move || end(house, stay));
            let (first, second) = (&residents[0].1, &residents[1].1);
            tokio::join!(leave(one, first), leave(other, second));
        }
        let mut beds = BTreeSet::new();
        for person in &waiting {
            beds.insert(one.eventually_offered(*person).await.bed_id);
        }
        assert_eq!(beds.len(), 2, "two beds for two people");
    }
    stop(houses).await;
}

async fn end(house: &House, stay: &pb::Stay) -> Result<pb::EndStayResponse, tonic::Status> {
    let request = pb::EndStayRequest {
        request_id: common::request_id(),
        stay_id: stay.id.clone(),
        etag: stay.etag.clone(),
        last_day: None,
    };
    Ok(house.care().end_stay(request).await?.into_inner())
}

async fn who_joins_the_list_and_a_freed_bed_find_each_other(deployment: Deployment) {
    let houses = houses(&deployment).await;
    let (one, other) = (&houses[0], houses.last().expect("a house"));
    let facility = one.facility("测试敬老院").await;
    for round in 0..10 {
        let bed = one.bed(&facility, &format!("2-{round}")).await;
        let resident = one.register.person();
        one.place(&bed, resident).await;
        let newcomer = one.register.person();
        let death = [fact(Kind::Confirmed, resident, 1, "2026-03-11")];
        let joins = until_done(|| other.try_wait(&facility, newcomer, 2));
        tokio::join!(one.publish(&death), joins);
        let offer = one.eventually_offered(newcomer).await;
        assert_eq!(offer.bed_id, bed.id);
        until_done(|| other.try_accept(&offer)).await;
    }
    stop(houses).await;
}

async fn one_bed_is_given_once(deployment: Deployment) {
    let houses = houses(&deployment).await;
    let (one, other) = (&houses[0], houses.last().expect("a house"));
    let facility = one.facility("测试敬老院").await;
    let bed = one.bed(&facility, "3-12").await;
    let people: Vec<Uuid> = (0..6).map(|_| one.register.person()).collect();
    let tries = people.iter().enumerate().map(|(at, person)| {
        let house = if at % 2 == 0 { one } else { other };
        house.try_place(&bed, *person)
    });
    let placed: Vec<Uuid> = join_all(tries)
        .await
        .into_iter()
        .zip(&people)
        .filter_map(|(outcome, person)| match outcome {
            Ok(_) => Some(*person),
            refused => {
                let reason = refusal(refused).1;
                let fair = ["ETAG_MISMATCH", "BED_OCCUPIED", "CONTENDED"];
                assert!(fair.contains(&reason.as_str()), "{reason}");
                None
            }
        })
        .collect();
    assert_eq!(placed.len(), 1);
    assert_eq!(one.get_bed(&bed.id).await.person_id, placed[0].to_string());
    stop(houses).await;
}

async fn a_reversal_and_an_acceptance_at_once(deployment: Deployment) {
    let houses = houses(&deployment).await;
    let (one, other) = (&houses[0], houses.last().expect("a house"));
    for round in 0..8 {
        let facility = one.facility(&format!("敬老院{round}")).await;
        let bed = one.bed(&facility, "3-12").await;
        let (resident, next) = (one.register.person(), one.register.person());
        let stay = one.place(&bed, resident).await;
        one.wait(&facility, next, 2).await;
        one.publish(&[fact(Kind::Confirmed, resident, 1, "2026-03-11")])
            .await;
        let offer = one.eventually_offered(next).await;
        let reversal = [fact(Kind::Reversed, resident, 2, "2026-03-11")];
        let (_, accepted) = tokio::join!(one.publish(&reversal), other.try_accept(&offer));
        one.eventually_answered(resident, 2, &[("restore-stay", "done")])
            .await;
        let state = one.stay(&stay.id).await.state();
        let owner = one.get_bed(&bed.id).await.person_id;
        match accepted {
            Ok(_) => {
                assert_eq!(state, pb::StayState::Displaced);
                assert_eq!(owner, next.to_string());
                assert!(one.queue(&facility).await[0].priority);
            }
            Err(_) => {
                assert_eq!(state, pb::StayState::Active);
                assert_eq!(owner, resident.to_string());
                eventually("the offer is taken back", || async {
                    one.offer_to(next).await.is_none().then_some(())
                })
                .await;
            }
        }
    }
    stop(houses).await;
}
