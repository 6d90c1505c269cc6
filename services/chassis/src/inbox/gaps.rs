//! Watches the envelope's sequence. It is for checking, never a stop: a jump raises a metric and a
//! row in `stream_gap`, which the missing event deletes; a fall with an unknown id is shown as a
//! fork; the first sight of a key only sets the mark.

use std::collections::HashMap;

use jiff::Timestamp;
use sea_orm::DbErr;

use super::subscription::Subscription;
use super::table;
use crate::bus::{Envelope, Record};
use crate::civil::micros;
use crate::context::Context;
use crate::db::{Sql, val};

/// Keys remembered at once; beyond that the marks begin anew.
const KEYS_REMEMBERED: usize = 100_000;

/// Gaps of one jump that are written down one by one.
const MOST_ROWS_OF_A_JUMP: i64 = 100;

type Stream = (String, String, String);

/// The highest sequence seen of each stream of this process.
#[derive(Default)]
pub(super) struct GapWatch {
    marks: HashMap<Stream, i64>,
}

impl GapWatch {
    /// Forgets the marks: some partition is being read again.
    pub(super) fn forget(&mut self) {
        self.marks.clear();
    }

    /// Compares the records of one poll, before they are filtered.
    pub(super) fn compare(&mut self, records: &[Record]) -> Vec<Oddity> {
        let envelopes = records
            .iter()
            .filter_map(|record| record.envelope.as_ref().ok());
        envelopes
            .filter_map(|envelope| self.compare_one(envelope))
            .collect()
    }

    fn compare_one(&mut self, envelope: &Envelope) -> Option<Oddity> {
        let stream = (
            envelope.source.clone(),
            envelope.topic.clone(),
            envelope.key.clone(),
        );
        if self.marks.len() >= KEYS_REMEMBERED {
            self.marks.clear();
        }
        let Some(mark) = self.marks.get_mut(&stream) else {
            self.marks.insert(stream, envelope.sequence);
            return None;
        };
        let expected = *mark + 1;
        if envelope.sequence < expected {
            return Some(Oddity::Fall(envelope.clone()));
        }
        *mark = envelope.sequence;
        let jumped = envelope.sequence > expected;
        jumped.then(|| Oddity::Jump(envelope.clone(), expected))
    }
}

/// A record out of line.
pub(super) enum Oddity {
    /// Some before it, from this number on, have not come.
    Jump(Envelope, i64),
    /// Its number has come before: a resend, what was missing, or a fork.
    Fall(Envelope),
}

/// Writes down what is odd. Call it when the poll was handled: a resend is known by its inbox row,
/// also one that came with the first in one poll. Where some of the poll is read `again`, a fall may have no inbox row
/// yet: it is no fork for that.
pub(super) async fn note(
    cx: &Context,
    subscriptions: &[Subscription],
    odd: &[Oddity],
    again: bool,
) {
    for oddity in odd {
        let noted = match oddity {
            Oddity::Jump(envelope, expected) => note_jump(cx, envelope, *expected).await,
            Oddity::Fall(envelope) => note_fall(cx, subscriptions, envelope, again).await,
        };
        if let Err(error) = noted {
            tracing::warn!(service = cx.name(), %error, "writing down a stream gap");
        }
    }
}

async fn note_jump(cx: &Context, envelope: &Envelope, expected: i64) -> Result<(), DbErr> {
    cx.metrics()
        .stream_gaps(cx.name(), envelope.topic.clone())
        .inc();
    tracing::warn!(
        service = cx.name(),
        source = %envelope.source,
        topic = %envelope.topic,
        expected,
        found = envelope.sequence,
        "a gap in a stream"
    );
    for missing in expected..envelope.sequence.min(expected + MOST_ROWS_OF_A_JUMP) {
        write(cx, envelope, missing, "gap", cx.now()).await?;
    }
    Ok(())
}

async fn note_fall(
    cx: &Context,
    subscriptions: &[Subscription],
    envelope: &Envelope,
    again: bool,
) -> Result<(), DbErr> {
    let text = "DELETE FROM stream_gap WHERE source = $1 AND topic = $2 AND key = $3 AND missing_sequence = $4 \
                AND kind = 'gap'";
    let values = [
        val(envelope.source.clone()),
        val(envelope.topic.clone()),
        val(envelope.key.clone()),
        val(envelope.sequence),
    ];
    let healed = cx.db().writer().run(text, values).await? > 0;
    let readers = subscriptions
        .iter()
        .filter(|one| one.names(&envelope.event_type));
    let names: Vec<&'static str> = readers.map(Subscription::name).collect();
    // Nobody here reads this type, so no inbox row could tell a resend from a fork.
    let is_explained = healed || again || names.is_empty();
    if is_explained || table::has_seen(cx.db().reader(), &names, envelope.id).await? {
        return Ok(());
    }
    write(cx, envelope, envelope.sequence, "fork", cx.now()).await
}

async fn write(
    cx: &Context,
    envelope: &Envelope,
    sequence: i64,
    kind: &'static str,
    now: Timestamp,
) -> Result<(), DbErr> {
    let text = "INSERT INTO stream_gap (source, topic, key, missing_sequence, kind, seen_at) \
                VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
    let values = [
        val(envelope.source.clone()),
        val(envelope.topic.clone()),
        val(envelope.key.clone()),
        val(sequence),
        val(kind),
        val(micros(now)),
    ];
    cx.db().writer().run(text, values).await?;
    Ok(())
}
