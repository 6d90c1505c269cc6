//! Table `bed_pass`.

use sea_orm::entity::prelude::*;

/// That somebody passed a vacant bed.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "bed_pass")]
pub struct Model {
    /// The bed.
    #[sea_orm(primary_key, auto_increment = false)]
    pub bed_id: Uuid,
    /// The cause of the vacancy.
    #[sea_orm(primary_key, auto_increment = false)]
    pub vacancy_id: Uuid,
    /// Who passed.
    #[sea_orm(primary_key, auto_increment = false)]
    pub person_id: Uuid,
    /// How many offers of it they let expire without a word; 0: they declined it.
    pub lapses: i32,
}

/// None declared: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
