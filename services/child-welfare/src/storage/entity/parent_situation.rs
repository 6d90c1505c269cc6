//! One time in which a parent cannot care for the child.

use sea_orm::entity::prelude::*;
use uuid::Uuid;

/// One row of `parent_situation`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "parent_situation")]
pub struct Model {
    /// The child.
    #[sea_orm(primary_key, auto_increment = false)]
    pub child_id: Uuid,
    /// The parent.
    #[sea_orm(primary_key, auto_increment = false)]
    pub person_id: Uuid,
    /// Place in the parent's list.
    #[sea_orm(primary_key, auto_increment = false)]
    pub ordinal: i32,
    /// Code.
    pub kind: String,
    /// Date.
    pub since: String,
    /// Date.
    pub term_until: Option<String>,
    /// Date.
    pub ended_on: Option<String>,
    /// Document or article.
    pub legal_basis: String,
}

/// None: it is joined from the parent.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
