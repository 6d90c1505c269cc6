//! Reading and deleting outbox rows.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr};
use uuid::Uuid;

use super::passed::{Passed, Seqs};
use crate::bus::Envelope;
use crate::db::dialect::{self, Horizon};
use crate::db::{Row, Sql, each_row, instant, rows_of, val};
use crate::division::{DivisionCode, DivisionCodeError};

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
    /// A row of [`COLUMNS`].
    fn from_row(row: &Row, source: &str) -> Result<Self, DbErr> {
        let mut of = row.in_order();
        Ok(Self {
            seq: of.value()?,
            envelope: Envelope {
                source: source.to_owned(),
                id: of.value()?,
                topic: of.value()?,
                key: of.value()?,
                sequence: of.value()?,
                event_type: of.value()?,
                time: instant(of.value()?)?,
                division: division(of.value()?)?,
                causation_id: of.value()?,
                correlation_id: of.value()?,
                traceparent: of.value()?,
                value: of.value()?,
            },
            refused_reason: of.value()?,
        })
    }
}

fn division(code: Option<String>) -> Result<Option<DivisionCode>, DbErr> {
    let parsed = code.map(|code| code.parse()).transpose();
    parsed.map_err(|error: DivisionCodeError| DbErr::Type(format!("division: {error}")))
}

/// In the order in which [`OutboxRow::from_row`] reads them.
const COLUMNS: &str = "seq, event_id, topic, key, sequence, type, time, division, causation_id, correlation_id, \
                       traceparent, value, refused_reason";

/// The oldest rows from `from` on that are neither refused nor behind a refused one of their key, without
/// those of `except`, and but for numbers of which all rows are `gone`.
pub(super) async fn waiting(
    db: &DatabaseConnection,
    source: &str,
    from: i64,
    gone: &Passed,
    except: impl IntoIterator<Item = i64>,
    limit: usize,
) -> Result<Vec<OutboxRow>, DbErr> {
    let Seqs { runs, single } = Seqs::of(except);
    let mut passed = gone.clone();
    for run in runs {
        passed.add(run);
    }
    let (between, last) = passed.between(from);
    let single = single.into_iter().map(|seq| vec![val(seq)]);
    let (those, mut values) = rows_of(db.get_database_backend(), single);
    let (with_those, not_those) = match values.is_empty() {
        true => (String::new(), ""),
        false => (
            format!("WITH taken AS ({those}) "),
            "AND seq NOT IN (SELECT column1 FROM taken) ",
        ),
    };
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    // Placeholders in their order: SQLite looks others up in a list (`dialect::placed`).
    let mut place = |value: i64| {
        values.push(val(value));
        values.len()
    };
    // One statement: rows of a key that were committed after each other are seen in their order, or not yet.
    let mut pieces = Vec::with_capacity(between.len() + 1);
    for range in between {
        let (first, end, limit) = (place(*range.start()), place(*range.end()), place(most));
        pieces.push(piece(
            not_those,
            &format!("seq BETWEEN ${first} AND ${end}"),
            limit,
        ));
    }
    let (first, limit_place) = (place(last), place(most));
    pieces.push(piece(not_those, &format!("seq >= ${first}"), limit_place));
    let text = match pieces.as_slice() {
        [all] => format!("{with_those}{all}"),
        _ => {
            let parts = pieces
                .iter()
                .map(|piece| format!("SELECT * FROM ({piece}) AS part"));
            format!("{with_those}{}", Vec::from_iter(parts).join(" UNION ALL "))
        }
    };
    let mut rows = each_row(db, text, values, |row| OutboxRow::from_row(row, source)).await?;
    rows.sort_by_key(|row| row.seq);
    rows.truncate(limit);
    Ok(rows)
}

