//! Table `bed`.

use sea_orm::entity::prelude::*;

/// One bed.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "bed")]
pub struct Model {
    /// Opaque id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Its facility.
    pub facility_id: Uuid,
    /// The facility's division, 12 digits.
    pub division: String,
    /// Label, unique within the facility.
    pub label: String,
    /// `planned`, `free`, `held`, `occupied`, `under_repair`, `retired`.
    pub state: String,
    /// What a held bed is kept for.
    pub held_for: Option<String>,
    /// The stay that has it, or has a claim to it.
    pub stay_id: Option<Uuid>,
    /// Why it is vacant.
    pub vacancy_id: Option<Uuid>,
    /// When it changed last, microseconds.
    pub changed_at: i64,
    /// Version of the aggregate.
    pub version: i64,
}

/// None declared: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
