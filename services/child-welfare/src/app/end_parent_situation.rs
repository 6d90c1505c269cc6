//! `EndParentSituation`: released, recovered, found again.

use jiff::civil::Date;
use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::seam::{Command, Failure, UnitOfWork};
use minzheng_proto::child_welfare::v1 as pb;
use uuid::Uuid;

use super::command::{OfChild, nothing};
use crate::domain::ParentSituationKind;

/// Ends a situation of one parent.
#[derive(Debug)]
pub struct EndParentSituation {
    /// The child.
    pub of: OfChild,
    /// The parent.
    pub parent_id: Uuid,
    /// Which situation.
    pub kind: ParentSituationKind,
    /// The day from which it is over.
    pub ended_on: Date,
}

impl Command for EndParentSituation {
    const NAME: &'static str = "ChildWelfareService/EndParentSituation";
    type Asked = ();
    type Answer = pb::EndParentSituationResponse;

    async fn ask(&self, cx: &Context, caller: &Caller) -> Result<(), Failure> {
        nothing(cx, caller).await
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<Self::Answer, Failure> {
        let parent = self.parent_id;
        let of = &self.of;
        let child = of.change(
            uow,
            "EndParentSituation",
            parent,
            |child, people, at, ids| {
                let parent_id = people.fact(parent).person_id;
                child.end_parent_situation(parent_id, self.kind, self.ended_on, at, ids)
            },
        );
        Ok(Self::Answer {
            child: Some(child.await?),
        })
    }
}
