//! The two kinds of work items, completed through `minzheng.work.v1`.
//!
//! The answers of the deaths that waited for an item are given here, from the rows that keep them;
//! afterwards the item answers no question any more, so that none is answered twice.

use async_trait::async_trait;
use minzheng_chassis::seam::{Failure, UnitOfWork};
use minzheng_chassis::work::{WorkItem, WorkKind};

use super::desk::{Desk, Ids};
use super::settle::Deed;
use crate::domain::{Change, Child, ChildWelfareError, ItemKind, Moment, VisitOutcome};
use crate::storage::children;

/// Somebody goes and looks after a child.
pub struct ChildVisit;

#[async_trait]
impl WorkKind for ChildVisit {
    fn name(&self) -> &'static str {
        ItemKind::ChildVisit.code()
    }

    fn outcomes(&self) -> &'static [&'static str] {
        ItemKind::ChildVisit.outcomes()
    }

    async fn completed(
        &self,
        uow: &mut UnitOfWork,
        item: &WorkItem,
        outcome: &str,
    ) -> Result<(), Failure> {
        let outcome: VisitOutcome = outcome.parse().map_err(Failure::internal)?;
        complete(uow, item, "CompleteVisit", |child, at, ids| {
            child.complete_visit(item.id, outcome, at, ids)
        })
        .await
    }
}

/// Somebody determines a month; completed as a work item, it says that none is needed.
pub struct DetermineMonth;

#[async_trait]
impl WorkKind for DetermineMonth {
    fn name(&self) -> &'static str {
        ItemKind::DetermineMonth.code()
    }

    fn outcomes(&self) -> &'static [&'static str] {
        ItemKind::DetermineMonth.outcomes()
    }

    async fn completed(
        &self,
        uow: &mut UnitOfWork,
        item: &WorkItem,
        _outcome: &str,
    ) -> Result<(), Failure> {
        complete(uow, item, "DetermineStartMonth", |child, at, ids| {
            child.determine_start_month(None, at, ids)
        })
        .await
    }
}

/// The item's row is locked already, so no guard row is taken: the child's version is enough, since
/// nobody but the child is named.
async fn complete(
    uow: &mut UnitOfWork,
    item: &WorkItem,
    action: &'static str,
    change: impl FnOnce(&mut Child, &Moment, Ids<'_>) -> Result<Change, ChildWelfareError> + Send,
) -> Result<(), Failure> {
    let found = children::of_ids(uow.connection(), &[item.subject_id]).await?;
    let mut desk = Desk::with(found);
    desk.change(uow, item.subject_id, change).await?;
    desk.settle(uow, Deed::named(action)).await?;
    Ok(())
}
