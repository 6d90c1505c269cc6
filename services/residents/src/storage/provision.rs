//! What a reference was resolved to.

use std::collections::BTreeSet;

use minzheng_chassis::civil::micros;
use minzheng_chassis::db::dialect::padded;
use minzheng_chassis::db::insert;
use minzheng_chassis::seam::{Failure, UnitOfWork};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::entity::provision;
use super::numbers::{Index, of_identity};
use super::person::Persons;
use crate::domain::identity::Identity;
use crate::domain::provision::Prior;

/// What a reference was resolved to before, as that record stands now.
///
/// # Errors
/// The database's.
pub async fn prior(
    uow: &UnitOfWork,
    reference: Index,
    identity: &Identity,
) -> Result<Option<Prior>, Failure> {
    let row = provision::Entity::find_by_id(reference.to_vec())
        .one(uow.connection())
        .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let record = Persons::within(uow).find_anywhere(row.person_id).await?;
    let record = record.ok_or_else(|| Failure::internal("a reference names no record"))?;
    let same = of_identity(uow.context().keys(), identity).as_slice() == row.identity_index;
    Ok(Some(Prior {
        same_identity: same,
        person_id: row.person_id,
        state: record.person.state,
    }))
}

/// Which of these references were resolved before.
///
/// # Errors
/// The database's.
pub async fn known(
    uow: &UnitOfWork,
    references: &BTreeSet<Index>,
) -> Result<BTreeSet<Index>, Failure> {
    let hashes: Vec<Vec<u8>> = references.iter().map(|hash| hash.to_vec()).collect();
    let known: Vec<Vec<u8>> = provision::Entity::find()
        .select_only()
        .column(provision::Column::ReferenceIndex)
        .filter(provision::Column::ReferenceIndex.is_in(padded(hashes)))
        .into_tuple()
        .all(uow.connection())
        .await?;
    let index = |hash: Vec<u8>| {
        Index::try_from(hash).map_err(|_| Failure::internal("a reference's hash of another length"))
    };
    known.into_iter().map(index).collect()
}

/// What a reference was resolved to.
#[derive(Clone, Debug)]
pub struct Note {
    /// The reference.
    pub reference: Index,
    /// The identity that the report gave.
    pub identity: Index,
    /// The record.
    pub person_id: Uuid,
    /// The rule row that set the due date of a record that was made.
    pub due_rule: Option<Uuid>,
}

/// Has it noted what references were resolved to.
pub fn note(uow: &mut UnitOfWork, notes: &[Note]) {
    if notes.is_empty() {
        return;
    }
    let row = |note: &Note| provision::Model {
        reference_index: note.reference.to_vec(),
        identity_index: note.identity.to_vec(),
        person_id: note.person_id,
        due_rule_id: note.due_rule,
        recorded_at: micros(uow.now()),
    };
    let rows: Vec<provision::Model> = notes.iter().map(row).collect();
    uow.write(insert(uow.backend(), "provision", &rows, None));
}
