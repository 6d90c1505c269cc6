//! A fact about somebody's death: what it means for the children around, and what is answered.

use std::collections::{BTreeMap, BTreeSet};

use minzheng_chassis::context::Context;
use minzheng_chassis::inbox::{Event, SetReaction};
use minzheng_chassis::person::Fact;
use minzheng_chassis::seam::{Failure, UnitOfWork};
use uuid::Uuid;

use super::bystanders::Bystanders;
use super::desk::{Desk, Ids};
use super::people::{People, asked_fact};
use super::residents::Residents;
use super::settle::Deed;
use super::told::Told;
use crate::domain::{Child, KinshipSource};
use crate::storage::children;

/// Hears all five facts. Of all those whom no child here has around it costs the same few statements.
pub struct FollowDeaths;

/// Who depends on the person, as `residents` told.
#[derive(Clone, Debug, Default)]
pub struct Dependants(Vec<Told>);

/// Where nothing is asked, it is hearsay, or over: nobody new is followed for it.
fn is_followed(event: &Event<Fact>) -> bool {
    !asked_fact(&event.body).kind.questions().is_empty()
}

/// Who depends on each of the persons of some facts.
async fn dependants(
    cx: &Context,
    events: &[&Event<Fact>],
) -> Result<BTreeMap<Uuid, Dependants>, Failure> {
    let followed = events.iter().filter(|event| is_followed(event));
    let persons: BTreeSet<Uuid> = followed.map(|event| event.body.person_id).collect();
    if persons.is_empty() {
        return Ok(BTreeMap::new());
    }
    let told = Residents::of(cx, None)?.dependants(&persons).await?;
    let told = told.into_iter();
    Ok(told
        .map(|(person, told)| (person, Dependants(told)))
        .collect())
}

impl SetReaction<Fact> for FollowDeaths {
    type Asked = Dependants;
    type Set = Bystanders;

    /// Being asked only adds children whom the stream of kinship has not brought yet.
    async fn ask(&self, cx: &Context, event: &Event<Fact>) -> Result<Dependants, Failure> {
        let mut asked = dependants(cx, &[event]).await?;
        Ok(asked.remove(&event.body.person_id).unwrap_or_default())
    }

    async fn ask_all(
        &self,
        cx: &Context,
        events: &[&Event<Fact>],
    ) -> Result<Option<Vec<Dependants>>, Failure> {
        let asked = dependants(cx, events).await?;
        let of_each = events.iter().map(|event| {
            let follows = is_followed(event);
            let found = asked.get(&event.body.person_id).filter(|_| follows);
            found.cloned().unwrap_or_default()
        });
        Ok(Some(of_each.collect()))
    }

    async fn load(
        &self,
        uow: &mut UnitOfWork,
        events: &[&Event<Fact>],
    ) -> Result<Bystanders, Failure> {
        let persons: BTreeSet<Uuid> = events.iter().map(|event| event.body.person_id).collect();
        Bystanders::among(uow, &persons).await
    }

    async fn apply(
        &self,
        uow: &mut UnitOfWork,
        event: &Event<Fact>,
        Dependants(told): &Dependants,
        bystanders: &mut Bystanders,
    ) -> Result<(), Failure> {
        let fact = asked_fact(&event.body);
        let deed = Deed {
            fact: Some(fact),
            division: event.body.residence.or(event.body.domicile),
            ..Deed::named("FollowDeath")
        };
        if told.is_empty() && bystanders.include(fact.person_id) {
            return bystanders.hear(uow, fact, deed.division);
        }
        // Whoever is settled here looks at the answers on others, which must all be in the table.
        bystanders.save(uow)?;
        uow.settle().await?;
        let named: Vec<Uuid> = told.iter().flat_map(Told::persons).collect();
        let people = People::found(uow, &named).await?;
        let told: Vec<Told> = told
            .iter()
            .map(|told| told.clone().of_survivors(&people))
            .collect();
        let dependants: Vec<Uuid> = told.iter().map(|told| told.child_id).collect();
        let db = uow.connection();
        let found = children::around_person(db, fact.person_id, &dependants).await?;
        let mut desk = Desk::with(found);
        for told in &told {
            let asked = KinshipSource::Asked;
            desk.hear_kinship(uow, told, asked, &people).await?;
        }
        let person_fact = fact.person_fact();
        for child_id in desk.ids() {
            let hear =
                |child: &mut Child, at: &_, ids: Ids<'_>| Ok(child.hear(&person_fact, at, ids));
            desk.change(uow, child_id, hear).await?;
        }
        bystanders.exclude(desk.everybody());
        bystanders.exclude([fact.person_id]);
        desk.settle(uow, deed).await?;
        Ok(())
    }

    async fn save(&self, uow: &mut UnitOfWork, mut bystanders: Bystanders) -> Result<(), Failure> {
        bystanders.save(uow)
    }
}
