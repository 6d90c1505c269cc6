//! Taking a bed into use, under repair or out of use.

use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::seam::{Command, Failure, NothingAsked, UnitOfWork};
use minzheng_proto::elderly_care::v1 as pb;
use uuid::Uuid;

use super::desk::Papers;
use super::show;
use crate::domain::BedState;
use crate::storage::find;
use crate::storage::load::Named;

/// Sets the state of a bed.
#[derive(Debug)]
pub struct SetBedState {
    /// The bed.
    pub bed_id: Uuid,
    /// Version that it is based on.
    pub etag: String,
    /// Free, under repair or retired.
    pub state: BedState,
}

impl Command for SetBedState {
    const NAME: &'static str = "ElderlyCareService/SetBedState";
    type Asked = NothingAsked;
    type Answer = pb::SetBedStateResponse;

    async fn ask(&self, _cx: &Context, _caller: &Caller) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<Self::Answer, Failure> {
        let bed = find::bed(uow.connection(), uow.caller(), self.bed_id).await?;
        let named = Named {
            facility: Some(bed.of.facility_id),
            bed: Some(self.bed_id),
            ..Named::default()
        };
        let papers = Papers::take(uow, &named).await?;
        papers.expect_etag(self.bed_id, &self.etag)?;
        papers
            .decide(uow, "SetBedState", |desk| {
                desk.set_bed_state(self.bed_id, self.state)
            })
            .await?;
        let bed = show::bed_by_id(uow.connection(), uow.caller(), self.bed_id).await?;
        Ok(pb::SetBedStateResponse { bed: Some(bed) })
    }
}
