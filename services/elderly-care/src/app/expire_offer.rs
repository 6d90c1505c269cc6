//! An offer whose time is over goes to the next.

use async_trait::async_trait;
use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::seam::{Command, Failure, NothingAsked, UnitOfWork};
use minzheng_chassis::timer::Timer;
use minzheng_proto::elderly_care::v1 as pb;
use uuid::Uuid;

use super::desk::Papers;
use super::show;
use crate::storage::load::Named;
use crate::storage::{find, list};

/// The deadline of offers: their column `expires_at`.
#[derive(Debug)]
pub struct OffersDue;

#[async_trait]
impl Timer for OffersDue {
    fn name(&self) -> &'static str {
        "expire-offers"
    }

    async fn due(&self, cx: &Context, limit: u64) -> Result<Vec<Uuid>, Failure> {
        list::offers_due(cx.db().reader(), cx.now(), limit).await
    }

    async fn fire(&self, cx: &Context, id: Uuid) -> Result<(), Failure> {
        let expired = cx.run(cx.itself(), None, ExpireOffer { offer_id: id });
        expired.await.map(|_| ())
    }
}

/// Lets an offer expire; one that is closed, or not yet due, stays as it is.
#[derive(Debug)]
struct ExpireOffer {
    offer_id: Uuid,
}

impl Command for ExpireOffer {
    const NAME: &'static str = "expire-offers";
    type Asked = NothingAsked;
    type Answer = pb::GetOfferResponse;

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
        papers
            .decide(uow, "ExpireOffer", |desk| desk.expire_offer(self.offer_id))
            .await?;
        let offer = find::offer(uow.connection(), uow.caller(), self.offer_id).await?;
        Ok(pb::GetOfferResponse {
            offer: Some(show::offer(&offer)),
        })
    }
}
