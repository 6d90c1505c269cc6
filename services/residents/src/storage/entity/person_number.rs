//! Table `person_number`.

use sea_orm::entity::prelude::*;

/// Which records have, or had, a number.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "person_number")]
pub struct Model {
    /// Keyed hash of the number.
    #[sea_orm(primary_key, auto_increment = false)]
    pub number_index: Vec<u8>,
    /// The record.
    #[sea_orm(primary_key, auto_increment = false)]
    pub person_id: Uuid,
}

/// None declared: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
