//! Reading and deleting outbox rows.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sea_orm::{ConnectionTrait, DbErr};
use uuid::Uuid;

use crate::bus::Envelope;
use crate::db::dialect::{self, Horizon};
use crate::db::{Row, Sql, rows_of, val};

/// Rows that one statement deletes: SQLite's one writer must not be held for long.
const DELETED_BY_ONE_STATEMENT: usize = 2_000;

/// One row that waits, or that the bus refused.
#[derive(Clone, Debug)]
pub(crate) struct OutboxRow {
    pub(crate) seq: i64,
    pub(crate) envelope: Envelope,
    pub(crate) refused_reason: Option<String>,
}

/// Topic and key of events that follow each other.
pub(super) type Stream = (String, String);

impl OutboxRow {
    pub(super) fn stream(&self) -> Stream {
        (self.envelope.topic.clone(), self.envelope.key.clone())
    }

    fn from_row(row: &Row, source: &str) -> Result<Self, DbErr> {
        Ok(Self {
            seq: row.get("seq")?,
            envelope: Envelope {
                id: row.get("event_id")?,
                source: source.to_owned(),
                topic: row.get("topic")?,
                key: row.get("key")?,
                sequence: row.get("sequence")?,
                event_type: row.get("type")?,
                time: row.instant("time")?,
                division: row.parse_opt("division")?,
                causation_id: row.get("causation_id")?,
                correlation_id: row.get("correlation_id")?,
                traceparent: row.get("traceparent")?,
                value: row.get("value")?,
            },
            refused_reason: row.get("refused_reason")?,
        })
    }
}

const COLUMNS: &str = "seq, event_id, topic, key, sequence, type, time, division, causation_id, correlation_id, \
                       traceparent, value, refused_reason";

/// The oldest rows from `from` on that are neither refused nor behind a refused one of their key, without
/// those of `except`.
pub(super) async fn waiting(
    db: &impl ConnectionTrait,
    source: &str,
    from: i64,
    except: impl IntoIterator<Item = i64>,
    limit: usize,
) -> Result<Vec<OutboxRow>, DbErr> {
    let except = except.into_iter().map(|seq| vec![val(seq)]);
    let (those, mut values) = rows_of(db.get_database_backend(), except);
    let (with_those, not_those) = match values.is_empty() {
        true => (String::new(), ""),
        false => (
            format!("WITH taken AS ({those}) "),
            "AND seq NOT IN (SELECT column1 FROM taken) ",
        ),
    };
    let (first, last) = (values.len() + 1, values.len() + 2);
    let text = format!(
        "{with_those}SELECT {COLUMNS} FROM outbox WHERE seq >= ${first} AND refused_reason IS NULL {not_those}AND NOT \
         EXISTS (SELECT 1 FROM outbox held WHERE held.refused_reason IS NOT NULL AND held.topic = outbox.topic \
         AND held.key = outbox.key AND held.seq < outbox.seq) ORDER BY seq LIMIT ${last}"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    values.extend([val(from), val(limit)]);
    let rows = db.all(text, values).await?;
    rows.iter()
        .map(|row| OutboxRow::from_row(row, source))
        .collect()
}

/// Which transactions run, and which streams a refused row holds, at one moment.
pub(super) async fn horizon(
    db: &impl ConnectionTrait,
) -> Result<(Horizon, BTreeSet<Stream>), DbErr> {
    let text = format!(
        "SELECT horizon.oldest, horizon.next, held.topic, held.key FROM ({}) horizon LEFT JOIN \
         (SELECT DISTINCT topic, key FROM outbox WHERE refused_reason IS NOT NULL) held ON true",
        dialect::horizon(db.get_database_backend())
    );
    let rows = db.all(text, []).await?;
    let Some(first) = rows.first() else {
        return Err(DbErr::RecordNotFound("the horizon".to_owned()));
    };
    let horizon = Horizon {
        oldest: first.get("oldest")?,
        next: first.get("next")?,
    };
    let mut held = BTreeSet::new();
    for row in &rows {
        let topic: Option<String> = row.get("topic")?;
        if let Some(topic) = topic {
            held.insert((topic, row.get("key")?));
        }
    }
    Ok((horizon, held))
}

/// Deletes rows that the bus has.
pub(super) async fn delete(db: &impl ConnectionTrait, seqs: &[i64]) -> Result<(), DbErr> {
    for chunk in seqs.chunks(DELETED_BY_ONE_STATEMENT) {
        let chunk = chunk.iter().map(|seq| vec![val(*seq)]);
        let (those, values) = rows_of(db.get_database_backend(), chunk);
        db.run(format!("DELETE FROM outbox WHERE seq IN ({those})"), values)
            .await?;
    }
    Ok(())
}

/// Marks a row that the bus refuses for itself; it holds its key from then on.
pub(super) async fn refuse(db: &impl ConnectionTrait, seq: i64, reason: &str) -> Result<(), DbErr> {
    db.run(
        "UPDATE outbox SET refused_reason = $2 WHERE seq = $1",
        [val(seq), val(reason)],
    )
    .await?;
    Ok(())
}

/// Rows after `seq` that the bus refused, oldest first.
pub(crate) async fn refused(
    db: &impl ConnectionTrait,
    source: &str,
    after: i64,
    limit: i64,
) -> Result<Vec<OutboxRow>, DbErr> {
    let text = format!(
        "SELECT {COLUMNS} FROM outbox WHERE refused_reason IS NOT NULL AND seq > $1 ORDER BY seq LIMIT $2"
    );
    let rows = db.all(text, [val(after), val(limit)]).await?;
    rows.iter()
        .map(|row| OutboxRow::from_row(row, source))
        .collect()
}

/// One refused row.
pub(crate) async fn find_refused(
    db: &impl ConnectionTrait,
    source: &str,
    event_id: Uuid,
) -> Result<Option<OutboxRow>, DbErr> {
    let text =
        format!("SELECT {COLUMNS} FROM outbox WHERE refused_reason IS NOT NULL AND event_id = $1");
    let row = db.one(text, [val(event_id)]).await?;
    row.map(|row| OutboxRow::from_row(&row, source)).transpose()
}

/// Has the relay send a refused row again; whether there was one.
pub(crate) async fn send_again(db: &impl ConnectionTrait, event_id: Uuid) -> Result<bool, DbErr> {
    let text = "UPDATE outbox SET refused_reason = NULL WHERE refused_reason IS NOT NULL AND event_id = $1";
    Ok(db.run(text, [val(event_id)]).await? > 0)
}

/// Deletes a refused row; whether there was one.
pub(crate) async fn discard_refused(
    db: &impl ConnectionTrait,
    event_id: Uuid,
) -> Result<bool, DbErr> {
    let text = "DELETE FROM outbox WHERE refused_reason IS NOT NULL AND event_id = $1";
    Ok(db.run(text, [val(event_id)]).await? > 0)
}

/// How much waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) rows: i64,
    pub(crate) refused: i64,
    pub(crate) oldest: Option<Timestamp>,
}

/// Counts what waits.
pub(crate) async fn status(db: &impl ConnectionTrait) -> Result<Status, DbErr> {
    let text = "SELECT count(*) AS all_rows, count(refused_reason) AS refused, min(time) AS oldest FROM outbox";
    let Some(row) = db.one(text, []).await? else {
        return Ok(Status::default());
    };
    Ok(Status {
        rows: row.get("all_rows")?,
        refused: row.get("refused")?,
        oldest: row.instant_opt("oldest")?,
    })
}
