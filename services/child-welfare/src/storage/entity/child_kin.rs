//! One person around a child.

use sea_orm::entity::prelude::*;
use uuid::Uuid;

use super::parent_situation;

/// One row of `child_kin`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "child_kin")]
pub struct Model {
    /// The child.
    #[sea_orm(primary_key, auto_increment = false)]
    pub child_id: Uuid,
    /// The person.
    #[sea_orm(primary_key, auto_increment = false)]
    pub person_id: Uuid,
    /// Codes, separated by commas.
    pub relations: String,
    /// Date with its precision.
    pub birth_date: String,
    /// Code.
    pub life: String,
    /// Date with its precision.
    pub died_on: String,
    /// Version of the fact that was heard.
    pub fact_version: i64,
    /// The case of that fact.
    pub case_id: Option<Uuid>,
    /// Code.
    pub ability: String,
    /// Code; present where the person was appointed guardian.
    pub appointment_basis: Option<String>,
    /// Date.
    pub appointment_since: Option<String>,
    /// Date.
    pub appointment_until: Option<String>,
    /// Document or article.
    pub appointment_legal_basis: Option<String>,
}

/// Joins are declared below.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

/// A parent's situations.
impl Related<parent_situation::Entity> for Entity {
    fn to() -> RelationDef {
        Entity::belongs_to(parent_situation::Entity)
            .from((Column::ChildId, Column::PersonId))
            .to((
                parent_situation::Column::ChildId,
                parent_situation::Column::PersonId,
            ))
            .into()
    }
}

impl ActiveModelBehavior for ActiveModel {}
