//! All that a service's database holds, and refusing what is written to a table of it.

use std::collections::{BTreeMap, BTreeSet};

use minzheng_chassis::context::Context;
use minzheng_chassis::db::Sql;
use minzheng_chassis::testing::eventually;
use sea_orm::{ConnectionTrait, DbBackend};

/// Every row of every table, as text.
pub type Snapshot = BTreeMap<String, BTreeSet<String>>;

async fn lines(cx: &Context, text: String, column: &str) -> Vec<String> {
    let rows = cx.db().reader().all(text, []).await.expect("read");
    rows.iter()
        .map(|row| row.get(column).expect("a text"))
        .collect()
}

/// Tables in which a process says how it is getting on; that something failed is written there.
const BOOKS: [&str; 3] = ["inbox", "position", "lease"];

async fn tables(cx: &Context) -> Vec<String> {
    let text = match cx.db().backend() {
        DbBackend::Sqlite => {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        }
        _ => {
            "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'"
        }
    };
    let mut tables = lines(cx, text.to_owned(), "name").await;
    tables.retain(|table| !BOOKS.contains(&table.as_str()));
    tables
}

async fn rows(cx: &Context, table: &str) -> BTreeSet<String> {
    let text = match cx.db().backend() {
        DbBackend::Sqlite => {
            let columns = format!("SELECT name FROM pragma_table_info('{table}')");
            let columns: Vec<String> = lines(cx, columns, "name")
                .await
                .iter()
                .map(|name| format!("quote({name})"))
                .collect();
            format!(
                "SELECT {} AS line FROM {table}",
                columns.join(" || ',' || ")
            )
        }
        _ => format!("SELECT t::text AS line FROM {table} t"),
    };
    lines(cx, text, "line").await.into_iter().collect()
}

/// Everything, once the relay has sent what is to be sent.
pub async fn snapshot(cx: &Context) -> Snapshot {
    eventually("everything is sent", || async {
        rows(cx, "outbox").await.is_empty().then_some(())
    })
    .await;
    let mut snapshot = Snapshot::new();
    for table in tables(cx).await {
        let rows = rows(cx, &table).await;
        snapshot.insert(table, rows);
    }
    snapshot
}

/// The tables that differ.
pub fn changed(before: &Snapshot, after: &Snapshot) -> BTreeSet<String> {
    let names = before
        .iter()
        .filter(|(table, rows)| after[*table] != **rows);
    names.map(|(table, _)| table.clone()).collect()
}

/// How many rows each table has gained.
pub fn gained(before: &Snapshot, after: &Snapshot) -> BTreeMap<String, i64> {
    let count = |rows: &BTreeSet<String>| i64::try_from(rows.len()).expect("few rows");
    before
        .iter()
        .map(|(table, rows)| (table.clone(), count(&after[table]) - count(rows)))
        .collect()
}

const EVENTS: [&str; 2] = ["INSERT", "UPDATE"];

async fn run(cx: &Context, text: &str) {
    let db = cx.db().writer();
    db.execute_unprepared(text).await.expect("it is run");
}

/// Makes every write to a table fail.
pub async fn refuse(cx: &Context, table: &str) {
    let action = match cx.db().backend() {
        DbBackend::Sqlite => "BEGIN SELECT RAISE(ABORT, 'refused by the test'); END",
        _ => {
            run(
                cx,
                "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \
                 'BEGIN RAISE EXCEPTION ''refused by the test''; END'",
            )
            .await;
            "FOR EACH ROW EXECUTE FUNCTION refuse()"
        }
    };
    for event in EVENTS {
        let text =
            format!("CREATE TRIGGER refuse_{event}_{table} BEFORE {event} ON {table} {action}");
        run(cx, &text).await;
    }
}

/// Lets writes succeed again.
pub async fn allow(cx: &Context, table: &str) {
    let of = match cx.db().backend() {
        DbBackend::Sqlite => String::new(),
        _ => format!(" ON {table}"),
    };
    for event in EVENTS {
        run(cx, &format!("DROP TRIGGER refuse_{event}_{table}{of}")).await;
    }
}
