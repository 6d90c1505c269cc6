//! Facts about one family at once, from two processes where the deployment has them: nobody is
//! missed, and each child has one alarm.

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::family::{Family, confirmed};
use common::{House, word};
use minzheng_chassis::bus::Envelope;
use minzheng_chassis::db::{Sql, val};
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, Kind, eventually};
use minzheng_proto::life_events::v1::ReceiptIssued;
use uuid::Uuid;

on_both_deployments!(
    both_parents_die_in_the_same_second,
    kinship_is_recorded_in_the_same_second_as_the_deaths,
);

const FAMILIES: usize = 100;
const ORPHANS: &str = "orphan carer=grandparent since=2026-03";

/// One node, and a second one where the bus and the databases can be shared.
async fn houses(deployment: &Deployment) -> Vec<House> {
    let first = House::start(deployment).await;
    let register = first.register.clone();
    let mut houses = vec![first];
    if deployment.database().kind() == Kind::Postgres {
        houses.push(House::again(deployment, &register).await);
    }
    houses
}

async fn stop(houses: Vec<House>) {
    for house in houses {
        house.node.stop().await;
    }
}

fn deaths(family: &Family) -> [Envelope; 2] {
    [
        confirmed(family.father, 1, "2026-01-15"),
        confirmed(family.mother, 1, "2026-02-10"),
    ]
}

fn orphans(family: &Family) -> Vec<String> {
    let dead = [(family.father, "2026-01-15"), (family.mother, "2026-02-10")];
    family.lines(ORPHANS, &["child-visit alarm"], &dead)
}

async fn expect_orphans(house: &House, families: &[Family]) {
    for family in families {
        let persons = family.everybody();
        house.eventually_stands(&persons, &orphans(family)).await;
    }
    let mut items: BTreeMap<Uuid, Vec<Uuid>> = BTreeMap::new();
    let text = "SELECT id, subject_id FROM work_item";
    for row in house.cx().db().reader().all(text, []).await.unwrap() {
        let (id, subject) = (row.get("id").unwrap(), row.get("subject_id").unwrap());
        items.entry(subject).or_default().push(id);
    }
    for family in families {
        for child in family.children() {
            assert_eq!(items[&child].len(), 1, "one alarm, once");
        }
        expect_answers_to_wait(house, family, &items).await;
    }
}

/// Both answers wait for an open visit of one of the children, which in turn answers them.
async fn expect_answers_to_wait(house: &House, family: &Family, items: &BTreeMap<Uuid, Vec<Uuid>>) {
    let db = house.cx().db().reader();
    for parent in [family.father, family.mother] {
        let text = "SELECT a.work_item_id FROM death_answer a JOIN work_item_question q \
                    ON q.work_item_id = a.work_item_id AND q.case_id = a.case_id \
                    AND q.person_id = a.person_id AND q.fact_version = a.fact_version \
                    WHERE a.person_id = $1";
        let row = db.one(text, [val(parent)]).await.unwrap().expect("a row");
        let item: Uuid = row.get("work_item_id").unwrap();
        let children = family.children();
        assert!(children.iter().any(|child| items[child].contains(&item)));
    }
}

async fn both_parents_die_in_the_same_second(deployment: Deployment) {
    let houses = houses(&deployment).await;
    let families: Vec<Family> = (0..FAMILIES).map(|_| Family::new()).collect();
    let kinship: Vec<Envelope> = families.iter().flat_map(Family::kinship).collect();
    houses[0].publish(&kinship).await;
    for child in families.iter().flat_map(Family::children) {
        eventually("the child is followed", || async {
            common::heard_by_stream(houses[0].cx(), child)
                .await
                .then_some(())
        })
        .await;
    }
    let facts: Vec<Envelope> = families.iter().flat_map(deaths).collect();
    houses[0].publish(&facts).await;
    expect_orphans(&houses[0], &families).await;
    let parents: BTreeSet<String> = families
        .iter()
        .flat_map(|it| [it.father, it.mother])
        .map(|id| id.to_string())
        .collect();
    eventually("all parents' cases wait for a person", || async {
        let mut last = BTreeMap::new();
        for receipt in houses[0].published::<ReceiptIssued>().await {
            for answer in &receipt.answers {
                let key = (receipt.person_id.clone(), answer.action.clone());
                last.insert(key, word(answer));
            }
        }
        let waiting = last
            .iter()
            .filter(|((_, action), said)| action == "assess-dependants" && **said == "needs_human")
            .map(|((person, _), _)| person.clone());
        (waiting.collect::<BTreeSet<_>>() == parents).then_some(())
    })
    .await;
    houses[0].expect_clean().await;
    stop(houses).await;
}

/// Half of the registers have the kinship already when they are asked, the other half have not.
async fn kinship_is_recorded_in_the_same_second_as_the_deaths(deployment: Deployment) {
    let houses = houses(&deployment).await;
    let families: Vec<Family> = (0..FAMILIES).map(|_| Family::new()).collect();
    for family in families.iter().step_by(2) {
        houses[0].register.put_kin(&family.of_child());
        houses[0].register.put_kin(&family.of_teen());
    }
    let events: Vec<Envelope> = families
        .iter()
        .flat_map(|family| {
            let [father, mother] = deaths(family);
            let [child, teen] = family.kinship();
            [father, child, mother, teen]
        })
        .collect();
    houses[0].publish(&events).await;
    expect_orphans(&houses[0], &families).await;
    houses[0].expect_clean().await;
    stop(houses).await;
}
