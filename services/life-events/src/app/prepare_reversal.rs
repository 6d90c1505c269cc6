//! Preparing the reversal of a death that did not happen.

use minzheng_chassis::authz::Caller;
use minzheng_chassis::civil::PartialDate;
use minzheng_chassis::context::Context;
use minzheng_chassis::seam::{Command, Failure, NothingAsked, UnitOfWork};
use minzheng_proto::life_events::v1 as pb;

use super::desk::{Entry, Target, handle};
use super::show;
use crate::domain::death::{Input, ReversalRequest};

/// Prepares a reversal; another official approves it.
pub struct PrepareReversal {
    /// The case.
    pub target: Target,
    /// Why; no personal data.
    pub reason: String,
    /// Day of the court's revoking judgment, for a declared death.
    pub revoked_on: Option<PartialDate>,
}

impl Command for PrepareReversal {
    const NAME: &'static str = "DeathCaseService/PrepareReversal";
    type Asked = NothingAsked;
    type Answer = pb::PrepareReversalResponse;

    async fn ask(&self, _cx: &Context, _caller: &Caller) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<Self::Answer, Failure> {
        let stored = self.target.load(uow).await?;
        let request = ReversalRequest {
            id: uow.new_id(),
            prepared_by: uow.caller().subject.clone(),
            reason: self.reason.clone(),
            revoked_on: self.revoked_on,
        };
        let entry = Entry::of("PrepareReversal")
            .with("reversal", request.id)
            .with("reason", &self.reason);
        let stored = handle(uow, entry, stored, &Input::ReversalPrepared(request)).await?;
        let case = Some(show::whole(&stored, uow.caller()));
        Ok(pb::PrepareReversalResponse { case })
    }
}
