//! Clearances that were given.

use jiff::Timestamp;
use minzheng_chassis::civil::micros;
use minzheng_chassis::rule::Rule;
use minzheng_chassis::seam::{Failure, UnitOfWork};
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};
use uuid::Uuid;

use super::entity::clearance;
use crate::domain::death::Case;

/// Keeps a clearance for a case and its latest fact; its id.
///
/// # Errors
/// The database's.
pub async fn keep(
    uow: &UnitOfWork,
    case: &Case,
    expires_at: Timestamp,
    rule: &Rule,
) -> Result<Uuid, Failure> {
    let row = clearance::Model {
        id: uow.new_id(),
        case_id: case.id,
        fact_version: case.fact_version,
        asked_by: uow.caller().subject.clone(),
        issued_at: micros(uow.now()),
        expires_at: micros(expires_at),
        rule_id: rule.id,
    };
    let id = row.id;
    clearance::Entity::insert(row.into_active_model().reset_all())
        .exec_without_returning(uow.connection())
        .await?;
    Ok(id)
}
