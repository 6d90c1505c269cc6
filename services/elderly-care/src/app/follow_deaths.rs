//! A fact about somebody's death: bed, stay and place in the queue become what it demands, and its
//! questions are answered.

use minzheng_chassis::context::Context;
use minzheng_chassis::inbox::{Event, Reaction};
use minzheng_chassis::person::Fact;
use minzheng_chassis::receipt::FactRef;
use minzheng_chassis::seam::{Failure, UnitOfWork};

use super::desk::Papers;
use super::people::death_fact;
use super::receipts;
use crate::storage::load::Named;

/// Hears all five facts. Of somebody who neither lives nor waits anywhere it costs one select.
#[derive(Debug)]
pub struct FollowDeaths;

impl Reaction<Fact> for FollowDeaths {
    type Asked = ();

    async fn ask(&self, _cx: &Context, _event: &Event<Fact>) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(
        &self,
        uow: &mut UnitOfWork,
        event: &Event<Fact>,
        _asked: &(),
    ) -> Result<(), Failure> {
        let fact = &event.body;
        let named = Named {
            people: vec![fact.person_id],
            ..Named::default()
        };
        let papers = Papers::take(uow, &named).await?;
        let heard = death_fact(fact);
        let decided = papers
            .decide(uow, "FollowDeaths", |desk| desk.hear(&heard))
            .await?;
        let division = papers.division().or(fact.residence).or(fact.domicile);
        let (answers, items) = (&decided.outcome, &decided.items);
        receipts::answer(uow, FactRef::from(fact), answers, items, division).await
    }
}
