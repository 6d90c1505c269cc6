//! Watches the envelope's sequence. It is for checking, never a stop: a jump raises a metric and a
//! row in `stream_gap`, which the missing event deletes; a fall with an unknown id is shown as a
//! fork; the first sight of a key only sets the mark.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use sea_orm::DbErr;

use super::subscription::Subscription;
use super::table;
use crate::bus::{Envelope, Record, TopicPartition};
use crate::civil::micros;
use crate::context::Context;
use crate::db::{Sql, val};

/// Keys remembered at once; beyond that the marks begin anew.
const KEYS_REMEMBERED: usize = 100_000;

/// Gaps of one jump that are written down one by one.
const MOST_ROWS_OF_A_JUMP: i64 = 100;

type Stream = (String, String, String);

/// The highest sequence seen of each stream, for as long as its partition is read record after record: between two
/// that do not follow each other another process may have read, or this one reads again.
#[derive(Default)]
pub(super) struct GapWatch {
    partitions: BTreeMap<TopicPartition, Stretch>,
    marks: HashMap<Stream, Mark>,
    /// Stretches begun so far.
    begun: u64,
}

/// Records of a partition that follow each other.
#[derive(Clone, Copy)]
struct Stretch {
    number: u64,
    next_offset: i64,
}

/// The highest sequence of a stream, and in which stretch it was seen.
#[derive(Clone, Copy)]
struct Mark {
    stretch: u64,
    sequence: i64,
}

impl GapWatch {
    /// Compares the records of one poll, before they are filtered.
    pub(super) fn compare(&mut self, records: &[Record]) -> Vec<Oddity> {
        let follows =
            |one: &Record, next: &Record| next.at == one.at && next.offset == one.offset + 1;
        let mut odd = Vec::new();
        for run in records.chunk_by(follows) {
            let stretch = self.stretch(run);
            let envelopes = run
                .iter()
                .filter_map(|record| record.envelope.as_ref().ok());
            odd.extend(envelopes.filter_map(|envelope| self.compare_one(stretch, envelope)));
        }
        odd
    }

    /// The stretch of a partition that these records, which follow each other, continue or begin.
    fn stretch(&mut self, run: &[Record]) -> u64 {
        let (Some(first), Some(last)) = (run.first(), run.last()) else {
            return self.begun;
        };
        let next_offset = last.offset + 1;
        if let Some(stretch) = self.partitions.get_mut(&first.at)
            && stretch.next_offset == first.offset
        {
            stretch.next_offset = next_offset;
            return stretch.number;
        }
        self.begun += 1;
        let begun = Stretch {
            number: self.begun,
            next_offset,
        };
        self.partitions.insert(first.at.clone(), begun);
        begun.number
    }

    fn compare_one(&mut self, stretch: u64, envelope: &Envelope) -> Option<Oddity> {
        let stream = (
            envelope.source.clone(),
            envelope.topic.clone(),
            envelope.key.clone(),
        );
        if self.marks.len() >= KEYS_REMEMBERED {
            self.marks.clear();
        }
        let here = Mark {
            stretch,
            sequence: envelope.sequence,
        };
        let mark = self.marks.get_mut(&stream);
        let Some(mark) = mark.filter(|mark| mark.stretch == stretch) else {
            self.marks.insert(stream, here);
            return None;
        };
        let expected = mark.sequence + 1;
        if envelope.sequence < expected {
            return Some(Oddity::Fall(envelope.clone()));
        }
        *mark = here;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::bus_conformance::event;

    /// An event of a stream at an offset of the only partition.
    fn record(offset: i64, key: &str, sequence: i64) -> Record {
        Record {
            at: TopicPartition::new("elderly-care.bed", 0),
            offset,
            envelope: Ok(event("elderly-care.bed", key, sequence - 1)),
        }
    }

    /// `3 after 1`: a jump; `2 again`: a fall.
    fn told(odd: &[Oddity]) -> Vec<String> {
        let one = |oddity: &Oddity| match oddity {
            Oddity::Jump(envelope, expected) => {
                format!("{} after {}", envelope.sequence, expected - 1)
            }
            Oddity::Fall(envelope) => format!("{} again", envelope.sequence),
        };
        odd.iter().map(one).collect()
    }

    #[test]
    fn numbers_that_jump_or_fall_are_seen_across_polls() {
        let mut watch = GapWatch::default();
        let none: [&str; 0] = [];
        assert_eq!(
            told(&watch.compare(&[record(5, "a", 1), record(6, "b", 7)])),
            none
        );
        assert_eq!(
            told(&watch.compare(&[record(7, "a", 3), record(8, "b", 8)])),
            ["3 after 1"]
        );
        assert_eq!(told(&watch.compare(&[record(9, "a", 2)])), ["2 again"]);
    }

    #[test]
    fn what_another_process_read_meanwhile_is_no_gap_and_what_is_read_again_no_fall() {
        let mut watch = GapWatch::default();
        let none: [&str; 0] = [];
        assert_eq!(told(&watch.compare(&[record(5, "a", 1)])), none);
        // The partition was another's for number 2.
        assert_eq!(told(&watch.compare(&[record(7, "a", 3)])), none);
        assert_eq!(told(&watch.compare(&[record(8, "a", 5)])), ["5 after 3"]);
        // From the beginning.
        let again = [record(5, "a", 1), record(6, "a", 2), record(7, "a", 3)];
        assert_eq!(told(&watch.compare(&again)), none);
    }
}
