//! Table `provision`.

use sea_orm::entity::prelude::*;

/// What a reference was resolved to.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "provision")]
pub struct Model {
    /// Keyed hash of organisation and reference; a reference may be an ID number.
    #[sea_orm(primary_key, auto_increment = false)]
    pub reference_index: Vec<u8>,
    /// Keyed hash of the whole identity.
    pub identity_index: Vec<u8>,
    /// The record.
    pub person_id: Uuid,
    /// The rule row that set the due date, where a record was made.
    pub due_rule_id: Option<Uuid>,
    /// When, microseconds.
    pub recorded_at: i64,
}

/// None declared: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
