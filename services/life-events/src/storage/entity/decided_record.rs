//! Table `decided_record`.

use sea_orm::entity::prelude::*;

/// A record of residents that was decided, or whose person moved, kept for a report that was under way.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "decided_record")]
pub struct Model {
    /// The record.
    #[sea_orm(primary_key, auto_increment = false)]
    pub person_id: Uuid,
    /// `established` (who moved is) or `rejected`.
    pub verdict: String,
    /// Domicile of an established one.
    pub domicile: Option<String>,
    /// Residence of an established one.
    pub residence: Option<String>,
    /// When residents said so, microseconds: the time of the event.
    pub decided_at: i64,
}

/// None declared: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
