//! Taking a person off a waiting list.

use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::seam::{Command, Failure, NothingAsked, UnitOfWork};
use minzheng_proto::elderly_care::v1 as pb;
use uuid::Uuid;

use super::desk::Papers;
use super::show;
use crate::storage::find;
use crate::storage::load::Named;

/// Takes a person off a list.
#[derive(Debug)]
pub struct WithdrawFromWaitingList {
    /// The entry.
    pub entry_id: Uuid,
    /// Version that it is based on.
    pub etag: String,
}

impl Command for WithdrawFromWaitingList {
    const NAME: &'static str = "ElderlyCareService/WithdrawFromWaitingList";
    type Asked = NothingAsked;
    type Answer = pb::WithdrawFromWaitingListResponse;

    async fn ask(&self, _cx: &Context, _caller: &Caller) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<Self::Answer, Failure> {
        let entry = find::entry(uow.connection(), uow.caller(), self.entry_id).await?;
        let who = uow.know(entry.of.person_id).await?;
        let named = Named {
            people: vec![who.person_id],
            facility: Some(entry.of.facility_id),
            entry: Some(self.entry_id),
            ..Named::default()
        };
        let papers = Papers::take(uow, &named).await?;
        papers.expect_etag(self.entry_id, &self.etag)?;
        papers
            .decide(uow, "WithdrawFromWaitingList", |desk| {
                desk.withdraw_from_waiting_list(self.entry_id)
            })
            .await?;
        let entry = find::entry(uow.connection(), uow.caller(), self.entry_id).await?;
        Ok(pb::WithdrawFromWaitingListResponse {
            entry: Some(show::entry(&entry)),
        })
    }
}
