//! What a reference was resolved to.

use minzheng_chassis::civil::micros;
use minzheng_chassis::db::Write;
use minzheng_chassis::seam::{Failure, UnitOfWork};
use sea_orm::{EntityTrait, Set};
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

/// Has it noted what a reference was resolved to; `due_rule` is the rule row that set the due date of a
/// record that was made.
pub fn note(
    uow: &mut UnitOfWork,
    reference: Index,
    identity: &Identity,
    person_id: Uuid,
    due_rule: Option<Uuid>,
) {
    let row = provision::ActiveModel {
        reference_index: Set(reference.to_vec()),
        identity_index: Set(of_identity(uow.context().keys(), identity).to_vec()),
        person_id: Set(person_id),
        due_rule_id: Set(due_rule),
        recorded_at: Set(micros(uow.now())),
    };
    uow.write(Write::of("provision", &provision::Entity::insert(row), 1));
}
