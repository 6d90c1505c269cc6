//! A fact about somebody's death: what it means for the children around, and what is answered.

use minzheng_chassis::context::Context;
use minzheng_chassis::inbox::{Event, Reaction};
use minzheng_chassis::person::Fact;
use minzheng_chassis::seam::{Failure, UnitOfWork};
use uuid::Uuid;

use super::desk::{Desk, Ids};
use super::people::{People, asked_fact};
use super::residents::Residents;
use super::settle::Deed;
use super::told::Told;
use crate::domain::{Child, KinshipSource};
use crate::storage::children;

/// Hears all five facts.
pub struct FollowDeaths;

/// Who depends on the person, as `residents` told.
#[derive(Debug)]
pub struct Dependants(Vec<Told>);

impl Reaction<Fact> for FollowDeaths {
    type Asked = Dependants;

    /// Being asked only adds children whom the stream of kinship has not brought yet.
    async fn ask(&self, cx: &Context, event: &Event<Fact>) -> Result<Dependants, Failure> {
        let fact = asked_fact(&event.body);
        // Where nothing is asked, it is hearsay, or over: nobody new is followed for it.
        if fact.kind.questions().is_empty() {
            return Ok(Dependants(Vec::new()));
        }
        let told = Residents::of(cx, None)?.dependants(fact.person_id).await?;
        Ok(Dependants(told))
    }

    async fn apply(
        &self,
        uow: &mut UnitOfWork,
        event: &Event<Fact>,
        Dependants(told): &Dependants,
    ) -> Result<(), Failure> {
        let fact = asked_fact(&event.body);
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
        let deed = Deed {
            fact: Some(fact),
            division: event.body.residence.or(event.body.domicile),
            ..Deed::named("FollowDeath")
        };
        desk.settle(uow, deed).await?;
        Ok(())
    }
}
