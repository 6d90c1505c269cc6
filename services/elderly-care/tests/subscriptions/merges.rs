//! Records that turn out to be somebody known.

use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, clerk, eventually, operator};

use crate::common::facts::{Kind, fact, merged};
use crate::common::{COUNTY, House};
use crate::home::{DONE, END, HUMAN, Home, NOTHING, RECOUNT, RELEASE};

on_both_deployments!(
    a_record_is_merged_into_somebody_dead,
    two_stays_of_one_person_are_for_a_person_to_look_at,
);

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
