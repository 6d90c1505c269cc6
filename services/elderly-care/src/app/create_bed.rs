//! Creating a bed; one that is free is offered at once.

use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::seam::{Command, Failure, NothingAsked, UnitOfWork};
use minzheng_proto::elderly_care::v1 as pb;
use uuid::Uuid;

use super::desk::Papers;
use super::refusal::label_taken;
use super::show;
use crate::domain::BedState;
use crate::storage::find;
use crate::storage::load::Named;

/// Creates a bed.
#[derive(Debug)]
pub struct CreateBed {
    /// Its facility.
    pub facility_id: Uuid,
    /// Label.
    pub label: String,
    /// Planned or free.
    pub state: BedState,
}

impl Command for CreateBed {
    const NAME: &'static str = "ElderlyCareService/CreateBed";
    type Asked = NothingAsked;
    type Answer = pb::CreateBedResponse;

    async fn ask(&self, _cx: &Context, _caller: &Caller) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<Self::Answer, Failure> {
        let facility = find::facility(uow.connection(), uow.caller(), self.facility_id).await?;
        let named = Named {
            facility: Some(facility.of.id),
            ..Named::default()
        };
        let papers = Papers::take(uow, &named).await?;
        let label = self.label.trim();
        if find::label_is_taken(uow.connection(), facility.of.id, label).await? {
            return Err(label_taken().into());
        }
        let decided = papers
            .decide(uow, "CreateBed", |desk| {
                desk.add_bed(facility.of.id, label, self.state)
            })
            .await?;
        let bed = show::bed_by_id(uow.connection(), uow.caller(), decided.outcome).await?;
        Ok(pb::CreateBedResponse { bed: Some(bed) })
    }
}
