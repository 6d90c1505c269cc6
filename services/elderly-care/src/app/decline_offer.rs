//! Declining an offer: the bed goes to the next.

use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::seam::{Command, Failure, NothingAsked, UnitOfWork};
use minzheng_proto::elderly_care::v1 as pb;
use uuid::Uuid;

use super::desk::Papers;
use super::show;
use crate::storage::find;
use crate::storage::load::Named;

/// Declines an offer.
#[derive(Debug)]
pub struct DeclineOffer {
    /// The offer.
    pub offer_id: Uuid,
    /// Version that it is based on.
    pub etag: String,
}

impl Command for DeclineOffer {
    const NAME: &'static str = "ElderlyCareService/DeclineOffer";
    type Asked = NothingAsked;
    type Answer = pb::DeclineOfferResponse;

    async fn ask(&self, _cx: &Context, _caller: &Caller) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<Self::Answer, Failure> {
        let offer = find::offer(uow.connection(), uow.caller(), self.offer_id).await?;
        uow.know(offer.of.person_id).await?;
        let named = Named {
            facility: Some(offer.of.facility_id),
            offer: Some(self.offer_id),
            ..Named::default()
        };
        let papers = Papers::take(uow, &named).await?;
        papers.expect_etag(self.offer_id, &self.etag)?;
        papers
            .decide(uow, "DeclineOffer", |desk| {
                desk.decline_offer(self.offer_id)
            })
            .await?;
        let offer = find::offer(uow.connection(), uow.caller(), self.offer_id).await?;
        Ok(pb::DeclineOfferResponse {
            offer: Some(show::offer(&offer)),
        })
    }
}
