//! Facts that are heard in one transaction.

use minzheng_chassis::bus::partition::partition_for;
use minzheng_chassis::db::Sql;
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, Group, eventually};
use minzheng_proto::catalogue::EventType;
use minzheng_proto::life_events::v1::DeathConfirmed;
use uuid::Uuid;

use crate::common::family::{Family, case_of, confirmed, corrected, lifted, reversed, suspected};
use crate::common::{House, SERVICE, heard_by_stream};

on_both_deployments!(facts_heard_together_come_to_what_they_come_to_one_by_one);

/// A family whose parents' facts stay in their order, which only a partition keeps.
async fn family(house: &House) -> Family {
    let topics = house.node.bus().list_topics().await.expect("topics");
    let partitions = topics[DeathConfirmed::TOPIC.name];
    let of = |id: Uuid| partition_for(id.to_string().as_bytes(), partitions);
    std::iter::repeat_with(Family::new)
        .find(|family| of(family.father) == of(family.mother))
        .unwrap()
}

/// Facts of every kind about 20 whom no child has around it, and between them: about both parents
/// of two children; about both parents of two whom nothing was told of before the fact, and of the
/// first of them not even by it.
struct Told {
    group: Group,
    persons: Vec<Uuid>,
    receipts: usize,
}

impl Told {
    async fn to(house: &House) -> Self {
        let (known, asked) = (family(house).await, family(house).await);
        house.publish(&known.kinship()).await;
        eventually("the children are followed", || async {
            let heard = heard_by_stream(house.cx(), known.child).await
                && heard_by_stream(house.cx(), known.teen).await;
            heard.then_some(())
        })
        .await;
        house.register.put_kin(&asked.of_child());
        house.register.put_kin(&asked.of_teen());
        let mut persons = known.everybody().to_vec();
        persons.extend(asked.everybody());
        let strangers: Vec<Uuid> = (0..20).map(|_| Uuid::now_v7()).collect();
        persons.extend(&strangers);
        let kinds = [confirmed, suspected, corrected, lifted, reversed];
        let mut facts: Vec<_> = kinds
            .iter()
            .cycle()
            .zip(&strangers)
            .map(|(fact, id)| fact(*id, 1, "2026-01"))
            .collect();
        facts.insert(2, confirmed(known.father, 1, "2026-01-15"));
        facts.insert(4, suspected(asked.father, 1, "2026-01"));
        facts.insert(9, confirmed(asked.mother, 1, "2026-02-10"));
        facts.insert(14, confirmed(known.mother, 1, "2026-02-10"));
        facts.push(confirmed(strangers[0], 1, "2026-01"));
        let names = (0..).zip(&persons).flat_map(|(n, id): (u16, &Uuid)| {
            [
                (*id, format!("person {n:02}")),
                (case_of(*id, 1), format!("case {n}")),
            ]
        });
        Self {
            group: Group::of(facts, names),
            persons,
            // Of five kinds two ask nothing; one is told twice; the father who was known is
            // answered anew when the mother dies; and of the other father nothing is asked.
            receipts: 12 + 1 + 3 + 1,
        }
    }

    /// What came of it.
    async fn lines(&self, house: &House) -> Vec<String> {
        let mut lines = self.group.receipts(&house.node).await;
        lines.extend(self.group.audit(&house.node, SERVICE).await);
        let mut stands = house.fingerprint(&self.persons).await;
        stands.extend(self.rows(house).await);
        let mut stands: Vec<String> = stands.iter().map(|it| self.group.masked(it)).collect();
        stands.sort();
        lines.extend(stands);
        lines
    }

    /// The rows of what is answered; not how often each was saved, see [`Told::saves`].
    async fn rows(&self, house: &House) -> Vec<String> {
        let text = "SELECT person_id, kind, died_on, tracked, shares, given FROM death_answer";
        let rows = house.cx().db().reader().all(text, []).await.unwrap();
        let rows = rows.iter().filter_map(|row| {
            let person: Uuid = row.get("person_id").unwrap();
            if !self.persons.contains(&person) {
                return None;
            }
            let [kind, died_on, shares, given] =
                ["kind", "died_on", "shares", "given"].map(|name| row.get::<String>(name).unwrap());
            let tracked: bool = row.get("tracked").unwrap();
            Some(format!(
                "{person} {kind} {died_on} {tracked} {shares} {given}"
            ))
        });
        rows.collect()
    }

    /// How often each row was saved, by person.
    async fn saves(&self, house: &House) -> Vec<i64> {
        let text = "SELECT person_id, version FROM death_answer";
        let rows = house.cx().db().reader().all(text, []).await.unwrap();
        let version_of = |person: &Uuid| {
            let mut of_person = rows
                .iter()
                .filter(|row| row.get::<Uuid>("person_id").unwrap() == *person);
            of_person.next().map(|row| row.get("version").unwrap())
        };
        self.persons.iter().filter_map(version_of).collect()
    }

    async fn eventually_answered(&self, house: &House) {
        eventually("each fact is answered", || async {
            let told = self.group.receipts(&house.node).await;
            let rows = self.rows(house).await;
            (told.len() == self.receipts && rows.len() == 24).then_some(())
        })
        .await;
    }
}

async fn facts_heard_together_come_to_what_they_come_to_one_by_one(deployment: Deployment) {
    let house = House::start_with(&deployment, &["runner.batch=1"]).await;
    let one_by_one = Told::to(&house).await;
    let together = Told::to(&house).await;
    house.publish(&one_by_one.group.events).await;
    one_by_one.eventually_answered(&house).await;
    let register = house.register.clone();
    house.node.stop().await;
    // Nobody is there to hear them one by one.
    let node = deployment.start_again(Vec::new(), &[]).await;
    let away = House { node, register };
    away.publish(&together.group.events).await;
    let register = away.register.clone();
    away.node.stop().await;

    let house = House::again(&deployment, &register).await;
    together.eventually_answered(&house).await;
    assert_eq!(together.lines(&house).await, one_by_one.lines(&house).await);
    let (once, each) = (together.saves(&house).await, one_by_one.saves(&house).await);
    assert_eq!(once.len(), each.len());
    let fewer = |(once, each): (&i64, &i64)| (1..=*each).contains(once);
    assert!(once.iter().zip(&each).all(fewer), "{once:?} and {each:?}");
    house.expect_clean().await;
    house.node.stop().await;
}
