//! Deciding whose date counts.

use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::seam::{Command, Failure, NothingAsked, UnitOfWork};
use minzheng_proto::life_events::v1 as pb;
use uuid::Uuid;

use super::desk::{Entry, Target, handle};
use super::show;
use crate::domain::death::Input;

/// Decides which of two contradicting pieces of evidence counts.
pub struct DecideConflict {
    /// The case.
    pub target: Target,
    /// The evidence that counts.
    pub evidence_id: Uuid,
    /// Why; no personal data.
    pub reason: String,
}

impl Command for DecideConflict {
    const NAME: &'static str = "DeathCaseService/DecideConflict";
    type Asked = NothingAsked;
    type Answer = pb::DecideConflictResponse;

    async fn ask(&self, _cx: &Context, _caller: &Caller) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<Self::Answer, Failure> {
        let stored = self.target.load(uow).await?;
        let entry = Entry::of("DecideConflict")
            .with("evidence", self.evidence_id)
            .with("reason", &self.reason);
        let input = Input::ConflictDecided {
            evidence_id: self.evidence_id,
        };
        let stored = handle(uow, entry, stored, &input).await?;
        let case = Some(show::whole(&stored, uow.caller()));
        Ok(pb::DecideConflictResponse { case })
    }
}
