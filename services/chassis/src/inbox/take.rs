//! The beginning of a reaction's transaction: positions move, inbox rows are written, guard rows locked and
//! told what the facts say; all in one round trip.

use jiff::Timestamp;
use sea_orm::{ConnectionTrait, DbErr, Value};
use uuid::Uuid;

use super::slice::Part;
use super::table::{self, Moved, NewRow};
use crate::db::script::Script;
use crate::db::{Row, Sql, dialect};
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
    let backend = db.get_database_backend();
    let mut statements = vec![
        (MOVED, table::move_statement(backend, subscription, parts)),
        (
            FRESH,
            table::insert_statement(backend, subscription, now, rows),
        ),
    ];
    if !named.locked_first.is_empty() {
        statements.push((KNOWN, person::lock_statement(backend, &named.locked_first)));
    } else if !named.facts.is_empty() {
        statements.push((KNOWN, person::learn_statement(backend, &named.facts)));
    }
    let (text, values) = if dialect::takes_scripts(backend) {
        one_by_one(statements)
    } else {
        as_one(statements)
    };
    sort(&db.all(text, values).await?)
}

/// A statement's name, and the columns that it returns.
type Kind = (&'static str, &'static [&'static str]);

/// A statement that returns rows, and its values.
type Asking = (Kind, (String, Vec<Value>));

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

/// Every statement's rows have its own columns and say whose they are.
fn one_by_one(statements: Vec<Asking>) -> (String, Vec<Value>) {
    let mut script = Script::default();
    for ((name, _), (text, values)) in statements {
        script.add(
            name.to_owned(),
            &format!("{text}, '{name}' AS kind"),
            values,
        );
    }
    script.into_script()
}

/// All rows have all columns.
fn as_one(statements: Vec<Asking>) -> (String, Vec<Value>) {
    let mut script = Script::default();
    let mut selects = Vec::with_capacity(statements.len());
    for ((name, own), (text, values)) in statements {
        let columns: Vec<String> = COLUMNS
            .iter()
            .map(|(column, kind)| match own.contains(column) {
                true => (*column).to_owned(),
                false => format!("CAST(NULL AS {kind}) AS {column}"),
            })
            .collect();
        selects.push(format!(
            "SELECT '{name}' AS kind, {} FROM {name}",
            columns.join(", ")
        ));
        script.add(name.to_owned(), &text, values);
    }
    script.into_one(&selects.join(" UNION ALL "))
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
