//! What residents does about facts, on both deployments.

mod common;

use common::*;
use minzheng_chassis::db::{Sql, val};
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, Group, TestNode, eventually};
use minzheng_proto::life_events::v1::Outcome;
use minzheng_proto::residents::v1 as pb;
use uuid::Uuid;

on_both_deployments!(
    each_fact_marks_the_life_status_and_is_answered,
    facts_in_any_order_and_doubled_end_alike,
    a_fact_about_nobody_is_refused_by_receipt,
    a_restart_repeats_nothing,
    facts_heard_together_come_to_what_they_come_to_one_by_one,
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

/// Facts of every kind about 20 persons, one of them told twice, and about two whom nobody knows.
async fn strangers(node: &TestNode, first: u16) -> (Group, Vec<Uuid>) {
    use FactOf::*;
    let mut persons = vec![Uuid::new_v4(), Uuid::new_v4()];
    for sequence in first..first + 20 {
        let person = register(node, identity(sequence, "张三")).await;
        persons.push(person.person_id.parse().unwrap());
    }
    let kinds = [Suspected, Lifted, Confirmed, Corrected, Reversed];
    let kinds = kinds.iter().cycle();
    let mut facts: Vec<_> = kinds
        .zip(&persons)
        .map(|(kind, id)| fact(*kind, &id.to_string(), 1, (2026, 5, 3)))
        .collect();
    facts.push(fact(Confirmed, &persons[2].to_string(), 1, (2026, 5, 3)));
    let names = (0..).zip(&persons);
    let names = names.map(|(n, id): (u16, &Uuid)| (*id, format!("person {n:02}")));
    (Group::of(facts, names), persons)
}

/// What came of it.
async fn came_of(node: &TestNode, (group, persons): &(Group, Vec<Uuid>)) -> Vec<String> {
    let mut lines = group.receipts(node).await;
    lines.extend(group.audit(node, "residents").await);
    for id in persons {
        let text = "SELECT life_status, version FROM person WHERE id = $1";
        let reader = node.context("residents").db().reader();
        let Some(row) = reader.one(text, [val(*id)]).await.unwrap() else {
            continue;
        };
        let status: String = row.get("life_status").unwrap();
        let version: i64 = row.get("version").unwrap();
        lines.push(group.masked(&format!("{id} {status} {version}")));
    }
    lines
}

async fn facts_heard_together_come_to_what_they_come_to_one_by_one(deployment: Deployment) {
    let modules = || vec![minzheng_residents::module()];
    let node = deployment.start_with(modules(), &["runner.batch=1"]).await;
    let one_by_one = strangers(&node, 1).await;
    let together = strangers(&node, 101).await;
    send(&node, &one_by_one.0.events).await;
    let receipts = one_by_one.0.events.len();
    eventually("each fact is answered", || async {
        let told = one_by_one.0.receipts(&node).await;
        (told.len() == receipts).then_some(())
    })
    .await;
    node.stop().await;
    // Nobody is there to hear them one by one.
    let node = deployment.start_again(Vec::new(), &[]).await;
    send(&node, &together.0.events).await;
    node.stop().await;

    let node = deployment.start_again(modules(), &[]).await;
    eventually("each fact is answered again", || async {
        let told = together.0.receipts(&node).await;
        (told.len() == receipts).then_some(())
    })
    .await;
    let lines = came_of(&node, &together).await;
    // Confirmed twice, it changed once; the living whom a fact calls living did not change at all
    // but for the fact that was heard.
    assert_eq!(lines.len(), receipts + 20 + 20);
    assert_eq!(lines, came_of(&node, &one_by_one).await);
    assert_eq!(findings(&node).await, []);
    node.stop().await;
}
