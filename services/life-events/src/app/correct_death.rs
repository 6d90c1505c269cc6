//! Correcting the date of a confirmed death.

use minzheng_chassis::authz::Caller;
use minzheng_chassis::civil::PartialDate;
use minzheng_chassis::context::Context;
use minzheng_chassis::seam::{Command, Failure, NothingAsked, UnitOfWork};
use minzheng_proto::life_events::v1 as pb;

use super::desk::{Entry, Target, handle};
use super::show;
use crate::domain::death::{Cause, CorrectionCause, Input, Ruling};

/// Corrects the date.
pub struct CorrectDeath {
    /// The case.
    pub target: Target,
    /// The right date.
    pub died_on: PartialDate,
    /// Why it was wrong.
    pub cause: CorrectionCause,
    /// The document that says so; no personal data.
    pub reason: String,
}

impl Command for CorrectDeath {
    const NAME: &'static str = "DeathCaseService/CorrectDeath";
    type Asked = NothingAsked;
    type Answer = pb::CorrectDeathResponse;

    async fn ask(&self, _cx: &Context, _caller: &Caller) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<Self::Answer, Failure> {
        let stored = self.target.load(uow).await?;
        let entry = Entry::of("CorrectDeath")
            .with("cause", Cause::from(self.cause).name())
            .with("reason", &self.reason);
        let input = Input::Corrected {
            died_on: self.died_on,
            cause: self.cause,
            ruling: Ruling {
                by: uow.caller().subject.clone(),
                reason: self.reason.clone(),
            },
        };
        let stored = handle(uow, entry, stored, &input).await?;
        let case = Some(show::whole(&stored, uow.caller()));
        Ok(pb::CorrectDeathResponse { case })
    }
}
