//! The deadline of a verification: what a suspicion held is free again.

use async_trait::async_trait;
use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::seam::{Command, Failure, NothingAsked, UnitOfWork};
use minzheng_chassis::timer::Timer;
use uuid::Uuid;

use super::desk::{Entry, handle_if_any};
use crate::domain::death::Input;
use crate::storage::due;

/// Fires where a verification's deadline has passed.
pub struct VerificationDeadline;

#[async_trait]
impl Timer for VerificationDeadline {
    fn name(&self) -> &'static str {
        "life-events.lapse-verification"
    }

    async fn due(&self, cx: &Context, limit: u64) -> Result<Vec<Uuid>, Failure> {
        due::verifications(cx.db().reader(), cx.now(), limit).await
    }

    async fn fire(&self, cx: &Context, id: Uuid) -> Result<(), Failure> {
        cx.run(cx.itself(), None, LapseVerification(id)).await
    }
}

/// Lets the verification of a case lapse, if it is due.
struct LapseVerification(Uuid);

impl Command for LapseVerification {
    const NAME: &'static str = "life-events.lapse-verification";
    type Asked = NothingAsked;
    type Answer = ();

    async fn ask(&self, _cx: &Context, _caller: &Caller) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<(), Failure> {
        let entry = Entry::of("LapseVerification");
        handle_if_any(uow, entry, self.0, &Input::VerificationLapsed).await
    }
}