/// The oldest rows of some numbers.
fn piece(not_those: &str, of: &str, limit: usize) -> String {
    format!(
        "SELECT {COLUMNS} FROM outbox WHERE refused_reason IS NULL {not_those}AND {of} AND NOT EXISTS (SELECT 1 \
         FROM outbox held WHERE held.refused_reason IS NOT NULL AND held.topic = outbox.topic AND held.key = outbox.key \
         AND held.seq < outbox.seq) ORDER BY seq LIMIT ${limit}"
    )
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
pub(super) async fn delete(
    db: &impl ConnectionTrait,
    seqs: impl IntoIterator<Item = i64>,
) -> Result<(), DbErr> {
    let Seqs { runs, single } = Seqs::of(seqs);
    for run in runs {
        for first in run.clone().step_by(DELETED_BY_ONE_STATEMENT) {
            let behind = first + DELETED_BY_ONE_STATEMENT as i64 - 1;
            let values = [val(first), val(behind.min(*run.end()))];
            db.run("DELETE FROM outbox WHERE seq BETWEEN $1 AND $2", values)
                .await?;
        }
    }
    for chunk in single.chunks(DELETED_BY_ONE_STATEMENT) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbox::model::{SERVICE, outbox_at_rest};
    use crate::testing::TestDatabase;

    /// Nothing but new rows; the number before the first.
    async fn fill(db: &impl ConnectionTrait, rows: i64) -> i64 {
        db.run("DELETE FROM outbox", []).await.unwrap();
        let text = format!(
            "INSERT INTO outbox (event_id, topic, key, sequence, type, time, value) WITH RECURSIVE n(seq) AS \
             (SELECT 1 UNION ALL SELECT seq + 1 FROM n WHERE seq < {rows}) SELECT $1, 't', 'k', seq, 'e', 0, $2 \
             FROM n ORDER BY seq"
        );
        db.run(text, [val(Uuid::nil()), val(b"v".to_vec())])
            .await
            .unwrap();
        let row = db.one("SELECT min(seq) AS first FROM outbox", []).await;
        row.unwrap().unwrap().get::<i64>("first").unwrap() - 1
    }

    /// Whatever is left out or deleted, as ranges, as a list or as both: it is that and nothing else.
    async fn what_is_named_and_nothing_else(database: TestDatabase) {
        const ROWS: i64 = 5_000;
        let cx = outbox_at_rest(&database).await;
        let db = cx.db().writer();
        let all = || 1..=ROWS;
        let sets: [Vec<i64>; 6] = [
            vec![],
            vec![3, 5, ROWS],
            (1..=4_321).collect(),
            all().filter(|seq| seq % 997 != 0).collect(),
            all().filter(|seq| seq % 2 == 0).collect(),
            (100..=300).chain([2, 4]).chain(1_000..1_010).collect(),
        ];
        for set in sets {
            let before = fill(db, ROWS).await;
            let others = |from| all().filter(move |seq| *seq >= from);
            let others = |from| others(from).filter(|seq| !set.contains(seq)).collect();
            let left = async |from: i64, except: &[i64]| -> Vec<i64> {
                let except = except.iter().map(|seq| seq + before);
                let none = Passed::default();
                let rows = waiting(db, SERVICE, from + before, &none, except, usize::MAX).await;
                let rows = rows.unwrap().into_iter();
                rows.map(|row| row.seq - before).collect()
            };
            let others_of: [Vec<i64>; 2] = [others(1), others(150)];
            assert_eq!(left(1, &set).await, others_of[0]);
            assert_eq!(left(150, &set).await, others_of[1]);
            // Ranges of what is gone are left out as well, whatever else is.
            let mut gone = Passed::default();
            gone.add(before + 10..=before + 120);
            gone.add(before + 2_000..=before + 2_500);
            let except = set.iter().map(|seq| seq + before);
            let rows = waiting(db, SERVICE, before, &gone, except, 3_000)
                .await
                .unwrap();
            let seen: Vec<i64> = rows.iter().map(|row| row.seq - before).collect();
            let is_gone = |seq: &i64| (10..=120).contains(seq) || (2_000..=2_500).contains(seq);
            let wanted = others_of[0].iter().copied().filter(|seq| !is_gone(seq));
            assert_eq!(seen, wanted.take(3_000).collect::<Vec<_>>());
            delete(db, set.iter().map(|seq| seq + before))
                .await
                .unwrap();
            assert_eq!(left(1, &[]).await, others_of[0]);
        }
        cx.db().close().await;
    }

    crate::on_both_databases!(what_is_named_and_nothing_else);
}
