//! Table `facility`.

use sea_orm::entity::prelude::*;

/// A place that cares for the elderly.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "facility")]
pub struct Model {
    /// Opaque id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// `county`, `township`, `village`.
    pub tier: String,
    /// Where it stands, 12 digits.
    pub division: String,
    /// Its name; not a person's.
    pub name: String,
    /// `registered`, `filed`.
    pub filing: String,
    /// When it was created, microseconds.
    pub created_at: i64,
    /// Raised by every decision about its beds, queue or offers: they happen one after another.
    pub allocation_version: i64,
    /// Version of the aggregate.
    pub version: i64,
}

/// None declared: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
