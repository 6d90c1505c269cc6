//! A child: what was told of it, what is derived, what is open.

use sea_orm::entity::prelude::*;
use uuid::Uuid;

use super::child_kin;

/// One row of `child`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "child")]
pub struct Model {
    /// The child's `person_id`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Date with its precision.
    pub birth_date: String,
    /// 12 digits.
    pub division: String,
    /// Date.
    pub opened_on: Option<String>,
    /// Date.
    pub parents_not_found_since: Option<String>,
    /// Whether the stream has told the kin.
    pub kinship_heard: bool,
    /// Code.
    pub life: String,
    /// Date with its precision.
    pub died_on: String,
    /// Version of the fact about the child's own death.
    pub fact_version: i64,
    /// The case of that fact.
    pub case_id: Option<Uuid>,
    /// Code.
    pub situation: String,
    /// Code.
    pub carer: Option<String>,
    /// `none`, `unknown` or a month.
    pub since: String,
    /// JSON of a [`crate::domain::Visit`].
    pub visited: Option<String>,
    /// The open visit.
    pub visit_item_id: Option<Uuid>,
    /// Code.
    pub visit_urgency: Option<String>,
    /// Microseconds.
    pub visit_opened_at: Option<i64>,
    /// Microseconds.
    pub visit_due_at: Option<i64>,
    /// The open item about the month.
    pub month_item_id: Option<Uuid>,
    /// Microseconds.
    pub month_opened_at: Option<i64>,
    /// Microseconds.
    pub month_due_at: Option<i64>,
    /// JSON of a [`crate::domain::StartMonth`].
    pub start_month: Option<String>,
    /// Date.
    pub review_on: Option<String>,
    /// Rule row used.
    pub separation_rule_id: Uuid,
    /// Rule row used.
    pub visit_rule_id: Uuid,
    /// Rule row used.
    pub month_rule_id: Uuid,
    /// Version.
    pub version: i64,
}

/// Joins are declared below.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

/// Those around the child.
impl Related<child_kin::Entity> for Entity {
    fn to() -> RelationDef {
        Entity::belongs_to(child_kin::Entity)
            .from(Column::Id)
            .to(child_kin::Column::ChildId)
            .into()
    }
}

impl ActiveModelBehavior for ActiveModel {}
