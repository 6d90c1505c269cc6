//! Table `former_identity`.

use sea_orm::entity::prelude::*;

/// A number and name that were corrected.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "former_identity")]
pub struct Model {
    /// Opaque id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Whose.
    pub person_id: Uuid,
    /// Kind of document.
    pub id_type: String,
    /// Number, encrypted.
    pub id_number: Option<Vec<u8>>,
    /// Full name, encrypted.
    pub name: Option<Vec<u8>>,
    /// When it was replaced, microseconds.
    pub replaced_at: i64,
    /// Why, without personal data.
    pub reason: String,
}

/// None declared: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
