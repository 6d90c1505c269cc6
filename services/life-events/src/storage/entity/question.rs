//! Table `question`.

use sea_orm::entity::prelude::*;

/// What one fact asks of one department for one action.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "question")]
pub struct Model {
    /// The case.
    #[sea_orm(primary_key, auto_increment = false)]
    pub case_id: Uuid,
    /// Fact version that asks.
    #[sea_orm(primary_key, auto_increment = false)]
    pub fact_version: i64,
    /// The department.
    #[sea_orm(primary_key, auto_increment = false)]
    pub department: String,
    /// Code of the action.
    #[sea_orm(primary_key, auto_increment = false)]
    pub action: String,
    /// State.
    pub state: String,
    /// When it was asked, microseconds.
    pub asked_at: i64,
    /// When the answer is due, microseconds.
    pub due_at: i64,
    /// The due date rests on a calendar that was not published.
    pub due_provisional: bool,
    /// The answer is overdue and somebody was told.
    pub escalated: bool,
    /// The latest answer.
    pub outcome: Option<String>,
    /// The article that it rests on.
    pub legal_basis: Option<String>,
    /// Who could undo it.
    pub undo: Option<String>,
    /// The department's work item.
    pub work_item_id: Option<Uuid>,
    /// Stable reason.
    pub reason: Option<String>,
    /// Id of the receipt's event.
    pub receipt_event_id: Option<Uuid>,
    /// When the answer arrived, microseconds.
    pub answered_at: Option<i64>,
}

/// None declared: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
