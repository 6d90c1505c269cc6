//! What is owed is settled before the bed is released.

use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, clerk, worker};
use minzheng_proto::elderly_care::v1 as pb;
use minzheng_proto::life_events::v1 as life_events;
use minzheng_proto::life_events::v1::{Outcome, Undo};
use tonic::Code;

use crate::common::facts::{Kind, fact};
use crate::common::{COUNTY, House, OTHER_COUNTY, refusal};
use crate::home::{DONE, END, HUMAN, Home, RECOUNT, RELEASE};

on_both_deployments!(
    what_is_owed_is_settled_by_the_work_item,
    what_is_owed_is_settled_by_the_account,
);

/// The second receipt rests on what the first one rests on, and is undone by the same.
fn expect_alike(receipts: &[life_events::ReceiptIssued], action: &str) {
    let said: Vec<(Outcome, &str, Undo)> = receipts
        .iter()
        .flat_map(|receipt| &receipt.answers)
        .filter(|answer| answer.action == action)
        .map(|answer| (answer.outcome(), answer.legal_basis.as_str(), answer.undo()))
        .collect();
    let [(first, basis, undo), second] = said[..] else {
        panic!("two answers: {said:?}");
    };
    assert_eq!(first, Outcome::NeedsHuman);
    assert!(basis.starts_with("民法典"), "{basis}");
    assert_eq!(second, (Outcome::Done, basis, undo));
    assert_eq!(undo, Undo::Machine);
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
    expect_alike(&house.receipts(grandmother, 4).await, RECOUNT);
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
    expect_alike(&house.receipts(home.grandmother, 1).await, RELEASE);
    assert!(house.items(&home.stay.id).await.is_empty());
    assert_eq!(
        house.eventually_offered(home.next).await.bed_id,
        home.bed.id
    );
    house.expect_clean().await;
    house.node.stop().await;
}
