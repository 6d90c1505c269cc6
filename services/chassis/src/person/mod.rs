//! The guard row: what this service knows of a person. It is lock and local knowledge at once, so
//! that two strangers (a death, and a kinship recorded in the same second) cannot miss each other,
//! and nobody places, marries or enrols the dead.

mod fact;

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Value};
use uuid::Uuid;

pub use fact::{Fact, FactKind};

use crate::civil::PartialDate;
use crate::db::dialect::placeholders;
use crate::db::{Insert, Row, Sql, val};

/// Whether a person lives, as this service knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LifeStatus {
    /// Alive, as far as anybody told.
    Alive,
    /// Somebody says they died; not confirmed.
    Suspected,
    /// Dead.
    Dead,
}

impl LifeStatus {
    /// Stable name, as stored.
    pub fn name(self) -> &'static str {
        match self {
            LifeStatus::Alive => "alive",
            LifeStatus::Suspected => "suspected",
            LifeStatus::Dead => "dead",
        }
    }
}

impl std::str::FromStr for LifeStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [LifeStatus::Alive, LifeStatus::Suspected, LifeStatus::Dead]
            .into_iter()
            .find(|status| status.name() == text)
            .ok_or_else(|| format!("unknown life status {text}"))
    }
}

/// One row of `known_person`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownPerson {
    /// The person.
    pub person_id: Uuid,
    /// The record that stands in its place, if it was merged.
    pub merged_into: Option<Uuid>,
    /// Latest fact version heard; 0 if none.
    pub fact_version: i64,
    /// Status.
    pub status: LifeStatus,
    /// Date of death of the latest fact; unknown if alive.
    pub died_on: PartialDate,
    /// The case of the latest fact.
    pub case_id: Option<Uuid>,
}

impl KnownPerson {
    /// Somebody of whom nothing was heard.
    pub fn stranger(person_id: Uuid) -> Self {
        Self {
            person_id,
            merged_into: None,
            fact_version: 0,
            status: LifeStatus::Alive,
            died_on: PartialDate::UNKNOWN,
            case_id: None,
        }
    }

    pub(crate) fn from_row(row: &Row) -> Result<Self, DbErr> {
        Ok(Self {
            person_id: row.get("person_id")?,
            merged_into: row.get("merged_into")?,
            fact_version: row.get("fact_version")?,
            status: row.parse("status")?,
            died_on: row.parse("died_on")?,
            case_id: row.get("case_id")?,
        })
    }
}

const COLUMNS: &[&str] = &["person_id", "fact_version", "status", "died_on", "case_id"];
const RETURNING: &str = "RETURNING person_id, merged_into, fact_version, status, died_on, case_id";

/// Locks the rows of `persons` (sorted, distinct), creating those that are missing.
pub(crate) async fn lock(
    db: &impl ConnectionTrait,
    persons: &[Uuid],
) -> Result<Vec<KnownPerson>, DbErr> {
    read(db, lock_statement(db.get_database_backend(), persons)).await
}

async fn read(
    db: &impl ConnectionTrait,
    (text, values): (String, Vec<Value>),
) -> Result<Vec<KnownPerson>, DbErr> {
    db.all(text, values)
        .await?
        .iter()
        .map(KnownPerson::from_row)
        .collect()
}

/// The statement of [`lock`], and its values; it returns whole rows.
pub(crate) fn lock_statement(backend: DbBackend, persons: &[Uuid]) -> (String, Vec<Value>) {
    let tail =
        format!("ON CONFLICT (person_id) DO UPDATE SET person_id = excluded.person_id {RETURNING}");
    let insert = Insert {
        table: "known_person",
        columns: COLUMNS,
        tail: &tail,
    };
    let rows = persons.iter().map(|id| {
        vec![
            val(*id),
            val(0_i64),
            val(LifeStatus::Alive.name()),
            val(PartialDate::UNKNOWN.to_string()),
            val(None::<Uuid>),
        ]
    });
    insert.rows(backend, rows)
}

/// Locks the rows of the facts' persons and lets the newer of row and fact win. Of several facts
/// about one person only the newest is written.
pub(crate) async fn learn(
    db: &impl ConnectionTrait,
    facts: &[Fact],
) -> Result<Vec<KnownPerson>, DbErr> {
    read(db, learn_statement(db.get_database_backend(), facts)).await
}

/// The statement of [`learn`], and its values; it returns whole rows.
pub(crate) fn learn_statement(backend: DbBackend, facts: &[Fact]) -> (String, Vec<Value>) {
    let newest = fact::newest_of_each(facts);
    let newer = "excluded.fact_version >= known_person.fact_version";
    let choose = |column: &str| {
        format!(
            "{column} = CASE WHEN {newer} THEN excluded.{column} ELSE known_person.{column} END"
        )
    };
    let sets: Vec<String> = ["status", "died_on", "case_id", "fact_version"]
        .map(choose)
        .into();
    let tail = format!(
        "ON CONFLICT (person_id) DO UPDATE SET {} {RETURNING}",
        sets.join(", ")
    );
    let insert = Insert {
        table: "known_person",
        columns: COLUMNS,
        tail: &tail,
    };
    let rows = newest.iter().map(|fact| {
        vec![
            val(fact.person_id),
            val(fact.fact_version),
            val(fact.status().name()),
            val(fact.known_date().to_string()),
            val(Some(fact.case_id)),
        ]
    });
    insert.rows(backend, rows)
}

/// Points a record at its survivor.
pub(crate) async fn merge(
    db: &impl ConnectionTrait,
    gone: Uuid,
    survivor: Uuid,
) -> Result<(), DbErr> {
    db.run(
        "UPDATE known_person SET merged_into = $2 WHERE person_id = $1",
        [val(gone), val(survivor)],
    )
    .await?;
    Ok(())
}

/// What is known of `persons` now, without a lock, for queries and fingerprints.
///
/// # Errors
/// The database's.
pub async fn look_up(
    db: &impl ConnectionTrait,
    persons: &[Uuid],
) -> Result<Vec<KnownPerson>, DbErr> {
    if persons.is_empty() {
        return Ok(Vec::new());
    }
    let text = format!(
        "SELECT person_id, merged_into, fact_version, status, died_on, case_id FROM known_person \
         WHERE person_id IN ({}) ORDER BY person_id",
        placeholders(1, persons.len())
    );
    let rows = db
        .all(text, persons.iter().map(|id| val(*id)).collect::<Vec<_>>())
        .await?;
    rows.iter().map(KnownPerson::from_row).collect()
}
