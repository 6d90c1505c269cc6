//! Parked and stopped events in the table `inbox`: tried again, given up, decided by hand.

use jiff::Timestamp;
use sea_orm::{ConnectionTrait, DbErr};
use uuid::Uuid;

use super::stored;
use crate::bus::{Envelope, TopicPartition};
use crate::civil::micros;
use crate::db::{Row, Sql, val};

/// State of an inbox row that waits, and holds its key.
pub(crate) const PARKED: &str = "parked";
/// State of one that was given up; it holds nothing.
pub(crate) const STOPPED: &str = "stopped";

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
