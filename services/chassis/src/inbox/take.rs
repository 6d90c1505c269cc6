//! The beginning of a reaction's transaction: positions move, inbox rows are written, guard rows locked and
//! told what the facts say; all in one round trip.

use jiff::Timestamp;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Value};
use uuid::Uuid;

use super::slice::Part;
use super::table::{self, Moved, NewRow};
use crate::db::writes::renumbered;
use crate::db::{Row, Sql};
use crate::person::{self, Fact, KnownPerson};

/// The persons that the events of a transaction name.
pub(super) struct Named {
    /// What some of the events say.
    pub(super) facts: Vec<Fact>,
    /// Everybody, sorted and distinct, if some are named of whom no fact tells: they are locked first, in one
    /// order, and the facts learned afterwards. Two transactions must not wait for each other crosswise.
    pub(super) locked_first: Vec<Uuid>,
}

/// What was found.
pub(super) struct Taken {
    pub(super) moved: Moved,
    /// The events that are new.
    pub(super) fresh: Vec<Uuid>,
    pub(super) known: Vec<KnownPerson>,
}

/// Takes the events of a transaction.
pub(super) async fn take(
    db: &impl ConnectionTrait,
    subscription: &str,
    now: Timestamp,
    parts: &[Part<'_>],
    rows: &[NewRow<'_>],
    named: &Named,
) -> Result<Taken, DbErr> {
    let mut script = Script::default();
    script.add(MOVED, table::move_statement(subscription, parts));
    script.add(FRESH, table::insert_statement(subscription, now, rows));
    if !named.locked_first.is_empty() {
        script.add(KNOWN, person::lock_statement(&named.locked_first));
    } else if !named.facts.is_empty() {
        script.add(KNOWN, person::learn_statement(&named.facts));
    }
    let text = match db.get_database_backend() {
        DbBackend::Postgres => script.as_one(),
        _ => script.one_by_one(),
    };
    let rows = db.all(text, script.values).await?;
    sort(&rows)
}

/// A statement's name, and the columns that it returns.
type Kind = (&'static str, &'static [&'static str]);

const MOVED: Kind = ("moved", &["topic", "partition", "parked"]);
const FRESH: Kind = ("fresh", &["event_id"]);
const KNOWN: Kind = (
    "known",
    &[
        "person_id",
        "merged_into",
        "fact_version",
        "status",
        "died_on",
        "case_id",
    ],
);

/// All columns, with their types on PostgreSQL.
const COLUMNS: &[(&str, &str)] = &[
    ("topic", "text"),
    ("partition", "integer"),
    ("parked", "bigint"),
    ("event_id", "uuid"),
    ("person_id", "uuid"),
    ("merged_into", "uuid"),
    ("fact_version", "bigint"),
    ("status", "text"),
    ("died_on", "text"),
    ("case_id", "uuid"),
];

/// Statements that each return rows.
#[derive(Default)]
struct Script {
    statements: Vec<(Kind, String)>,
    values: Vec<Value>,
}

impl Script {
    fn add(&mut self, kind: Kind, (text, values): (String, Vec<Value>)) {
        self.statements
            .push((kind, renumbered(&text, self.values.len())));
        self.values.extend(values);
    }

    /// For SQLite: every statement's rows have its own columns and say whose they are.
    fn one_by_one(&self) -> String {
        let named = |((name, _), text): &(Kind, String)| format!("{text}, '{name}' AS kind");
        let texts: Vec<String> = self.statements.iter().map(named).collect();
        texts.join("; ")
    }

    /// For PostgreSQL: one statement, whose rows have all columns.
    fn as_one(&self) -> String {
        let with = |((name, _), text): &(Kind, String)| format!("{name} AS ({text})");
        let withs: Vec<String> = self.statements.iter().map(with).collect();
        let selects: Vec<String> = self
            .statements
            .iter()
            .map(|((name, own), _)| {
                let columns: Vec<String> = COLUMNS
                    .iter()
                    .map(|(column, kind)| match own.contains(column) {
                        true => (*column).to_owned(),
                        false => format!("CAST(NULL AS {kind}) AS {column}"),
                    })
                    .collect();
                format!(
                    "SELECT '{name}' AS kind, {} FROM {name}",
                    columns.join(", ")
                )
            })
            .collect();
        format!("WITH {} {}", withs.join(", "), selects.join(" UNION ALL "))
    }
}

fn sort(rows: &[Row]) -> Result<Taken, DbErr> {
    let mut taken = Taken {
        moved: Moved(Vec::new()),
        fresh: Vec::new(),
        known: Vec::new(),
    };
    for row in rows {
        let kind: String = row.get("kind")?;
        match kind.as_str() {
            "moved" => taken.moved.0.push(Moved::read(row)?),
            "fresh" => taken.fresh.push(row.get("event_id")?),
            _ => taken.known.push(KnownPerson::from_row(row)?),
        }
    }
    Ok(taken)
}
