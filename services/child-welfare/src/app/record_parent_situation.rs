//! `RecordParentSituation`: prison, illness, out of contact …; the child is derived again.

use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::seam::{Command, Failure, UnitOfWork};
use minzheng_proto::child_welfare::v1 as pb;
use uuid::Uuid;

use super::command::{OfChild, nothing};
use crate::domain::SituationRecord;

/// Records a situation of one parent.
#[derive(Debug)]
pub struct RecordParentSituation {
    /// The child.
    pub of: OfChild,
    /// The parent.
    pub parent_id: Uuid,
    /// The situation.
    pub record: SituationRecord,
}

impl Command for RecordParentSituation {
    const NAME: &'static str = "ChildWelfareService/RecordParentSituation";
    type Asked = ();
    type Answer = pb::RecordParentSituationResponse;

    async fn ask(&self, cx: &Context, caller: &Caller) -> Result<(), Failure> {
        nothing(cx, caller).await
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<Self::Answer, Failure> {
        let parent = self.parent_id;
        let of = &self.of;
        let child = of.change(
            uow,
            "RecordParentSituation",
            parent,
            |child, people, at, ids| {
                let parent_id = people.fact(parent).person_id;
                child.record_parent_situation(parent_id, self.record.clone(), at, ids)
            },
        );
        Ok(Self::Answer {
            child: Some(child.await?),
        })
    }
}
