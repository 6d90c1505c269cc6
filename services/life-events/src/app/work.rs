//! The kinds of work items: what a case waits for a person to do.

use async_trait::async_trait;
use minzheng_chassis::seam::{Failure, UnitOfWork};
use minzheng_chassis::work::{WorkItem, WorkKind};

use super::desk::{Entry, handle_if_any};
use crate::domain::death::{Input, ItemKind};

/// Somebody has spoken with the departments that are late.
const FOLLOWED_UP: &str = "followed-up";

/// One kind of work item. All but late answers end by the command that decides them.
pub struct CaseItem(pub ItemKind);

#[async_trait]
impl WorkKind for CaseItem {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn outcomes(&self) -> &'static [&'static str] {
        match self.0 {
            ItemKind::OverdueAnswer => &[FOLLOWED_UP],
            ItemKind::DecideReview
            | ItemKind::VerifyDeath
            | ItemKind::DecideConflict
            | ItemKind::ApproveReversal => &[],
        }
    }

    async fn completed(
        &self,
        uow: &mut UnitOfWork,
        item: &WorkItem,
        outcome: &str,
    ) -> Result<(), Failure> {
        let entry = Entry::of("CloseItem")
            .with("kind", self.0.name())
            .with("outcome", outcome);
        handle_if_any(uow, entry, item.subject_id, &Input::ItemClosed(self.0)).await
    }
}
