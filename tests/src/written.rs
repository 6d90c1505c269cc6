//! All that the databases of a node hold, to compare before and after what must write nothing.

use std::collections::{BTreeMap, BTreeSet};

use minzheng_chassis::bus::TopicPartition;
use minzheng_chassis::context::Context;
use minzheng_chassis::db::Sql;
use minzheng_chassis::testing::{TestNode, eventually};
use minzheng_proto::topics;
use sea_orm::DbBackend;
use uuid::Uuid;

use crate::platform::SERVICES;

/// Every row of every table, as text, by service and table.
pub type Written = BTreeMap<(&'static str, String), BTreeSet<String>>;

/// Tables that change by themselves: how far a process has read and what it has read, who holds the
/// lease, what readiness tries to write.
const BOOKS: [&str; 4] = ["inbox", "position", "lease", "write_probe"];

/// Everything, once nothing of what was begun before is on its way any more.
pub async fn settled(node: &TestNode) -> Written {
    eventually("everything is sent and has taken effect", || async {
        let sent = sent(node).await;
        for service in SERVICES {
            if !has_taken(node.context(service), &sent).await {
                return None;
            }
        }
        for service in SERVICES {
            if !rows(node.context(service), "outbox").await.is_empty() {
                return None;
            }
        }
        // What came of the last of them is among them.
        (sent.len() == self::sent(node).await.len()).then_some(())
    })
    .await;
    everything(node).await
}

/// Asserts that no table has changed since.
pub async fn nothing_since(node: &TestNode, before: &Written, what: &str) {
    let now = everything(node).await;
    assert!(
        now.keys().eq(before.keys()),
        "the same tables as before: {what}"
    );
    let changed: Vec<_> = now
        .iter()
        .filter(|(table, rows)| before[*table] != **rows)
        .map(|(table, _)| table)
        .collect();
    assert!(changed.is_empty(), "{what}: {changed:?} changed");
}

async fn everything(node: &TestNode) -> Written {
    let mut written = Written::new();
    for service in SERVICES {
        let cx = node.context(service);
        for table in tables(cx).await {
            let rows = rows(cx, &table).await;
            written.insert((service, table), rows);
        }
    }
    written
}

/// Ids and types of all events on all topics.
async fn sent(node: &TestNode) -> Vec<(Uuid, String)> {
    let mut sent = Vec::new();
    for topic in topics::ALL {
        let marks = node.bus().watermarks(topic.name).await.expect("the topic");
        for (partition, marks) in (0..).zip(marks) {
            if marks.high == 0 {
                continue;
            }
            let at = TopicPartition::new(topic.name, partition);
            let records = node.bus().read(&at, 0, 10_000).await.expect("read");
            let envelopes = records.into_iter().filter_map(|it| it.envelope.ok());
            sent.extend(envelopes.map(|it| (it.id, it.event_type)));
        }
    }
    sent
}

/// Whether each subscription of a service has applied what it names.
async fn has_taken(cx: &Context, sent: &[(Uuid, String)]) -> bool {
    for subscription in cx.module().declared_subscriptions() {
        let text = format!(
            "SELECT event_id FROM inbox WHERE subscription = '{}' AND state = 'applied'",
            subscription.name()
        );
        let applied: BTreeSet<Uuid> = column(cx, text, "event_id").await;
        let types = subscription.types();
        let mut named = sent.iter().filter(|(_, of)| types.contains(&of.as_str()));
        if !named.all(|(id, _)| applied.contains(id)) {
            return false;
        }
    }
    true
}

async fn tables(cx: &Context) -> BTreeSet<String> {
    let text = match cx.db().backend() {
        DbBackend::Sqlite => {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        }
        _ => {
            "SELECT table_name::text AS name FROM information_schema.tables \
             WHERE table_schema = 'public'"
        }
    };
    let mut tables: BTreeSet<String> = column(cx, text.to_owned(), "name").await;
    tables.retain(|table| !BOOKS.contains(&table.as_str()));
    tables
}

async fn rows(cx: &Context, table: &str) -> BTreeSet<String> {
    let text = match cx.db().backend() {
        DbBackend::Sqlite => {
            let text = format!("SELECT name FROM pragma_table_info('{table}')");
            let columns: BTreeSet<String> = column(cx, text, "name").await;
            let columns: Vec<String> = columns.iter().map(|it| format!("quote({it})")).collect();
            let line = columns.join(" || ',' || ");
            format!("SELECT {line} AS line FROM {table}")
        }
        _ => format!("SELECT t::text AS line FROM {table} t"),
    };
    column(cx, text, "line").await
}

async fn column<T: sea_orm::TryGetable + Ord>(
    cx: &Context,
    text: String,
    name: &str,
) -> BTreeSet<T> {
    let rows = cx.db().reader().all(text, []).await.expect("read");
    rows.iter()
        .map(|row| row.get(name).expect("a value"))
        .collect()
}
