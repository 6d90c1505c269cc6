//! The deadline of the departments' answers: somebody is told.

use async_trait::async_trait;
use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::seam::{Command, Failure, NothingAsked, UnitOfWork};
use minzheng_chassis::timer::Timer;
use uuid::Uuid;

use super::desk::{Entry, handle_if_any};
use crate::domain::death::Input;
use crate::storage::due;

/// Fires where an answer is overdue.
pub struct AnswerDeadline;

#[async_trait]
impl Timer for AnswerDeadline {
    fn name(&self) -> &'static str {
        "life-events.escalate-answers"
    }

    async fn due(&self, cx: &Context, limit: u64) -> Result<Vec<Uuid>, Failure> {
        due::answers(cx.db().reader(), cx.now(), limit).await
    }

    async fn fire(&self, cx: &Context, id: Uuid) -> Result<(), Failure> {
        cx.run(cx.itself(), None, EscalateAnswers(id)).await
    }
}

/// Tells somebody of the overdue answers of a case.
struct EscalateAnswers(Uuid);

impl Command for EscalateAnswers {
    const NAME: &'static str = "life-events.escalate-answers";
    type Asked = NothingAsked;
    type Answer = ();

    async fn ask(&self, _cx: &Context, _caller: &Caller) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<(), Failure> {
        let entry = Entry::of("EscalateAnswers");
        handle_if_any(uow, entry, self.0, &Input::AnswersOverdue).await
    }
}
