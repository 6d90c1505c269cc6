//! Table `clearance`.

use sea_orm::entity::prelude::*;

/// A clearance that was given.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "clearance")]
pub struct Model {
    /// Opaque id; whoever acts stores it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The case.
    pub case_id: Uuid,
    /// The fact version that it is for.
    pub fact_version: i64,
    /// Subject of the asker.
    pub asked_by: String,
    /// When, microseconds.
    pub issued_at: i64,
    /// Until when, microseconds.
    pub expires_at: i64,
    /// The rule row that sets how long.
    pub rule_id: Uuid,
}

/// None declared: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
