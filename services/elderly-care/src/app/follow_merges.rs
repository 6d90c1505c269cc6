//! A provisional record turned out to be somebody known: its stay and its places in queues are the
//! survivor's.

use minzheng_chassis::context::Context;
use minzheng_chassis::convert;
use minzheng_chassis::inbox::{Event, Reaction};
use minzheng_chassis::receipt::FactRef;
use minzheng_chassis::seam::{Failure, UnitOfWork};
use minzheng_proto::residents::v1::PersonMerged;
use uuid::Uuid;

use super::desk::Papers;
use super::people::known;
use super::receipts;
use crate::storage::load::Named;

/// Hears of merged records.
#[derive(Debug)]
pub struct FollowMerges;

impl Reaction<PersonMerged> for FollowMerges {
    type Asked = ();

    fn persons(&self, event: &Event<PersonMerged>) -> Vec<Uuid> {
        named(event).map_or_else(|_| Vec::new(), |(gone, survivor)| vec![gone, survivor])
    }

    async fn ask(&self, _cx: &Context, event: &Event<PersonMerged>) -> Result<(), Failure> {
        named(event)?;
        Ok(())
    }

    async fn apply(
        &self,
        uow: &mut UnitOfWork,
        event: &Event<PersonMerged>,
        _asked: &(),
    ) -> Result<(), Failure> {
        let (gone, survivor) = named(event)?;
        uow.merge_known(gone, survivor).await?;
        let survivor = uow.know(survivor).await?;
        let papers = Papers::take(
            uow,
            &Named {
                people: vec![gone, survivor.person_id],
                ..Named::default()
            },
        )
        .await?;
        let who = known(&survivor)?;
        let decided = papers
            .decide(uow, "FollowMerges", |desk| desk.merge(gone, &who))
            .await?;
        // What was answered of the survivor was answered without this stay.
        let Some(fact) = FactRef::latest(&survivor) else {
            return Ok(());
        };
        let (answers, items) = (&decided.outcome, &decided.items);
        receipts::answer(uow, fact, answers, items, papers.division()).await
    }
}

/// The record that goes, and the one that stays.
fn named(event: &Event<PersonMerged>) -> Result<(Uuid, Uuid), Failure> {
    let gone = convert::uuid("person_id", &event.body.person_id)?;
    let survivor = convert::uuid("into_person_id", &event.body.into_person_id)?;
    Ok((gone, survivor))
}
