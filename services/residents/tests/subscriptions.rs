//! What residents does about facts, on both deployments.

mod common;

use common::*;
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, eventually};
use minzheng_proto::life_events::v1::Outcome;
use minzheng_proto::residents::v1 as pb;

on_both_deployments!(
    each_fact_marks_the_life_status_and_is_answered,
    facts_in_any_order_and_doubled_end_alike,
    a_fact_about_nobody_is_refused_by_receipt,
    a_restart_repeats_nothing,
);

async fn each_fact_marks_the_life_status_and_is_answered(deployment: Deployment) {
    let node = start(&deployment).await;
    let id = register(&node, identity(1, "张三")).await.person_id;
    let may = (2026, 5, 3);
    let june = (2026, 6, 3);
    use FactOf::*;
    let steps = [
        (Suspected, may, pb::LifeStatus::Suspected, "pause-contact"),
        (Lifted, may, pb::LifeStatus::Alive, "resume-contact"),
        (Confirmed, may, pb::LifeStatus::Dead, "mark-deceased"),
        (Corrected, june, pb::LifeStatus::Dead, "correct-date"),
        (Reversed, june, pb::LifeStatus::Alive, "mark-alive"),
    ];
    let mut told = Vec::new();
    for (version, (kind, died_on, status, action)) in (1..).zip(steps) {
        send(&node, &[fact(kind, &id, version, died_on)]).await;
        told.push((version, action.to_owned(), Outcome::Done));
        assert_eq!(receipts(&node, &id, told.len()).await, told);
        let person = get(&node, &nanming_clerk(), &id).await.unwrap();
        let life = person.life.unwrap();
        assert_eq!(life.status(), status);
        assert_eq!(life.automated_contact, status == pb::LifeStatus::Alive);
        assert_eq!(life.fact_version, version);
        let alive = status == pb::LifeStatus::Alive;
        let shown = life.died_on.map(|date| (date.year, date.month, date.day));
        assert_eq!(shown, (!alive).then_some(died_on));
    }
    assert_eq!(findings(&node).await, []);
    node.stop().await;
}

async fn facts_in_any_order_and_doubled_end_alike(deployment: Deployment) {
    let node = start(&deployment).await;
    use FactOf::*;
    let kinds = [Suspected, Confirmed, Corrected];
    let orders: [&[usize]; 5] = [
        &[0, 1, 2],
        &[2, 1, 0, 1],
        &[1, 2, 0, 2],
        &[2, 0, 0, 1],
        &[0, 2, 1, 2],
    ];
    for (sequence, order) in (1..).zip(orders) {
        let id = register(&node, identity(sequence, "张三")).await.person_id;
        let facts: Vec<_> = order
            .iter()
            .map(|index| {
                let version = i64::try_from(*index).unwrap() + 1;
                let day = i32::try_from(*index).unwrap() + 1;
                fact(kinds[*index], &id, version, (2026, 5, day))
            })
            .collect();
        send(&node, &facts).await;
        eventually("the newest fact stands", || async {
            let lines = fingerprint(&node, &[&id]).await;
            let expected = format!("person {id} established dead 2026-05-03");
            (lines == [expected]).then_some(())
        })
        .await;
    }
    node.stop().await;
}

async fn a_fact_about_nobody_is_refused_by_receipt(deployment: Deployment) {
    let node = start(&deployment).await;
    let nobody = uuid::Uuid::new_v4().to_string();
    send(&node, &[fact(FactOf::Confirmed, &nobody, 1, (2026, 5, 1))]).await;
    let told = receipts(&node, &nobody, 1).await;
    assert_eq!(told, [(1, "mark-deceased".to_owned(), Outcome::Rejected)]);
    node.stop().await;
}

async fn a_restart_repeats_nothing(deployment: Deployment) {
    let node = start(&deployment).await;
    let id = register(&node, identity(1, "张三")).await.person_id;
    send(&node, &[fact(FactOf::Suspected, &id, 1, (2026, 5, 1))]).await;
    receipts(&node, &id, 1).await;
    node.stop().await;

    let modules = vec![minzheng_residents::module()];
    let node = deployment.start_again(modules, &[]).await;
    send(&node, &[fact(FactOf::Confirmed, &id, 2, (2026, 5, 1))]).await;
    let told = receipts(&node, &id, 2).await;
    let actions: Vec<&str> = told.iter().map(|(_, action, _)| action.as_str()).collect();
    assert_eq!(actions, ["pause-contact", "mark-deceased"]);
    node.stop().await;
}
