//! Documents that were told before, by organisation and reference.

use minzheng_chassis::context::Context;
use minzheng_chassis::seam::Failure;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use super::entity::{death_case, evidence};
use super::evidence_row::{document_index, statement};
use crate::domain::death::{DocumentKey, Statement};

/// One revision of a document that was told before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The case that it belongs to.
    pub case_id: Uuid,
    /// Whose case that is.
    pub person_id: Uuid,
    /// The revision.
    pub revision: i32,
    /// What it states.
    pub statement: Statement,
}

/// Every revision of a document, the first first; of any division, since a reference is unique in
/// the province.
///
/// Read outside the transaction: who inserts the same revision meanwhile makes the other's insert
/// conflict, and it looks again.
///
/// # Errors
/// The database's.
pub async fn told_before_anywhere(
    cx: &Context,
    document: &DocumentKey,
) -> Result<Vec<Told>, Failure> {
    let db = cx.db().reader();
    let rows = evidence::Entity::find()
        .filter(evidence::Column::DocumentIndex.eq(document_index(cx.keys(), document)))
        .order_by_asc(evidence::Column::Revision)
        .all(db)
        .await?;
    let mut told = Vec::with_capacity(rows.len());
    for row in rows {
        let case = death_case::Entity::find_by_id(row.case_id).one(db).await?;
        let case = case.ok_or_else(|| Failure::internal("evidence belongs to no case"))?;
        told.push(Told {
            case_id: row.case_id,
            person_id: case.person_id,
            revision: row.revision,
            statement: statement(&row)?,
        });
    }
    Ok(told)
}
