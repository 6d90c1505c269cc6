//! Table `kinship`.

use sea_orm::entity::prelude::*;

/// A recorded kinship in its canonical form.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "kinship")]
pub struct Model {
    /// Opaque id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The person; of spouses and siblings the smaller id.
    pub person_id: Uuid,
    /// The relative.
    pub relative_id: Uuid,
    /// What the relative is: `spouse`, `parent`, `guardian`, `sibling`.
    pub bond: String,
    /// When it was recorded, microseconds.
    pub recorded_at: i64,
    /// When it was ended, if it was.
    pub ended_at: Option<i64>,
    /// Why, without personal data.
    pub end_reason: Option<String>,
    /// Version of the aggregate.
    pub version: i64,
}

/// None declared: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
