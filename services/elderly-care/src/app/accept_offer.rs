//! Accepting an offer: the stay begins.

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

/// Accepts an offer.
#[derive(Debug)]
pub struct AcceptOffer {
    /// The offer.
    pub offer_id: Uuid,
    /// Version that it is based on.
    pub etag: String,
    /// First day; today if not given.
    pub first_day: Option<Date>,
}

impl Command for AcceptOffer {
    const NAME: &'static str = "ElderlyCareService/AcceptOffer";
    type Asked = NothingAsked;
    type Answer = pb::AcceptOfferResponse;

    async fn ask(&self, _cx: &Context, _caller: &Caller) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<Self::Answer, Failure> {
        let offer = find::offer(uow.connection(), uow.caller(), self.offer_id).await?;
        let who = known(&uow.know(offer.of.person_id).await?)?;
        let named = Named {
            people: vec![who.person_id],
            facility: Some(offer.of.facility_id),
            offer: Some(self.offer_id),
            ..Named::default()
        };
        let papers = Papers::take(uow, &named).await?;
        papers.expect_etag(self.offer_id, &self.etag)?;
        let first_day = self.first_day.unwrap_or(uow.today());
        let decided = papers
            .decide(uow, "AcceptOffer", |desk| {
                desk.accept_offer(&who, self.offer_id, first_day)
            })
            .await?;
        let offer = find::offer(uow.connection(), uow.caller(), self.offer_id).await?;
        let stay = find::stay(uow.connection(), uow.caller(), decided.outcome).await?;
        Ok(pb::AcceptOfferResponse {
            offer: Some(show::offer(&offer)),
            stay: Some(show::stay(&stay)?),
        })
    }
}
