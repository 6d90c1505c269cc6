//! `stream-sequence`: every number that a service has given is on its topic, or waits in its outbox.

use std::collections::{BTreeMap, BTreeSet};

use super::topics::Topics;
use crate::context::Context;
use crate::db::Sql;
use crate::seam::Failure;

/// Missing numbers of one key that are named.
const HOLES_AT_MOST: usize = 10;

/// What a service's database says of its streams at one moment: by topic and key, the last sequence
/// given, and the last one that waits in the outbox.
pub(super) struct Streams {
    given: BTreeMap<(String, String), i64>,
    waiting: BTreeMap<(String, String), i64>,
}

impl Streams {
    /// Reads them.
    pub(super) async fn load(cx: &Context) -> Result<Self, Failure> {
        let given = "SELECT topic, key, sequence AS last FROM stream_sequence";
        let waiting = "SELECT topic, key, max(sequence) AS last FROM outbox GROUP BY topic, key";
        // In this order: what was given by then waits now, or is on its topic already.
        let given = last_by_stream(cx, given).await?;
        Ok(Self {
            given,
            waiting: last_by_stream(cx, waiting).await?,
        })
    }
}

async fn last_by_stream(
    cx: &Context,
    text: &str,
) -> Result<BTreeMap<(String, String), i64>, Failure> {
    let mut last = BTreeMap::new();
    for row in cx.db().reader().all(text, []).await? {
        last.insert((row.get("topic")?, row.get("key")?), row.get("last")?);
    }
    Ok(last)
}

/// What this service has published must be what its database knows. `before` was read before the
/// topics, the present is read after them, so that events published meanwhile are no finding.
pub(super) async fn published(
    cx: &Context,
    before: &Streams,
    topics: &Topics,
) -> Result<Vec<String>, Failure> {
    let on_topic = numbers_of(cx.name(), topics);
    let now = Streams::load(cx).await?;
    let mut findings = Vec::new();
    for (stream, numbers) in &on_topic {
        let (topic, key) = stream;
        let given = now.given.get(stream).copied().unwrap_or_default();
        let number = numbers.last().copied().unwrap_or_default();
        findings.extend(
            holes(numbers, topics.is_whole(topic))
                .into_iter()
                .map(|hole| {
                    format!("number {hole} of key {key} is missing on {topic}, between others")
                }),
        );
        if given < number {
            findings.push(format!(
                "{topic} holds number {number} of key {key}, the database knows {given}: the database is older than \
                 what it published"
            ));
        }
    }
    for (stream, given) in before
        .given
        .iter()
        .filter(|((topic, _), _)| topics.is_whole(topic))
    {
        let published = on_topic.get(stream).and_then(|numbers| numbers.last());
        let waiting = before.waiting.get(stream);
        if published.max(waiting).is_none_or(|last| last < given) {
            let (topic, key) = stream;
            findings.push(format!(
                "number {given} of key {key} is neither on {topic} nor in the outbox"
            ));
        }
    }
    Ok(findings)
}

/// The numbers that a service has published, by topic and key.
fn numbers_of(service: &str, topics: &Topics) -> BTreeMap<(String, String), BTreeSet<i64>> {
    let mut numbers: BTreeMap<(String, String), BTreeSet<i64>> = BTreeMap::new();
    for (topic, read) in topics.all() {
        for seen in read.seen.iter().filter(|seen| seen.source == service) {
            numbers
                .entry((topic.to_owned(), seen.key.clone()))
                .or_default()
                .insert(seen.sequence);
        }
    }
    numbers
}

/// Numbers that a stream skips; from the first one on, where all of it must be there.
fn holes(numbers: &BTreeSet<i64>, whole: bool) -> Vec<i64> {
    let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else {
        return Vec::new();
    };
    let first = if whole { 1 } else { *first };
    (first..*last)
        .filter(|number| !numbers.contains(number))
        .take(HOLES_AT_MOST)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hole_is_what_lies_between_or_before() {
        let numbers = BTreeSet::from([3, 4, 6]);
        assert_eq!(holes(&numbers, false), [5]);
        assert_eq!(holes(&numbers, true), [1, 2, 5]);
        assert!(holes(&BTreeSet::new(), true).is_empty());
    }
}
