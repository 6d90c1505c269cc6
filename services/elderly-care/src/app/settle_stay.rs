//! The work item that waits while something is owed on a stay that ended.

use async_trait::async_trait;
use minzheng_chassis::seam::{Failure, UnitOfWork};
use minzheng_chassis::work::{self, WorkItem};

use super::desk::Papers;
use crate::domain::WorkKind;
use crate::storage::find;
use crate::storage::load::Named;

/// Closing it says that nothing is owed any more: the bed is released and offered.
#[derive(Debug)]
pub struct SettleStayItem;

#[async_trait]
impl work::WorkKind for SettleStayItem {
    fn name(&self) -> &'static str {
        WorkKind::SettleStay.name()
    }

    fn outcomes(&self) -> &'static [&'static str] {
        WorkKind::SettleStay.outcomes()
    }

    async fn completed(
        &self,
        uow: &mut UnitOfWork,
        item: &WorkItem,
        _outcome: &str,
    ) -> Result<(), Failure> {
        let stay_id = item.subject_id;
        // Who may close the item sees its division, which is the stay's.
        let stay = find::stay(uow.connection(), uow.caller(), stay_id).await?;
        uow.know(stay.of.person_id).await?;
        let named = Named {
            facility: Some(stay.of.facility_id),
            stay: Some(stay_id),
            ..Named::default()
        };
        let papers = Papers::take(uow, &named).await?;
        papers
            .decide(uow, "SettleStay", |desk| desk.settle_stay(stay_id))
            .await?;
        Ok(())
    }
}
