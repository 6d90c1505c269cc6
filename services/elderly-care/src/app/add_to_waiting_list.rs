//! Putting a person on a facility's waiting list; a free bed is offered at once.

use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::seam::{Command, Failure, UnitOfWork};
use minzheng_proto::elderly_care::v1 as pb;
use uuid::Uuid;

use super::desk::Papers;
use super::people::{Who, known};
use super::show;
use crate::domain::Rank;
use crate::storage::find;
use crate::storage::load::Named;

/// Puts a person on a list.
#[derive(Debug)]
pub struct AddToWaitingList {
    /// The facility.
    pub facility_id: Uuid,
    /// Who.
    pub who: Who,
    /// Need, 1 (most urgent) to 5.
    pub rank: Rank,
}

impl Command for AddToWaitingList {
    const NAME: &'static str = "ElderlyCareService/AddToWaitingList";
    type Asked = Uuid;
    type Answer = pb::AddToWaitingListResponse;

    async fn ask(&self, cx: &Context, caller: &Caller) -> Result<Uuid, Failure> {
        self.who.ask(cx, caller).await
    }

    async fn apply(&self, uow: &mut UnitOfWork, asked: &Uuid) -> Result<Self::Answer, Failure> {
        let who = known(&uow.know(*asked).await?)?;
        let facility = find::facility(uow.connection(), uow.caller(), self.facility_id).await?;
        let named = Named {
            people: vec![who.person_id],
            facility: Some(facility.of.id),
            ..Named::default()
        };
        let papers = Papers::take(uow, &named).await?;
        let decided = papers
            .decide(uow, "AddToWaitingList", |desk| {
                desk.add_to_waiting_list(&who, facility.of.id, self.rank)
            })
            .await?;
        let entry = find::entry(uow.connection(), uow.caller(), decided.outcome).await?;
        Ok(pb::AddToWaitingListResponse {
            entry: Some(show::entry(&entry)),
        })
    }
}
