//! Claiming and completing.

use minzheng_proto::work::v1 as pb;
use uuid::Uuid;

use super::question::{answer_done, questions};
use super::types::WorkItem;
use super::{change, table};
use crate::authz::Caller;
use crate::context::Context;
use crate::grpc::etag;
use crate::problem::{Kind, Problem};
use crate::seam::{Command, Failure, UnitOfWork};

/// Takes an item for the caller.
pub(super) struct Claim {
    pub(super) id: Uuid,
    pub(super) etag: String,
}

impl Command for Claim {
    const NAME: &'static str = "WorkService/ClaimWorkItem";
    type Asked = ();
    type Answer = pb::ClaimWorkItemResponse;

    async fn ask(&self, _cx: &Context, _caller: &Caller) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<Self::Answer, Failure> {
        let item = load(uow, self.id).await?;
        etag::expect(&self.etag, item.version)?;
        require_open(&item)?;
        if item
            .claimed_by
            .as_deref()
            .is_some_and(|by| by != uow.caller().subject)
        {
            return Err(Problem::new(
                Kind::FailedPrecondition,
                "CLAIMED_BY_ANOTHER",
                "somebody else has taken this item",
                "该待办已被他人领取",
            )
            .into());
        }
        change::claim(uow, &item).await?;
        Ok(pb::ClaimWorkItemResponse {
            item: Some(show(uow, self.id).await?),
        })
    }
}

/// Closes an item, lets the service act, and answers the questions that waited for it.
pub(super) struct Complete {
    pub(super) id: Uuid,
    pub(super) etag: String,
    pub(super) outcome: String,
    /// Kept in the audit record; up to 500 characters, no personal data.
    pub(super) note: String,
}

/// Characters of a note.
const NOTE_AT_MOST: usize = 500;

impl Command for Complete {
    const NAME: &'static str = "WorkService/CompleteWorkItem";
    type Asked = ();
    type Answer = pb::CompleteWorkItemResponse;

    async fn ask(&self, _cx: &Context, _caller: &Caller) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<Self::Answer, Failure> {
        if self.note.chars().count() > NOTE_AT_MOST {
            return Err(Problem::field(
                "note",
                "NOTE_TOO_LONG",
                format!("at most {NOTE_AT_MOST} characters"),
                format!("备注最多 {NOTE_AT_MOST} 字"),
            )
            .into());
        }
        let item = load(uow, self.id).await?;
        etag::expect(&self.etag, item.version)?;
        require_open(&item)?;
        let kind = uow.context().module().work_kind(&item.kind).cloned();
        let kind = kind
            .ok_or_else(|| Failure::internal(format!("no work kind {} is declared", item.kind)))?;
        if !kind.outcomes().contains(&self.outcome.as_str()) {
            return Err(Problem::field(
                "outcome",
                "OUTCOME_INVALID",
                format!("must be one of {:?}", kind.outcomes()),
                "办理结果不在可选范围内",
            )
            .into());
        }
        change::complete(uow, &item, &self.outcome, &self.note).await?;
        kind.completed(uow, &item, &self.outcome).await?;
        for question in questions(uow.connection(), item.id).await? {
            answer_done(uow, &question, Some(item.division))?;
        }
        Ok(pb::CompleteWorkItemResponse {
            item: Some(show(uow, self.id).await?),
        })
    }
}

fn require_open(item: &WorkItem) -> Result<(), Problem> {
    if item.state.is_open() {
        return Ok(());
    }
    Err(Problem::new(
        Kind::FailedPrecondition,
        "WORK_ITEM_CLOSED",
        "this item is closed",
        "该待办已办结",
    ))
}

/// An item that the caller may see and do.
async fn load(uow: &UnitOfWork, id: Uuid) -> Result<WorkItem, Failure> {
    let item = table::find(uow.connection(), id).await?;
    let item = item.filter(|item| uow.caller().sees(item.division));
    let item = item.ok_or_else(|| Problem::not_found("work item", "待办"))?;
    if !uow.caller().has(item.role) && !uow.caller().has(crate::authz::Role::ProvincialOperator) {
        return Err(Problem::new(
            Kind::PermissionDenied,
            "ROLE_REQUIRED",
            format!("this item is for the role {}", item.role),
            "您的角色无权办理该待办",
        )
        .into());
    }
    Ok(item)
}

async fn show(uow: &UnitOfWork, id: Uuid) -> Result<pb::WorkItem, Failure> {
    let item = table::find(uow.connection(), id).await?;
    let item = item.ok_or_else(|| Failure::internal("the work item is gone"))?;
    let outcomes = uow
        .context()
        .module()
        .work_kind(&item.kind)
        .map_or(&[][..], |kind| kind.outcomes());
    Ok(item.to_wire(uow.context().name(), outcomes))
}
