//! `EndGuardianship`: of an appointed guardian who lives; a death ends it by itself.

use jiff::civil::Date;
use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::seam::{Command, Failure, UnitOfWork};
use minzheng_proto::child_welfare::v1 as pb;
use uuid::Uuid;

use super::command::{OfChild, nothing};

/// Ends a guardianship.
#[derive(Debug)]
pub struct EndGuardianship {
    /// The child.
    pub of: OfChild,
    /// The guardian.
    pub guardian_id: Uuid,
    /// The first day after it.
    pub until: Date,
}

impl Command for EndGuardianship {
    const NAME: &'static str = "ChildWelfareService/EndGuardianship";
    type Asked = ();
    type Answer = pb::EndGuardianshipResponse;

    async fn ask(&self, cx: &Context, caller: &Caller) -> Result<(), Failure> {
        nothing(cx, caller).await
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<Self::Answer, Failure> {
        let guardian = self.guardian_id;
        let of = &self.of;
        let child = of.change(
            uow,
            "EndGuardianship",
            guardian,
            |child, people, at, ids| {
                let guardian_id = people.fact(guardian).person_id;
                child.end_guardianship(guardian_id, self.until, at, ids)
            },
        );
        Ok(Self::Answer {
            child: Some(child.await?),
        })
    }
}
