//! Table `waiting_entry`.

use sea_orm::entity::prelude::*;

/// One person's place in the waiting list of one facility.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "waiting_entry")]
pub struct Model {
    /// Opaque id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The facility.
    pub facility_id: Uuid,
    /// Who waits.
    pub person_id: Uuid,
    /// The facility's division, 12 digits.
    pub division: String,
    /// Need, 1 (most urgent) to 5.
    pub rank: i32,
    /// Before all ranks.
    pub priority: bool,
    /// Since when, microseconds.
    pub since: i64,
    /// Priority, rank and time in one number, in queue order.
    pub place: i64,
    /// `waiting`, `suspended`, `offered`, `placed`, `withdrawn`.
    pub state: String,
    /// The bed whose open offer nobody overtakes.
    pub promised_bed_id: Option<Uuid>,
    /// The displaced stay that a priority entry makes good.
    pub displaced_stay_id: Option<Uuid>,
    /// Version of the aggregate.
    pub version: i64,
}

/// None declared: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
