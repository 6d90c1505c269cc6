//! Lists of cases.

use minzheng_chassis::authz::Caller;
use minzheng_chassis::civil::micros;
use minzheng_chassis::grpc::page::{After, Page};
use minzheng_chassis::seam::Failure;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use super::cases::{Cases, StoredCase};
use super::entity::death_case;
use super::{case_row, scope};
use crate::domain::death::Phase;

/// Which cases a list shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    /// Only this phase.
    pub phase: Option<Phase>,
    /// Only this person.
    pub person_id: Option<Uuid>,
}

impl StoredCase {
    /// Its place in a list.
    pub fn after(&self) -> After {
        After {
            order: micros(self.case.opened_at),
            id: self.case.id,
        }
    }
}

impl<C: ConnectionTrait> Cases<'_, C> {
    /// Cases that the caller may look at, newest first, without their evidence and questions; one
    /// more than the page holds.
    ///
    /// # Errors
    /// The database's.
    pub async fn list(
        &self,
        caller: &Caller,
        filter: Filter,
        page: &Page,
    ) -> Result<Vec<StoredCase>, Failure> {
        let mut query = death_case::Entity::find()
            .filter(scope::visible(caller))
            .order_by_desc(death_case::Column::OpenedAt)
            .order_by_desc(death_case::Column::Id)
            .limit(page.limit());
        if let Some(phase) = filter.phase {
            query = query.filter(death_case::Column::Phase.eq(phase.name()));
        }
        if let Some(person_id) = filter.person_id {
            query = query.filter(death_case::Column::PersonId.eq(person_id));
        }
        if let Some(after) = page.after {
            query = query.filter(older_than(after));
        }
        let rows = query.all(self.db).await?;
        let read = |row: &death_case::Model| {
            Ok(StoredCase {
                case: case_row::read(row, Vec::new(), Vec::new())?,
                version: row.version,
            })
        };
        rows.iter().map(read).collect()
    }
}

fn older_than(after: After) -> Condition {
    let opened_at = death_case::Column::OpenedAt;
    let same = Condition::all()
        .add(opened_at.eq(after.order))
        .add(death_case::Column::Id.lt(after.id));
    Condition::any().add(opened_at.lt(after.order)).add(same)
}
