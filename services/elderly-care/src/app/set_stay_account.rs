//! Recording what is owed on a stay; zero settles one that awaits its settlement.

use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::seam::{Command, Failure, NothingAsked, UnitOfWork};
use minzheng_proto::elderly_care::v1 as pb;
use uuid::Uuid;

use super::desk::Papers;
use super::show;
use crate::storage::find;
use crate::storage::load::Named;

/// Records what is owed.
#[derive(Debug)]
pub struct SetStayAccount {
    /// The stay.
    pub stay_id: Uuid,
    /// Version that it is based on.
    pub etag: String,
    /// Owed by the resident (positive) or to the resident (negative), in fen.
    pub owed_fen: i64,
}

impl Command for SetStayAccount {
    const NAME: &'static str = "ElderlyCareService/SetStayAccount";
    type Asked = NothingAsked;
    type Answer = pb::SetStayAccountResponse;

    async fn ask(&self, _cx: &Context, _caller: &Caller) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<Self::Answer, Failure> {
        let stay = find::stay(uow.connection(), uow.caller(), self.stay_id).await?;
        uow.know(stay.of.person_id).await?;
        let named = Named {
            facility: Some(stay.of.facility_id),
            stay: Some(self.stay_id),
            ..Named::default()
        };
        let papers = Papers::take(uow, &named).await?;
        papers.expect_etag(self.stay_id, &self.etag)?;
        papers
            .decide(uow, "SetStayAccount", |desk| {
                desk.set_stay_account(self.stay_id, self.owed_fen)
            })
            .await?;
        let stay = find::stay(uow.connection(), uow.caller(), self.stay_id).await?;
        Ok(pb::SetStayAccountResponse {
            stay: Some(show::stay(&stay)?),
        })
    }
}
