//! Ending the stay of a resident who leaves alive.

use jiff::civil::Date;
use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::seam::{Command, Failure, NothingAsked, UnitOfWork};
use minzheng_proto::elderly_care::v1 as pb;
use uuid::Uuid;

use super::desk::Papers;
use super::people::known;
use super::show;
use crate::storage::find;
use crate::storage::load::Named;

/// Ends a stay.
#[derive(Debug)]
pub struct EndStay {
    /// The stay.
    pub stay_id: Uuid,
    /// Version that it is based on.
    pub etag: String,
    /// Last day; today if not given.
    pub last_day: Option<Date>,
}

impl Command for EndStay {
    const NAME: &'static str = "ElderlyCareService/EndStay";
    type Asked = NothingAsked;
    type Answer = pb::EndStayResponse;

    async fn ask(&self, _cx: &Context, _caller: &Caller) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<Self::Answer, Failure> {
        let stay = find::stay(uow.connection(), uow.caller(), self.stay_id).await?;
        let who = known(&uow.know(stay.of.person_id).await?)?;
        let named = Named {
            people: vec![who.person_id],
            facility: Some(stay.of.facility_id),
            stay: Some(self.stay_id),
            ..Named::default()
        };
        let papers = Papers::take(uow, &named).await?;
        papers.expect_etag(self.stay_id, &self.etag)?;
        let last_day = self.last_day.unwrap_or(uow.today());
        papers
            .decide(uow, "EndStay", |desk| {
                desk.end_stay(&who, self.stay_id, last_day)
            })
            .await?;
        let stay = find::stay(uow.connection(), uow.caller(), self.stay_id).await?;
        Ok(pb::EndStayResponse {
            stay: Some(show::stay(&stay)?),
        })
    }
}
