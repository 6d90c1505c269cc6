//! The rows that the checkers need, from every service's database.

use std::collections::{BTreeMap, BTreeSet};

use minzheng_chassis::db::{Database, Sql};
use uuid::Uuid;

use super::Databases;

/// One audit record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditRow {
    /// The service.
    pub service: &'static str,
    /// The request or event that caused it.
    pub causation: Option<Uuid>,
    /// What was done.
    pub action: String,
    /// By whom.
    pub subject: String,
    /// To what kind of thing.
    pub aggregate: String,
    /// Its id.
    pub aggregate_id: Uuid,
}

/// One death case.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its phase.
    pub phase: String,
    /// Latest fact version.
    pub fact_version: i64,
    /// The person.
    pub person: Uuid,
}

/// One question of a case.
#[derive(Clone, Debug)]
pub struct Question {
    /// The case.
    pub case: Uuid,
    /// The fact that asks.
    pub fact_version: i64,
    /// Whom.
    pub department: String,
    /// What.
    pub action: String,
    /// Its state.
    pub state: String,
    /// The receipt that answered it.
    pub receipt: Option<Uuid>,
}

/// One stay.
#[derive(Clone, Debug)]
pub struct Stay {
    /// The bed.
    pub bed: Uuid,
    /// Who lives in it.
    pub person: Uuid,
    /// Whether it stands.
    pub state: String,
}

/// The rows.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    /// Audit records of every service.
    pub audit: Vec<AuditRow>,
    /// Last sequence given, by service, topic and key.
    pub sequences: BTreeMap<(&'static str, String, String), i64>,
    /// Events that wait, by service.
    pub outbox: BTreeMap<&'static str, i64>,
    /// State of an event in a subscription's inbox.
    pub inbox: BTreeMap<(String, Uuid), String>,
    /// Highest fact version that each service has heard of each person.
    pub guards: BTreeMap<(&'static str, Uuid), i64>,
    /// Ids of what was made, by kind: `person`, `kinship`, `facility`, `bed`, `stay`,
    /// `waiting_entry`, `death_case`, `evidence`.
    pub made: BTreeMap<&'static str, BTreeSet<Uuid>>,
    /// Cases.
    pub cases: BTreeMap<Uuid, Case>,
    /// Questions.
    pub questions: Vec<Question>,
    /// Stays.
    pub stays: BTreeMap<Uuid, Stay>,
}

/// Which tables hold what clients make.
const MADE: [(&str, &str); 8] = [
    ("residents", "person"),
    ("residents", "kinship"),
    ("elderly-care", "facility"),
    ("elderly-care", "bed"),
    ("elderly-care", "stay"),
    ("elderly-care", "waiting_entry"),
    ("life-events", "death_case"),
    ("life-events", "evidence"),
];

/// Reads them.
///
/// # Errors
/// A database does not answer.
pub async fn tables(databases: &Databases) -> anyhow::Result<Tables> {
    let mut tables = Tables::default();
    for (service, database) in databases {
        chassis(&mut tables, service, database).await?;
    }
    for (service, table) in MADE {
        let ids = ids(&databases[service], table).await?;
        tables.made.insert(table, ids);
    }
    cases(&mut tables, &databases["life-events"]).await?;
    stays(&mut tables, &databases["elderly-care"]).await?;
    Ok(tables)
}

async fn ids(database: &Database, table: &str) -> anyhow::Result<BTreeSet<Uuid>> {
    let rows = database
        .reader()
        .all(format!("SELECT id FROM {table}"), [])
        .await?;
    let ids: Result<BTreeSet<Uuid>, _> = rows.iter().map(|row| row.get("id")).collect();
    Ok(ids?)
}

async fn chassis(
    tables: &mut Tables,
    service: &'static str,
    database: &Database,
) -> anyhow::Result<()> {
    let db = database.reader();
    let text = "SELECT causation_id, action, subject, aggregate, aggregate_id FROM audit";
    for row in db.all(text, []).await? {
        tables.audit.push(AuditRow {
            service,
            causation: row.get("causation_id")?,
            action: row.get("action")?,
            subject: row.get("subject")?,
            aggregate: row.get("aggregate")?,
            aggregate_id: row.get("aggregate_id")?,
        });
    }
    for row in db
        .all("SELECT topic, key, sequence FROM stream_sequence", [])
        .await?
    {
        let stream = (service, row.get("topic")?, row.get("key")?);
        tables.sequences.insert(stream, row.get("sequence")?);
    }
    if let Some(row) = db.one("SELECT count(*) AS n FROM outbox", []).await? {
        tables.outbox.insert(service, row.get("n")?);
    }
    for row in db
        .all("SELECT subscription, event_id, state FROM inbox", [])
        .await?
    {
        let event = (row.get("subscription")?, row.get("event_id")?);
        tables.inbox.insert(event, row.get("state")?);
    }
    for row in db
        .all("SELECT person_id, fact_version FROM known_person", [])
        .await?
    {
        let known = (service, row.get("person_id")?);
        tables.guards.insert(known, row.get("fact_version")?);
    }
    Ok(())
}

async fn cases(tables: &mut Tables, database: &Database) -> anyhow::Result<()> {
    let db = database.reader();
    for row in db
        .all(
            "SELECT id, phase, fact_version, person_id FROM death_case",
            [],
        )
        .await?
    {
        let case = Case {
            phase: row.get("phase")?,
            fact_version: row.get("fact_version")?,
            person: row.get("person_id")?,
        };
        tables.cases.insert(row.get("id")?, case);
    }
    let text =
        "SELECT case_id, fact_version, department, action, state, receipt_event_id FROM question";
    for row in db.all(text, []).await? {
        tables.questions.push(Question {
            case: row.get("case_id")?,
            fact_version: row.get("fact_version")?,
            department: row.get("department")?,
            action: row.get("action")?,
            state: row.get("state")?,
            receipt: row.get("receipt_event_id")?,
        });
    }
    Ok(())
}

async fn stays(tables: &mut Tables, database: &Database) -> anyhow::Result<()> {
    let db = database.reader();
    for row in db
        .all("SELECT id, bed_id, person_id, state FROM stay", [])
        .await?
    {
        let stay = Stay {
            bed: row.get("bed_id")?,
            person: row.get("person_id")?,
            state: row.get("state")?,
        };
        tables.stays.insert(row.get("id")?, stay);
    }
    Ok(())
}
