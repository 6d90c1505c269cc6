//! Approving a prepared reversal, or turning it down.

use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::seam::{Command, Failure, NothingAsked, UnitOfWork};
use minzheng_proto::life_events::v1 as pb;
use uuid::Uuid;

use super::desk::{Entry, Target, handle};
use super::show;
use crate::domain::death::{Input, ReversalDecision};

/// Decides a prepared reversal; refused to the one who prepared it.
pub struct ApproveReversal {
    /// The case.
    pub target: Target,
    /// The pending reversal.
    pub reversal_id: Uuid,
    /// Approved, or turned down.
    pub approved: bool,
}

impl Command for ApproveReversal {
    const NAME: &'static str = "DeathCaseService/ApproveReversal";
    type Asked = NothingAsked;
    type Answer = pb::ApproveReversalResponse;

    async fn ask(&self, _cx: &Context, _caller: &Caller) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<Self::Answer, Failure> {
        let stored = self.target.load(uow).await?;
        let decision = ReversalDecision {
            reversal_id: self.reversal_id,
            decided_by: uow.caller().subject.clone(),
            approved: self.approved,
        };
        let entry = Entry::of("ApproveReversal")
            .with("reversal", self.reversal_id)
            .with("approved", self.approved);
        let stored = handle(uow, entry, stored, &Input::ReversalDecided(decision)).await?;
        let case = Some(show::whole(&stored, uow.caller()));
        Ok(pb::ApproveReversalResponse { case })
    }
}
