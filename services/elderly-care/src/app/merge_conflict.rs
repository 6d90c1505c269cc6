//! The work item that waits while two records turned out to be one person who lives or waits twice.

use async_trait::async_trait;
use minzheng_chassis::seam::{Failure, UnitOfWork};
use minzheng_chassis::work::{self, WorkItem};

use crate::domain::WorkKind;

/// Whoever closes it has looked: stays are ended and lists left by their own commands.
#[derive(Debug)]
pub struct MergeConflictItem;

#[async_trait]
impl work::WorkKind for MergeConflictItem {
    fn name(&self) -> &'static str {
        WorkKind::MergeConflict.name()
    }

    fn outcomes(&self) -> &'static [&'static str] {
        WorkKind::MergeConflict.outcomes()
    }

    async fn completed(
        &self,
        _uow: &mut UnitOfWork,
        _item: &WorkItem,
        _outcome: &str,
    ) -> Result<(), Failure> {
        Ok(())
    }
}
