//! Table `person`.

use sea_orm::entity::prelude::*;

/// One record.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "person")]
pub struct Model {
    /// Opaque id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// `established`, `provisional`, `merged`, `rejected`.
    pub state: String,
    /// The survivor of a merged record.
    pub merged_into: Option<Uuid>,
    /// Kind of document.
    pub id_type: String,
    /// Number, encrypted.
    pub id_number: Option<Vec<u8>>,
    /// Full name, encrypted.
    pub name: Option<Vec<u8>>,
    /// Telephone, encrypted.
    pub phone: Option<Vec<u8>>,
    /// Date of birth with its precision.
    pub birth_date: String,
    /// `male`, `female`, or unknown.
    pub sex: Option<String>,
    /// Domicile, 12 digits.
    pub domicile: String,
    /// Residence, 12 digits.
    pub residence: String,
    /// `alive`, `suspected`, `dead`.
    pub life_status: String,
    /// Date of death; `unknown` while alive.
    pub died_on: String,
    /// The case of the fact applied last.
    pub case_id: Option<Uuid>,
    /// Its version; 0 if there never was one.
    pub fact_version: i64,
    /// How many former identities it has: most have none, and none are then looked for.
    pub corrections: i64,
    /// When the record was made, microseconds.
    pub registered_at: i64,
    /// Version of the aggregate.
    pub version: i64,
}

/// What is read along; other joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// Of which household the person is a member.
    #[sea_orm(
        belongs_to = "super::household_member::Entity",
        from = "Column::Id",
        to = "super::household_member::Column::PersonId"
    )]
    Membership,
}

impl Related<super::household_member::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Membership.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
