//! The deadline of decisions: what nobody decided becomes urgent.

use async_trait::async_trait;
use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::seam::{Command, Failure, NothingAsked, UnitOfWork};
use minzheng_chassis::timer::Timer;
use uuid::Uuid;

use super::desk::{Entry, handle_if_any};
use crate::domain::death::Input;
use crate::storage::due;

/// Fires where a decision is overdue.
pub struct DecisionDeadline;

#[async_trait]
impl Timer for DecisionDeadline {
    fn name(&self) -> &'static str {
        "life-events.escalate-decisions"
    }

    async fn due(&self, cx: &Context, limit: u64) -> Result<Vec<Uuid>, Failure> {
        due::decisions(cx.db().reader(), cx.now(), limit).await
    }

    async fn fire(&self, cx: &Context, id: Uuid) -> Result<(), Failure> {
        cx.run(cx.itself(), None, EscalateDecisions(id)).await
    }
}

/// Makes the overdue decisions of a case urgent.
struct EscalateDecisions(Uuid);

impl Command for EscalateDecisions {
    const NAME: &'static str = "life-events.escalate-decisions";
    type Asked = NothingAsked;
    type Answer = ();

    async fn ask(&self, _cx: &Context, _caller: &Caller) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<(), Failure> {
        let entry = Entry::of("EscalateDecisions");
        handle_if_any(uow, entry, self.0, &Input::DecisionsOverdue).await
    }
}
