//! Facts that are heard in one transaction.

use minzheng_chassis::bus::Envelope;
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, Group, eventually};
use minzheng_proto::life_events::v1 as life_events;
use uuid::Uuid;

use crate::common::facts::{Kind, date, envelope, fact};
use crate::common::{House, SERVICE, TOWNSHIP};
use crate::home::Home;

on_both_deployments!(facts_heard_together_come_to_what_they_come_to_one_by_one);

/// Facts of every kind about 20 who are no residents, one about a resident, one about somebody who
/// waits.
struct Told {
    group: Group,
    persons: Vec<Uuid>,
}

impl Told {
    async fn at(house: &House) -> Self {
        let home = Home::at(house).await;
        let waiting = house.register.person();
        house
            .wait(&house.facility("没有床位的敬老院").await, waiting, 1)
            .await;
        let mut persons = vec![home.grandmother, home.next, waiting];
        let mut facts = vec![
            fact(Kind::Suspected, waiting, 1, "unknown"),
            fact(Kind::Confirmed, home.grandmother, 1, "2026-03-11"),
        ];
        let kinds = [
            Kind::Suspected,
            Kind::Lifted,
            Kind::Confirmed,
            Kind::Corrected,
            Kind::Reversed,
        ];
        for kind in kinds.iter().cycle().take(20) {
            let stranger = Uuid::now_v7();
            persons.push(stranger);
            facts.push(living_here(*kind, stranger));
        }
        facts.push(living_here(Kind::Confirmed, persons[5]));
        let names = (0..).zip(&persons).flat_map(|(n, id): (u16, &Uuid)| {
            let case = Uuid::from_u128(id.as_u128() ^ 1);
            [(*id, format!("person {n:02}")), (case, format!("case {n}"))]
        });
        Self {
            group: Group::of(facts, names),
            persons,
        }
    }

    /// What came of it.
    async fn lines(&self, house: &House) -> Vec<String> {
        let mut lines = self.group.receipts(&house.node).await;
        lines.extend(self.group.audit(&house.node, SERVICE).await);
        let stands = house.fingerprint(&self.persons).await;
        let mut stands: Vec<String> = stands.iter().map(|it| self.group.masked(it)).collect();
        stands.sort();
        lines.extend(stands);
        lines
    }

    async fn eventually_answered(&self, house: &House) {
        eventually("each fact is answered", || async {
            let told = self.group.receipts(&house.node).await;
            (told.len() == self.group.events.len()).then_some(())
        })
        .await;
    }
}

/// A fact about somebody who lives in the township.
fn living_here(kind: Kind, person: Uuid) -> Envelope {
    let fact = Some(life_events::DeathFact {
        person_id: person.to_string(),
        case_id: Uuid::from_u128(person.as_u128() ^ 1).to_string(),
        episode: 1,
        fact_version: 1,
        died_on: Some(date("2026-03")),
        residence_division: TOWNSHIP.to_owned(),
        ..Default::default()
    });
    match kind {
        Kind::Suspected => envelope(&life_events::DeathSuspected { fact }, 1),
        Kind::Lifted => envelope(&life_events::SuspicionLifted { fact }, 1),
        Kind::Confirmed => envelope(&life_events::DeathConfirmed { fact }, 1),
        Kind::Corrected => envelope(&life_events::DeathCorrected { fact }, 1),
        Kind::Reversed => envelope(&life_events::DeathReversed { fact }, 1),
    }
}

async fn facts_heard_together_come_to_what_they_come_to_one_by_one(deployment: Deployment) {
    let house = House::start_with(&deployment, &["runner.batch=1"]).await;
    let one_by_one = Told::at(&house).await;
    let together = Told::at(&house).await;
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
    let lines = together.lines(&house).await;
    assert_eq!(lines, one_by_one.lines(&house).await);
    assert!(
        lines.iter().any(|line| line.contains(TOWNSHIP)),
        "{lines:#?}"
    );
    house.expect_clean().await;
    house.node.stop().await;
}
