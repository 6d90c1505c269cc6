//! The tables `inbox` and `position`.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sea_orm::{ConnectionTrait, DbErr, Value};
use uuid::Uuid;

use super::slice::Part;
use super::stored;
use crate::bus::{Envelope, TopicPartition};
use crate::civil::micros;
use crate::db::dialect::{Insert, placeholders};
use crate::db::{Row, Sql, val};

/// State of an inbox row.
pub(crate) const APPLIED: &str = "applied";
/// Waits, and holds its key.
pub(crate) const PARKED: &str = "parked";
/// Given up; holds nothing.
pub(crate) const STOPPED: &str = "stopped";

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
    let (text, values) = move_statement(subscription, parts);
    let rows = db.all(text, values).await?;
    let moved: Result<Vec<_>, DbErr> = rows.iter().map(Moved::read).collect();
    Ok(Moved(moved?))
}

/// The statement of [`move_positions`], and its values; it returns topic, partition and how many events are
/// parked there.
pub(super) fn move_statement(subscription: &str, parts: &[Part<'_>]) -> (String, Vec<Value>) {
    let rows: Vec<String> = (0..parts.len())
        .map(|n| {
            let [topic, partition, read, next] = [1, 2, 3, 4].map(|place| 4 * n + place);
            format!(
                "(CAST(${topic} AS text), CAST(${partition} AS integer), CAST(${read} AS bigint), \
                 CAST(${next} AS bigint))"
            )
        })
        .collect();
    let text = format!(
        "UPDATE position SET next_offset = moves.column4 FROM (VALUES {}) AS moves \
         WHERE position.subscription = ${} AND position.topic = moves.column1 \
         AND position.partition = moves.column2 AND position.next_offset = moves.column3 \
         RETURNING topic, partition, (SELECT count(*) FROM inbox WHERE inbox.subscription = \
         position.subscription AND inbox.topic = position.topic AND inbox.partition = position.partition \
         AND inbox.state = 'parked') AS parked",
        rows.join(", "),
        4 * parts.len() + 1
    );
    let mut values = Vec::with_capacity(4 * parts.len() + 1);
    for part in parts {
        values.extend([
            val(part.at.topic.clone()),
            val(part.at.partition),
            val(part.read),
            val(part.next),
        ]);
    }
    values.push(val(subscription));
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
    let (text, values) = insert_statement(subscription, now, rows);
    db.all(text, values)
        .await?
        .iter()
        .map(|row| row.get("event_id"))
        .collect()
}

/// The statement of [`insert`], and its values; it returns the ids.
pub(super) fn insert_statement(
    subscription: &str,
    now: Timestamp,
    rows: &[NewRow<'_>],
) -> (String, Vec<Value>) {
    let insert = Insert {
        table: "inbox",
        columns: COLUMNS,
        tail: "ON CONFLICT (subscription, event_id) DO NOTHING RETURNING event_id",
    };
    insert.rows(rows.iter().map(|row| row_values(subscription, now, row)))
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

/// A parked or stopped event.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) subscription: String,
    pub(crate) event_id: Uuid,
    pub(crate) state: String,
    pub(crate) at: TopicPartition,
    pub(crate) offset: i64,
    pub(crate) key: String,
    pub(crate) envelope: Vec<u8>,
    pub(crate) tries: i32,
    pub(crate) first_try_at: Option<Timestamp>,
    pub(crate) next_try_at: Option<Timestamp>,
    pub(crate) reason: Option<String>,
}

impl Held {
    fn from_row(row: &Row) -> Result<Self, DbErr> {
        Ok(Self {
            subscription: row.get("subscription")?,
            event_id: row.get("event_id")?,
            state: row.get("state")?,
            at: TopicPartition {
                topic: row.get("topic")?,
                partition: row.get("partition")?,
            },
            offset: row.get("record_offset")?,
            key: row.get("key")?,
            envelope: row.get::<Option<Vec<u8>>>("envelope")?.unwrap_or_default(),
            tries: row.get::<Option<i32>>("tries")?.unwrap_or_default(),
            first_try_at: row.instant_opt("first_try_at")?,
            next_try_at: row.instant_opt("next_try_at")?,
            reason: row.get("reason")?,
        })
    }

    /// Its envelope.
    pub(crate) fn open(&self) -> Result<Envelope, crate::bus::EnvelopeError> {
        stored::decode(&self.envelope)
    }
}

const HELD: &str = "SELECT subscription, event_id, state, topic, partition, record_offset, key, envelope, tries, \
                    first_try_at, next_try_at, reason FROM inbox";

/// Parked events that are due, oldest first.
pub(super) async fn due(
    db: &impl ConnectionTrait,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Held>, DbErr> {
    let text = format!(
        "{HELD} WHERE state = 'parked' AND next_try_at <= $1 ORDER BY next_try_at, record_offset LIMIT $2"
    );
    let rows = db.all(text, [val(micros(now)), val(limit)]).await?;
    rows.iter().map(Held::from_row).collect()
}

/// The oldest parked event behind `held` on its key.
pub(super) async fn next_of_key(
    db: &impl ConnectionTrait,
    held: &Held,
) -> Result<Option<Held>, DbErr> {
    let text = format!(
        "{HELD} WHERE subscription = $1 AND topic = $2 AND partition = $3 AND key = $4 AND state = 'parked' \
         ORDER BY record_offset LIMIT 1"
    );
    let values = [
        val(held.subscription.clone()),
        val(held.at.topic.clone()),
        val(held.at.partition),
        val(held.key.clone()),
    ];
    db.one(text, values)
        .await?
        .map(|row| Held::from_row(&row))
        .transpose()
}

/// Turns a parked event into an applied one, unless an older one of its key is parked or somebody
/// else was faster.
pub(super) async fn apply_parked(db: &impl ConnectionTrait, held: &Held) -> Result<bool, DbErr> {
    let text = "UPDATE inbox SET state = 'applied', envelope = NULL, next_try_at = NULL, reason = NULL \
                WHERE subscription = $1 AND event_id = $2 AND state = 'parked' AND NOT EXISTS (SELECT 1 FROM inbox older \
                WHERE older.subscription = $1 AND older.topic = inbox.topic AND older.partition = inbox.partition \
                AND older.key = inbox.key AND older.state = 'parked' AND older.record_offset < inbox.record_offset)";
    Ok(db
        .run(text, [val(held.subscription.clone()), val(held.event_id)])
        .await?
        == 1)
}

/// Notes a failed try.
pub(super) async fn note_try(
    db: &impl ConnectionTrait,
    held: &Held,
    now: Timestamp,
    next_try_at: Timestamp,
    reason: &str,
) -> Result<(), DbErr> {
    let text = "UPDATE inbox SET tries = tries + 1, first_try_at = coalesce(first_try_at, $3), next_try_at = $4, \
                reason = $5 WHERE subscription = $1 AND event_id = $2 AND state = 'parked'";
    let values = [
        val(held.subscription.clone()),
        val(held.event_id),
        val(micros(now)),
        val(micros(next_try_at)),
        val(reason),
    ];
    db.run(text, values).await?;
    Ok(())
}

/// Has a parked event tried again later, without counting a try.
pub(super) async fn postpone(
    db: &impl ConnectionTrait,
    held: &Held,
    next_try_at: Timestamp,
) -> Result<(), DbErr> {
    let text = "UPDATE inbox SET next_try_at = $3 WHERE subscription = $1 AND event_id = $2 AND state = 'parked'";
    let values = [
        val(held.subscription.clone()),
        val(held.event_id),
        val(micros(next_try_at)),
    ];
    db.run(text, values).await?;
    Ok(())
}

/// Gives a parked event up.
pub(super) async fn stop(
    db: &impl ConnectionTrait,
    held: &Held,
    reason: &str,
) -> Result<(), DbErr> {
    let text = "UPDATE inbox SET state = 'stopped', next_try_at = NULL, tries = tries + 1, reason = $3 \
                WHERE subscription = $1 AND event_id = $2 AND state = 'parked'";
    db.run(
        text,
        [
            val(held.subscription.clone()),
            val(held.event_id),
            val(reason),
        ],
    )
    .await?;
    Ok(())
}

/// Makes a parked or stopped event due now; whether there was one.
pub(crate) async fn make_due(
    db: &impl ConnectionTrait,
    subscription: &str,
    event_id: Uuid,
    now: Timestamp,
    decided: (&str, &str),
) -> Result<bool, DbErr> {
    let text = "UPDATE inbox SET first_try_at = CASE WHEN state = 'stopped' THEN $3 ELSE first_try_at END, \
                state = 'parked', next_try_at = $3, decided_by = $4, decision_reason = $5 \
                WHERE subscription = $1 AND event_id = $2 AND state IN ('parked', 'stopped')";
    let values = [
        val(subscription),
        val(event_id),
        val(micros(now)),
        val(decided.0),
        val(decided.1),
    ];
    Ok(db.run(text, values).await? == 1)
}

/// Ends a parked or stopped event without effect; whether there was one.
pub(crate) async fn discard(
    db: &impl ConnectionTrait,
    subscription: &str,
    event_id: Uuid,
    decided: (&str, &str),
) -> Result<bool, DbErr> {
    let text = "UPDATE inbox SET state = 'discarded', envelope = NULL, next_try_at = NULL, decided_by = $3, \
                decision_reason = $4 WHERE subscription = $1 AND event_id = $2 AND state IN ('parked', 'stopped')";
    let values = [
        val(subscription),
        val(event_id),
        val(decided.0),
        val(decided.1),
    ];
    Ok(db.run(text, values).await? == 1)
}

/// The heads of keys whose head has no next try (their older one was discarded): due at once.
pub(crate) async fn wake_heads(db: &impl ConnectionTrait, now: Timestamp) -> Result<u64, DbErr> {
    let text = "UPDATE inbox SET next_try_at = $1 WHERE state = 'parked' AND next_try_at IS NULL AND NOT EXISTS \
                (SELECT 1 FROM inbox older WHERE older.subscription = inbox.subscription AND older.topic = inbox.topic \
                AND older.partition = inbox.partition AND older.key = inbox.key AND older.state = 'parked' \
                AND older.record_offset < inbox.record_offset)";
    db.run(text, [val(micros(now))]).await
}

/// Parked and stopped events by subscription, topic and partition, the oldest first, after the record of
/// `after`.
pub(crate) async fn held(
    db: &impl ConnectionTrait,
    subscription: Option<&str>,
    after: Option<(&str, &TopicPartition, i64)>,
    limit: i64,
) -> Result<Vec<Held>, DbErr> {
    let mut values = vec![val(subscription.unwrap_or_default()), val(limit)];
    let beyond = match after {
        None => "",
        Some((subscription, at, offset)) => {
            values.extend([val(subscription), val(at.topic.as_str())]);
            values.extend([val(at.partition), val(offset)]);
            "AND (subscription, topic, partition, record_offset) > ($3, $4, $5, $6)"
        }
    };
    let text = format!(
        "{HELD} WHERE state IN ('parked', 'stopped') AND ($1 = '' OR subscription = $1) {beyond} \
         ORDER BY subscription, topic, partition, record_offset LIMIT $2"
    );
    let rows = db.all(text, values).await?;
    rows.iter().map(Held::from_row).collect()
}

/// One parked or stopped event.
pub(crate) async fn find_held(
    db: &impl ConnectionTrait,
    subscription: &str,
    event_id: Uuid,
) -> Result<Option<Held>, DbErr> {
    let text = format!(
        "{HELD} WHERE state IN ('parked', 'stopped') AND subscription = $1 AND event_id = $2"
    );
    db.one(text, [val(subscription), val(event_id)])
        .await?
        .map(|row| Held::from_row(&row))
        .transpose()
}

/// How many events are parked or stopped, by subscription and state.
pub(crate) async fn count_held(
    db: &impl ConnectionTrait,
) -> Result<Vec<(String, String, i64)>, DbErr> {
    let text = "SELECT subscription, state, count(*) AS n FROM inbox WHERE state IN ('parked', 'stopped') \
                GROUP BY subscription, state";
    let rows = db.all(text, []).await?;
    rows.iter()
        .map(|row| Ok((row.get("subscription")?, row.get("state")?, row.get("n")?)))
        .collect()
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
