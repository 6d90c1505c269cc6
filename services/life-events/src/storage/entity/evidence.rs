//! Table `evidence`.

use sea_orm::entity::prelude::*;

/// One report of a death from one source.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "evidence")]
pub struct Model {
    /// Opaque id; it stays when the evidence moves to another case.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The case.
    pub case_id: Uuid,
    /// Its place among the case's evidence, from 0, oldest first.
    pub position: i32,
    /// The organisation that reports.
    pub organisation: String,
    /// Its reference, encrypted: it may be an ID number.
    pub reference: Vec<u8>,
    /// Keyed hash of organisation and reference.
    pub document_index: Vec<u8>,
    /// Version of the document, from 1.
    pub revision: i32,
    /// Kind of source.
    pub source: String,
    /// Date of death with its precision.
    pub died_on: String,
    /// Day of a court's declaration.
    pub declared_on: Option<String>,
    /// Place of death.
    pub place: Option<String>,
    /// Day on which the document was issued.
    pub document_date: Option<String>,
    /// Keyed hash of the document's number.
    pub document_hash: Option<Vec<u8>>,
    /// Subject of the caller.
    pub reporter: String,
    /// When it reached the platform, microseconds.
    pub received_at: i64,
    /// What it counts for.
    pub standing: String,
}

/// None declared: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
