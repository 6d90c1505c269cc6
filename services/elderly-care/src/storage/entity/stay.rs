//! Table `stay`.

use sea_orm::entity::prelude::*;

/// One person's stay in one bed.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "stay")]
pub struct Model {
    /// Opaque id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The resident.
    pub person_id: Uuid,
    /// The facility.
    pub facility_id: Uuid,
    /// The bed.
    pub bed_id: Uuid,
    /// The facility's division, 12 digits.
    pub division: String,
    /// When the resident was placed, microseconds.
    pub placed_at: i64,
    /// First day, `YYYY-MM-DD`.
    pub first_day: String,
    /// `active`, `held`, `awaiting_settlement`, `ended`, `displaced`.
    pub state: String,
    /// `death`, `left`, `replaced`.
    pub end_cause: Option<String>,
    /// The death case that ended it.
    pub case_id: Option<Uuid>,
    /// Last day, `YYYY-MM-DD`.
    pub last_day: Option<String>,
    /// The date of death is not known to the day.
    pub last_day_provisional: bool,
    /// Owed by the resident (positive) or to the resident (negative), in fen.
    pub owed_fen: i64,
    /// Version of the aggregate.
    pub version: i64,
}

/// None declared: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
