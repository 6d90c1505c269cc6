//! Registered households.

use std::collections::{BTreeMap, BTreeSet};

use minzheng_chassis::authz::Caller;
use minzheng_chassis::problem::Problem;
use minzheng_chassis::seam::{Failure, UnitOfWork};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Set};
use uuid::Uuid;

use super::entity::{household, household_member};
use super::person_row::parse;
use super::scope::seen_in;
use crate::domain::household::Household;

/// A household as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredHousehold {
    /// The household.
    pub household: Household,
    /// Version of the aggregate.
    pub version: i64,
}

/// A household of the caller's divisions.
///
/// # Errors
/// NOT_FOUND.
pub async fn find(
    db: &impl ConnectionTrait,
    caller: &Caller,
    id: Uuid,
) -> Result<StoredHousehold, Failure> {
    let row = household::Entity::find_by_id(id)
        .filter(seen_in(caller, &[household::Column::Division]))
        .one(db)
        .await?;
    let row = row.ok_or_else(|| Problem::not_found("household", "户"))?;
    let members = household_member::Entity::find()
        .filter(household_member::Column::HouseholdId.eq(id))
        .all(db)
        .await?;
    Ok(StoredHousehold {
        household: Household {
            id,
            head: row.head_id,
            members: members.iter().map(|member| member.person_id).collect(),
            division: parse("division", &row.division)?,
        },
        version: row.version,
    })
}

/// The household of each person that is a member of one.
///
/// # Errors
/// The database's.
pub async fn of_persons(
    db: &impl ConnectionTrait,
    persons: impl IntoIterator<Item = Uuid>,
) -> Result<BTreeMap<Uuid, Uuid>, Failure> {
    let rows = household_member::Entity::find()
        .filter(household_member::Column::PersonId.is_in(persons))
        .all(db)
        .await?;
    Ok(rows
        .iter()
        .map(|row| (row.person_id, row.household_id))
        .collect())
}

/// Records a household that is new.
///
/// # Errors
/// The database's.
pub async fn add(uow: &UnitOfWork, household: Household) -> Result<StoredHousehold, Failure> {
    let row = household::ActiveModel {
        id: Set(household.id),
        head_id: Set(household.head),
        division: Set(household.division.to_string()),
        version: Set(1),
    };
    household::Entity::insert(row)
        .exec_without_returning(uow.connection())
        .await?;
    admit(uow, household.id, &household.members).await?;
    Ok(StoredHousehold {
        household,
        version: 1,
    })
}

/// Replaces what stands of a household, if nobody changed it meanwhile.
///
/// # Errors
/// Somebody did.
pub async fn replace(
    uow: &UnitOfWork,
    before: &StoredHousehold,
    household: Household,
) -> Result<StoredHousehold, Failure> {
    let row = household::ActiveModel {
        head_id: Set(household.head),
        division: Set(household.division.to_string()),
        ..Default::default()
    };
    let version = before.version + 1;
    let saved = household::Entity::update_many()
        .set(row)
        .col_expr(household::Column::Version, Expr::value(version))
        .filter(household::Column::Id.eq(household.id))
        .filter(household::Column::Version.eq(before.version))
        .exec(uow.connection())
        .await?;
    if saved.rows_affected != 1 {
        return Err(Failure::Conflict("household".to_owned()));
    }
    let stood = &before.household.members;
    let gone: Vec<Uuid> = stood.difference(&household.members).copied().collect();
    household_member::Entity::delete_many()
        .filter(household_member::Column::PersonId.is_in(gone))
        .exec(uow.connection())
        .await?;
    let joined: BTreeSet<Uuid> = household.members.difference(stood).copied().collect();
    admit(uow, household.id, &joined).await?;
    Ok(StoredHousehold { household, version })
}

async fn admit(
    uow: &UnitOfWork,
    household_id: Uuid,
    members: &BTreeSet<Uuid>,
) -> Result<(), Failure> {
    if members.is_empty() {
        return Ok(());
    }
    let rows = members
        .iter()
        .map(|person_id| household_member::ActiveModel {
            person_id: Set(*person_id),
            household_id: Set(household_id),
        });
    household_member::Entity::insert_many(rows)
        .exec_without_returning(uow.connection())
        .await?;
    Ok(())
}
