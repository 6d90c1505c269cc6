//! `RecordCarerAbility`: whether a grandparent, sibling or guardian can care, as a visit found.

use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::seam::{Command, Failure, UnitOfWork};
use minzheng_proto::child_welfare::v1 as pb;
use uuid::Uuid;

use super::command::{OfChild, nothing};

/// Records whether somebody can care.
#[derive(Debug)]
pub struct RecordCarerAbility {
    /// The child.
    pub of: OfChild,
    /// The grandparent, sibling or guardian.
    pub carer_id: Uuid,
    /// Whether the person can.
    pub able: bool,
}

impl Command for RecordCarerAbility {
    const NAME: &'static str = "ChildWelfareService/RecordCarerAbility";
    type Asked = ();
    type Answer = pb::RecordCarerAbilityResponse;

    async fn ask(&self, cx: &Context, caller: &Caller) -> Result<(), Failure> {
        nothing(cx, caller).await
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<Self::Answer, Failure> {
        let carer = self.carer_id;
        let of = &self.of;
        let child = of.change(
            uow,
            "RecordCarerAbility",
            carer,
            |child, people, at, ids| {
                let carer_id = people.fact(carer).person_id;
                child.record_carer_ability(carer_id, self.able, at, ids)
            },
        );
        Ok(Self::Answer {
            child: Some(child.await?),
        })
    }
}
