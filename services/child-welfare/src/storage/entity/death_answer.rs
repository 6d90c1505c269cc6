//! What is answered on the latest fact about one person's death.

use sea_orm::entity::prelude::*;
use uuid::Uuid;

/// One row of `death_answer`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "death_answer")]
pub struct Model {
    /// The person.
    #[sea_orm(primary_key, auto_increment = false)]
    pub person_id: Uuid,
    /// The case.
    pub case_id: Uuid,
    /// Version of the fact.
    pub fact_version: i64,
    /// Code.
    pub kind: String,
    /// Date with its precision.
    pub died_on: String,
    /// Whether the person is a child followed here.
    pub tracked: bool,
    /// JSON: what each child contributes.
    pub shares: String,
    /// JSON: what was last answered.
    pub given: String,
    /// The item that the answer names, if it names one.
    pub work_item_id: Option<Uuid>,
    /// Version.
    pub version: i64,
}

/// None: it stands alone.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
