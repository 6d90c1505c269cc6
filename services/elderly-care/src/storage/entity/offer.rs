//! Table `offer`.

use sea_orm::entity::prelude::*;

/// A bed offered to somebody who waits.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "offer")]
pub struct Model {
    /// Opaque id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The facility.
    pub facility_id: Uuid,
    /// The bed.
    pub bed_id: Uuid,
    /// The entry of the waiting list.
    pub entry_id: Uuid,
    /// To whom.
    pub person_id: Uuid,
    /// The facility's division, 12 digits.
    pub division: String,
    /// `open`, `accepted`, `declined`, `expired`, `withdrawn`.
    pub state: String,
    /// When it was made, microseconds.
    pub made_at: i64,
    /// It must be accepted before, microseconds.
    pub expires_at: i64,
    /// When it was closed, microseconds.
    pub closed_at: Option<i64>,
    /// The rule row that said how long it stands.
    pub rule_id: Uuid,
    /// Version of the aggregate.
    pub version: i64,
}

/// None declared: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
