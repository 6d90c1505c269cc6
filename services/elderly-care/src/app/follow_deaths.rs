//! A fact about somebody's death: bed, stay and place in the queue become what it demands, and its
//! questions are answered.

use std::collections::BTreeSet;

use minzheng_chassis::context::Context;
use minzheng_chassis::inbox::{Event, SetReaction};
use minzheng_chassis::person::Fact;
use minzheng_chassis::receipt::FactRef;
use minzheng_chassis::seam::{Failure, UnitOfWork};
use uuid::Uuid;

use super::desk::Papers;
use super::people::death_fact;
use super::receipts;
use crate::storage::load::{Named, named_of};

/// Hears all five facts. Of all those who neither live nor wait anywhere it costs one select.
#[derive(Debug)]
pub struct FollowDeaths;

/// Those of the persons of some facts who live or wait somewhere. What one fact changes names nobody
/// anew: beds are offered to those who wait already, and whoever else names one of these persons
/// waits for the guard row.
#[derive(Debug)]
pub struct Residents(BTreeSet<Uuid>);

impl SetReaction<Fact> for FollowDeaths {
    type Asked = ();
    type Set = Residents;

    async fn ask(&self, _cx: &Context, _event: &Event<Fact>) -> Result<(), Failure> {
        Ok(())
    }

    async fn load(
        &self,
        uow: &mut UnitOfWork,
        events: &[&Event<Fact>],
    ) -> Result<Residents, Failure> {
        let people: BTreeSet<Uuid> = events.iter().map(|event| event.body.person_id).collect();
        let people: Vec<Uuid> = people.into_iter().collect();
        Ok(Residents(named_of(uow.connection(), &people).await?))
    }

    async fn apply(
        &self,
        uow: &mut UnitOfWork,
        event: &Event<Fact>,
        _asked: &(),
        Residents(residents): &mut Residents,
    ) -> Result<(), Failure> {
        let fact = &event.body;
        let papers = if residents.contains(&fact.person_id) {
            let named = Named {
                people: vec![fact.person_id],
                ..Named::default()
            };
            Papers::take(uow, &named).await?
        } else {
            Papers::blank(uow)?
        };
        let heard = death_fact(fact);
        let decided = papers
            .decide(uow, "FollowDeaths", |desk| desk.hear(&heard))
            .await?;
        let division = papers.division().or(fact.residence).or(fact.domicile);
        let (answers, items) = (&decided.outcome, &decided.items);
        receipts::answer(uow, FactRef::from(fact), answers, items, division).await
    }

    async fn save(&self, _uow: &mut UnitOfWork, _residents: Residents) -> Result<(), Failure> {
        Ok(())
    }
}
