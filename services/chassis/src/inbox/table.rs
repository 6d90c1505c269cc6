//! The tables `inbox` and `position`: what a transaction takes from a poll. What becomes of parked events is in
//! [`super::held`].

use std::collections::BTreeSet;

use jiff::Timestamp;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Value};
use uuid::Uuid;

use super::held::{PARKED, STOPPED};
use super::slice::Part;
use super::stored;
use crate::bus::{Envelope, TopicPartition};
use crate::civil::micros;
use crate::db::dialect::placeholders;
use crate::db::{Insert, Row, Sql, rows_of, val};

/// State of an inbox row.
const APPLIED: &str = "applied";

/// One row to insert.
pub(super) struct NewRow<'a> {
    pub(super) at: &'a TopicPartition,
    pub(super) envelope: &'a Envelope,
    pub(super) offset: i64,
    pub(super) state: RowState,
}

/// In what state a row is inserted.
pub(super) enum RowState {
    Applied,
    /// The head of its key: tried and failed, to be tried again.
    Parked {
        tries: i32,
        next_try_at: Timestamp,
        reason: String,
    },
    /// Behind a parked one of its key.
    Behind,
    Stopped {
        reason: String,
    },
}

/// What moving positions found: of each that moved, how many events are parked on its partition.
pub(super) struct Moved(pub(super) Vec<(TopicPartition, i64)>);

impl Moved {
    pub(super) fn read(row: &Row) -> Result<(TopicPartition, i64), DbErr> {
        let at = TopicPartition {
            topic: row.get("topic")?,
            partition: row.get("partition")?,
        };
        Ok((at, row.get("parked")?))
    }

