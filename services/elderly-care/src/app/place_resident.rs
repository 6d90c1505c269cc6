//! Placing a person in a free bed.

use jiff::civil::Date;
use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::seam::{Command, Failure, UnitOfWork};
use minzheng_proto::elderly_care::v1 as pb;
use uuid::Uuid;

use super::desk::Papers;
use super::people::{Who, known};
use super::show;
use crate::storage::find;
use crate::storage::load::Named;

/// Places a person.
#[derive(Debug)]
pub struct PlaceResident {
    /// The bed.
    pub bed_id: Uuid,
    /// Version that it is based on.
    pub etag: String,
    /// Who.
    pub who: Who,
    /// First day; today if not given.
    pub first_day: Option<Date>,
}

impl Command for PlaceResident {
    const NAME: &'static str = "ElderlyCareService/PlaceResident";
    type Asked = Uuid;
    type Answer = pb::PlaceResidentResponse;

    async fn ask(&self, cx: &Context, caller: &Caller) -> Result<Uuid, Failure> {
        self.who.ask(cx, caller).await
    }

    async fn apply(&self, uow: &mut UnitOfWork, asked: &Uuid) -> Result<Self::Answer, Failure> {
        let who = known(&uow.know(*asked).await?)?;
        let bed = find::bed(uow.connection(), uow.caller(), self.bed_id).await?;
        let named = Named {
            people: vec![who.person_id],
            facility: Some(bed.of.facility_id),
            bed: Some(self.bed_id),
            ..Named::default()
        };
        let papers = Papers::take(uow, &named).await?;
        papers.expect_etag(self.bed_id, &self.etag)?;
        let first_day = self.first_day.unwrap_or(uow.today());
        let decided = papers
            .decide(uow, "PlaceResident", |desk| {
                desk.place_resident(&who, self.bed_id, first_day)
            })
            .await?;
        let stay = find::stay(uow.connection(), uow.caller(), decided.outcome).await?;
        Ok(pb::PlaceResidentResponse {
            stay: Some(show::stay(&stay)?),
        })
    }
}
