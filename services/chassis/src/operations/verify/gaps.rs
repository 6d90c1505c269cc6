//! `stream-gap`: what a service has missed in a stream that it reads, and has told for longer than a minute.
//!
//! The rows of `stream_gap` are what its consumers saw. The topic says whether it is so: a missing event may have
//! come to another replica, or to a consumer that had begun anew, and a number that was taken for given twice may have been
//! a copy whose inbox row was deleted for its age. What the topic has forgotten nobody can say any more.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::order::misplaced;
use super::topics::{TopicRead, Topics};
use crate::civil::micros;
use crate::context::Context;
use crate::db::{Row, Sql, val};
use crate::seam::Failure;

/// A gap that is younger may close by itself.
const OPEN_AFTER: Duration = Duration::from_secs(60);

/// A row of `stream_gap`.
pub(super) struct Gap {
    source: String,
    topic: String,
    key: String,
    sequence: i64,
    kind: Kind,
    seen_at: Timestamp,
}

/// What was seen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A number was skipped.
    Missing,
    /// A number was given twice.
    Fork,
}

impl Gap {
    fn from_row(row: &Row) -> Result<Self, Failure> {
        let kind: String = row.get("kind")?;
        let kind = match kind.as_str() {
            "gap" => Kind::Missing,
            "fork" => Kind::Fork,
            other => return Err(Failure::internal(format!("{other} is no kind of gap"))),
        };
        Ok(Self {
            source: row.get("source")?,
            topic: row.get("topic")?,
            key: row.get("key")?,
            sequence: row.get("missing_sequence")?,
            kind,
            seen_at: row.instant("seen_at")?,
        })
    }

    fn stream(&self) -> (&str, &str) {
        (&self.source, &self.key)
    }
}

/// The rows that are open for longer than a minute, the oldest first. Read before the topics: what has come since
/// is found there.
pub(super) async fn load(cx: &Context) -> Result<Vec<Gap>, Failure> {
    let text = "SELECT source, topic, key, missing_sequence, kind, seen_at FROM stream_gap WHERE seen_at < $1 \
                ORDER BY seen_at, source, topic, key, missing_sequence";
    let before = micros(cx.now() - OPEN_AFTER);
    let rows = cx.db().reader().all(text, [val(before)]).await?;
    rows.iter().map(Gap::from_row).collect()
}

/// Those of which the topics say that they are so.
pub(super) fn open(gaps: &[Gap], topics: &Topics) -> Vec<String> {
    let mut by_topic: BTreeMap<&str, Vec<&Gap>> = BTreeMap::new();
    for gap in gaps {
        by_topic.entry(&gap.topic).or_default().push(gap);
    }
    let mut open = Vec::new();
    for (topic, gaps) in by_topic {
        // A topic that nobody declares any more cannot be asked.
        let Some(read) = topics.get(topic) else {
            continue;
        };
        open.extend(missing(&gaps, read));
        open.extend(forked(&gaps, read));
    }
    open
}

/// Numbers that the topic has not either, though what it has of the key begins before them.
fn missing(gaps: &[&Gap], read: &TopicRead) -> Vec<String> {
    let gaps = || gaps.iter().filter(|gap| gap.kind == Kind::Missing);
    let mut streams: BTreeMap<(&str, &str), BTreeSet<i64>> =
        gaps().map(|gap| (gap.stream(), BTreeSet::new())).collect();
    for seen in &read.seen {
        if let Some(numbers) = streams.get_mut(&(seen.source.as_str(), seen.key.as_str())) {
            numbers.insert(seen.sequence);
        }
    }
    let is_open = |gap: &&&Gap| {
        let numbers = &streams[&gap.stream()];
        let begins_before = numbers.first().is_some_and(|first| *first < gap.sequence);
        !numbers.contains(&gap.sequence) && (read.whole || begins_before)
    };
    let open = gaps().filter(is_open);
    open.map(|gap| {
        format!(
            "number {} of key {} of {} on {} is missing, seen {}",
            gap.sequence, gap.key, gap.source, gap.topic, gap.seen_at
        )
    })
    .collect()
}

/// Numbers that do not stand in order on the topic either.
fn forked(gaps: &[&Gap], read: &TopicRead) -> Vec<String> {
    let forks: Vec<&&Gap> = gaps.iter().filter(|gap| gap.kind == Kind::Fork).collect();
    if forks.is_empty() {
        return Vec::new();
    }
    let misplaced: BTreeSet<(&str, &str, i64)> = misplaced(read)
        .iter()
        .map(|one| {
            (
                one.event.source.as_str(),
                one.event.key.as_str(),
                one.event.sequence,
            )
        })
        .collect();
    let is_open = |gap: &&&&Gap| {
        let (source, key) = gap.stream();
        misplaced.contains(&(source, key, gap.sequence))
    };
    let open = forks.iter().filter(is_open);
    open.map(|gap| {
        format!(
            "number {} of key {} of {} on {} came out of order, seen {}",
            gap.sequence, gap.key, gap.source, gap.topic, gap.seen_at
        )
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use minzheng_proto::topics::RESIDENTS_PERSON;
    use uuid::Uuid;

    use super::super::topics::Seen;
    use super::*;
    use crate::bus::TopicPartition;

    const TOPIC: &str = RESIDENTS_PERSON.name;

    fn seen(sequence: i64) -> Seen {
        Seen {
            at: TopicPartition::new(TOPIC, 0),
            offset: sequence,
            id: Uuid::now_v7(),
            source: "residents".to_owned(),
            key: "k".to_owned(),
            sequence,
            event_type: "e".to_owned(),
            time: Timestamp::UNIX_EPOCH,
            causation: None,
            fact: None,
            receipt: None,
        }
    }

    fn gap(sequence: i64) -> Gap {
        Gap {
            source: "residents".to_owned(),
            topic: TOPIC.to_owned(),
            key: "k".to_owned(),
            sequence,
            kind: Kind::Missing,
            seen_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn count(gaps: &[Gap], numbers: &[i64], whole: bool) -> usize {
        let seen = numbers.iter().map(|number| seen(*number)).collect();
        open(gaps, &Topics::of(TOPIC, seen, whole)).len()
    }

    #[test]
    fn what_the_topic_has_forgotten_is_no_finding() {
        assert_eq!(count(&[gap(2)], &[4, 5], false), 0);
        assert_eq!(count(&[gap(2)], &[], false), 0, "all of the key is gone");
        assert_eq!(count(&[gap(5)], &[4, 6], false), 1, "it is between others");
        assert_eq!(count(&[gap(2)], &[4, 5], true), 1, "nothing was forgotten");
    }

    #[test]
    fn of_a_topic_that_is_not_declared_nothing_is_said() {
        let undeclared = Gap {
            topic: "gone".to_owned(),
            ..gap(2)
        };
        assert_eq!(count(&[undeclared], &[1, 3], true), 0);
    }
}