    /// The positions that somebody else has moved.
    pub(super) fn lost(&self, parts: &[Part<'_>]) -> Vec<TopicPartition> {
        let stayed = parts
            .iter()
            .filter(|part| self.0.iter().all(|(at, _)| at != part.at));
        stayed.map(|part| part.at.clone()).collect()
    }

    /// How many events are parked on all of them.
    pub(super) fn parked(&self) -> i64 {
        self.0.iter().map(|(_, parked)| parked).sum()
    }
}

/// Moves positions by compare-and-set.
pub(super) async fn move_positions(
    db: &impl ConnectionTrait,
    subscription: &str,
    parts: &[Part<'_>],
) -> Result<Moved, DbErr> {
    let (text, values) = move_statement(db.get_database_backend(), subscription, parts);
    let rows = db.all(text, values).await?;
    let moved: Result<Vec<_>, DbErr> = rows.iter().map(Moved::read).collect();
    Ok(Moved(moved?))
}

/// The statement of [`move_positions`], and its values; it returns topic, partition and how many events are
/// parked there.
pub(super) fn move_statement(
    backend: DbBackend,
    subscription: &str,
    parts: &[Part<'_>],
) -> (String, Vec<Value>) {
    let rows = parts.iter().map(|part| {
        vec![
            val(part.at.topic.clone()),
            val(part.at.partition),
            val(part.read),
            val(part.next),
        ]
    });
    let (moves, mut values) = rows_of(backend, rows);
    values.push(val(subscription));
    let text = format!(
        "UPDATE position SET next_offset = moves.column4 FROM ({moves}) AS moves \
         WHERE position.subscription = ${} AND position.topic = moves.column1 \
         AND position.partition = moves.column2 AND position.next_offset = moves.column3 \
         RETURNING topic, partition, (SELECT count(*) FROM inbox WHERE inbox.subscription = \
         position.subscription AND inbox.topic = position.topic AND inbox.partition = position.partition \
         AND inbox.state = 'parked') AS parked",
        values.len()
    );
    (text, values)
}

/// Topic and key of everything parked of a subscription.
pub(super) async fn parked_keys(
    db: &impl ConnectionTrait,
    subscription: &str,
) -> Result<BTreeSet<(String, String)>, DbErr> {
    let text = "SELECT DISTINCT topic, key FROM inbox WHERE subscription = $1 AND state = 'parked'";
    db.all(text, [val(subscription)])
        .await?
        .iter()
        .map(|row| Ok((row.get("topic")?, row.get("key")?)))
        .collect()
}

const COLUMNS: &[&str] = &[
    "subscription",
    "event_id",
    "state",
    "topic",
    "partition",
    "record_offset",
    "key",
    "received_at",
    "envelope",
    "tries",
    "first_try_at",
    "next_try_at",
    "reason",
];

/// Inserts the rows of a batch; the ids of those that are new.
pub(super) async fn insert(
    db: &impl ConnectionTrait,
    subscription: &str,
    now: Timestamp,
    rows: &[NewRow<'_>],
) -> Result<Vec<Uuid>, DbErr> {
    let (text, values) = insert_statement(db.get_database_backend(), subscription, now, rows);
    db.all(text, values)
        .await?
        .iter()
        .map(|row| row.get("event_id"))
        .collect()
}

/// The statement of [`insert`], and its values; it returns the ids.
pub(super) fn insert_statement(
    backend: DbBackend,
    subscription: &str,
    now: Timestamp,
    rows: &[NewRow<'_>],
) -> (String, Vec<Value>) {
    let insert = Insert {
        table: "inbox",
        columns: COLUMNS,
        tail: "ON CONFLICT (subscription, event_id) DO NOTHING RETURNING event_id",
    };
    let rows = rows.iter();
    insert.rows(backend, rows.map(|row| row_values(subscription, now, row)))
}

/// Puts rows in place of those of the same events.
pub(super) async fn replace(
    db: &impl ConnectionTrait,
    subscription: &str,
    now: Timestamp,
    rows: &[NewRow<'_>],
) -> Result<(), DbErr> {
    if rows.is_empty() {
        return Ok(());
    }
    let text = format!(
        "DELETE FROM inbox WHERE subscription = $1 AND event_id IN ({})",
        placeholders(2, rows.len())
    );
    let ids = rows.iter().map(|row| val(row.envelope.id));
    let values: Vec<Value> = std::iter::once(val(subscription)).chain(ids).collect();
    db.run(text, values).await?;
    insert(db, subscription, now, rows).await?;
    Ok(())
}

fn row_values(subscription: &str, now: Timestamp, row: &NewRow<'_>) -> Vec<Value> {
    let now = micros(now);
    let (state, kept, tries, first, next, reason) = match &row.state {
        RowState::Applied => (APPLIED, false, None, None, None, None),
        RowState::Parked {
            tries,
            next_try_at,
            reason,
        } => (
            PARKED,
            true,
            Some(*tries),
            Some(now),
            Some(micros(*next_try_at)),
            Some(reason.clone()),
        ),
        RowState::Behind => (PARKED, true, Some(0), None, None, None),
        RowState::Stopped { reason } => (
            STOPPED,
            true,
            Some(1),
            Some(now),
            None,
            Some(reason.clone()),
        ),
    };
    vec![
        val(subscription),
        val(row.envelope.id),
        val(state),
        val(row.at.topic.clone()),
        val(row.at.partition),
        val(row.offset),
        val(row.envelope.key.clone()),
        val(now),
        val(kept.then(|| stored::encode(row.envelope))),
        val(tries),
        val(first),
        val(next),
        val(reason),
    ]
}

/// Whether any of the subscriptions has seen an event.
pub(super) async fn has_seen(
    db: &impl ConnectionTrait,
    subscriptions: &[&'static str],
    event_id: Uuid,
) -> Result<bool, DbErr> {
    let places = placeholders(2, subscriptions.len());
    let text = format!(
        "SELECT 1 AS found FROM inbox WHERE event_id = $1 AND subscription IN ({places}) LIMIT 1"
    );
    let mut values = vec![val(event_id)];
    values.extend(subscriptions.iter().map(|name| val(*name)));
    Ok(db.one(text, values).await?.is_some())
}
