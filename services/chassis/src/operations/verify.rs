//! Checks what must always hold, topics against databases included.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use jiff::Timestamp;
use minzheng_proto::operations::v1 as pb;
use minzheng_proto::topics;
use uuid::Uuid;

use crate::audit;
use crate::bus::{Record, TopicPartition, Watermarks};
use crate::context::Context;
use crate::db::{Sql, dialect, val};
use crate::seam::Failure;

/// Names of the checks, in the order in which they run.
pub(super) const CHECKS: [&str; 6] = [
    "stream-sequence",
    "topic-against-inbox",
    "audit-mac",
    "dead-letters",
    "outbox-age",
    "service",
];

/// Records read at a time.
const READ_AT_A_TIME: usize = 1000;

/// Partitions read at once.
const PARTITIONS_AT_ONCE: usize = 6;

/// Missing numbers of one key that are named.
const HOLES_AT_MOST: usize = 10;

/// An outbox row older than this is stuck.
const OUTBOX_STUCK_AFTER: std::time::Duration = std::time::Duration::from_secs(60);

/// What is remembered of one event on a topic.
struct Seen {
    at: TopicPartition,
    offset: i64,
    id: Uuid,
    source: String,
    key: String,
    sequence: i64,
    event_type: String,
    time: Timestamp,
}

/// One topic as it was read.
#[derive(Default)]
struct TopicRead {
    seen: Vec<Seen>,
    /// Nothing was forgotten yet, for its age or otherwise.
    whole: bool,
}

/// The topics as they were read for one verification: each once, for all services of the process.
#[derive(Default)]
pub(super) struct Topics(BTreeMap<&'static str, TopicRead>);

impl Topics {
    async fn read(&mut self, cx: &Context, topic: &'static str) -> Result<&[Seen], Failure> {
        if !self.0.contains_key(topic) {
            let marks = cx.bus().watermarks(topic).await?;
            let whole = marks.iter().all(|marks| marks.low == 0);
            let mut reads = Vec::new();
            for (partition, marks) in marks
                .into_iter()
                .enumerate()
                .filter(|(_, marks)| marks.low < marks.high)
            {
                reads.push(read_partition(cx, topic, partition, marks));
            }
            let read: Vec<Result<Vec<Seen>, Failure>> = futures::stream::iter(reads)
                .buffered(PARTITIONS_AT_ONCE)
                .collect()
                .await;
            let read: Result<Vec<Vec<Seen>>, Failure> = read.into_iter().collect();
            let seen = read?.into_iter().flatten().collect();
            self.0.insert(topic, TopicRead { seen, whole });
        }
        Ok(self.0.get(topic).map_or(&[], |topic| topic.seen.as_slice()))
    }

    /// Whether everything ever written to a topic that was read must still be on it.
    fn is_whole(&self, topic: &str) -> bool {
        let read_whole = self.0.get(topic).is_some_and(|topic| topic.whole);
        read_whole || topics_keep_for_ever(topic)
    }
}

async fn read_partition(
    cx: &Context,
    topic: &'static str,
    partition: usize,
    marks: Watermarks,
) -> Result<Vec<Seen>, Failure> {
    let partition = i32::try_from(partition).map_err(Failure::internal)?;
    let at = TopicPartition {
        topic: topic.to_owned(),
        partition,
    };
    let mut seen = Vec::new();
    let mut from = marks.low;
    while from < marks.high {
        let records = cx.bus().read(&at, from, READ_AT_A_TIME).await?;
        let Some(last) = records.last() else { break };
        from = last.offset + 1;
        seen.extend(records.into_iter().filter_map(Seen::of));
    }
    Ok(seen)
}

impl Seen {
    fn of(record: Record) -> Option<Self> {
        let envelope = record.envelope.ok()?;
        Some(Self {
            at: record.at,
            offset: record.offset,
            id: envelope.id,
            source: envelope.source,
            key: envelope.key,
            sequence: envelope.sequence,
            event_type: envelope.event_type,
            time: envelope.time,
        })
    }
}

/// Runs every check for one service.
pub(super) async fn run(
    cx: &Context,
    before: &Streams,
    topics: &mut Topics,
) -> Result<Vec<pb::Finding>, Failure> {
    let mut findings = Vec::new();
    let mut found = |check: &str, details: Vec<String>| {
        findings.extend(details.into_iter().map(|detail| pb::Finding {
            service: cx.name().to_owned(),
            check: check.to_owned(),
            detail,
        }));
    };
    found("stream-sequence", published(cx, before, topics).await?);
    found("topic-against-inbox", received(cx, topics).await?);
    let forged = audit::forged(cx.db().reader(), cx.keys()).await?;
    found(
        "audit-mac",
        forged
            .iter()
            .map(|id| format!("audit record {id} was changed"))
            .collect(),
    );
    found("dead-letters", dead_letters(cx).await?);
    found("outbox-age", outbox_age(cx).await?);
    if let Some(inspect) = &cx.module().inspect {
        found("service", inspect.verify(cx).await?);
    }
    Ok(findings)
}

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
async fn published(
    cx: &Context,
    before: &Streams,
    read: &mut Topics,
) -> Result<Vec<String>, Failure> {
    let mut on_topic: BTreeMap<(String, String), BTreeSet<i64>> = BTreeMap::new();
    for topic in topics::ALL {
        for seen in read
            .read(cx, topic.name)
            .await?
            .iter()
            .filter(|seen| seen.source == cx.name())
        {
            on_topic
                .entry((topic.name.to_owned(), seen.key.clone()))
                .or_default()
                .insert(seen.sequence);
        }
    }
    let now = Streams::load(cx).await?;
    let mut findings = Vec::new();
    for (stream, numbers) in &on_topic {
        let (topic, key) = stream;
        let given = now.given.get(stream).copied().unwrap_or_default();
        let number = numbers.last().copied().unwrap_or_default();
        findings.extend(
            holes(numbers, read.is_whole(topic))
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
        .filter(|((topic, _), _)| read.is_whole(topic))
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

fn topics_keep_for_ever(name: &str) -> bool {
    topics::ALL
        .iter()
        .any(|topic| topic.name == name && topic.retention.is_none())
}

/// What this service has read: every event below a subscription's position must be in its inbox.
async fn received(cx: &Context, read: &mut Topics) -> Result<Vec<String>, Failure> {
    let mut findings = Vec::new();
    let oldest = cx.now() - cx.settings().retention.inbox;
    for make in &cx.module().subscriptions {
        let subscription = make();
        for topic in subscription.topics() {
            let positions = positions(cx, subscription.name(), topic).await?;
            let passed = read.read(cx, topic).await?.iter().filter(|seen| {
                let below = positions
                    .get(&seen.at.partition)
                    .is_some_and(|next| seen.offset < *next);
                below && subscription.names(&seen.event_type) && seen.time > oldest
            });
            let expected: Vec<Uuid> = passed.map(|seen| seen.id).collect();
            for chunk in expected.chunks(500) {
                for id in missing(cx, subscription.name(), chunk).await? {
                    findings.push(format!(
                        "{} passed event {id} of {topic} without noting it",
                        subscription.name()
                    ));
                }
            }
        }
    }
    Ok(findings)
}

async fn positions(
    cx: &Context,
    subscription: &str,
    topic: &str,
) -> Result<BTreeMap<i32, i64>, Failure> {
    let text = "SELECT partition, next_offset FROM position WHERE subscription = $1 AND topic = $2";
    let mut positions = BTreeMap::new();
    for row in cx
        .db()
        .reader()
        .all(text, [val(subscription), val(topic)])
        .await?
    {
        positions.insert(row.get("partition")?, row.get("next_offset")?);
    }
    Ok(positions)
}

async fn missing(cx: &Context, subscription: &str, ids: &[Uuid]) -> Result<Vec<Uuid>, Failure> {
    let text = format!(
        "SELECT event_id FROM inbox WHERE subscription = $1 AND event_id IN ({})",
        dialect::placeholders(2, ids.len())
    );
    let mut values = vec![val(subscription)];
    values.extend(ids.iter().map(|id| val(*id)));
    let mut known: Vec<Uuid> = Vec::new();
    for row in cx.db().reader().all(text, values).await? {
        known.push(row.get("event_id")?);
    }
    Ok(ids
        .iter()
        .filter(|id| !known.contains(id))
        .copied()
        .collect())
}

async fn dead_letters(cx: &Context) -> Result<Vec<String>, Failure> {
    let counted = crate::inbox::held::count_held(cx.db().reader()).await?;
    let mut findings: Vec<String> = counted
        .iter()
        .map(|(subscription, state, n)| format!("{subscription}: {n} {state}"))
        .collect();
    let refused = crate::outbox::status(cx.db().reader()).await?.refused;
    if refused > 0 {
        findings.push(format!("outbox: {refused} refused by the bus"));
    }
    Ok(findings)
}

async fn outbox_age(cx: &Context) -> Result<Vec<String>, Failure> {
    let status = crate::outbox::status(cx.db().reader()).await?;
    let Some(oldest) = status.oldest else {
        return Ok(Vec::new());
    };
    let age = cx.now().duration_since(oldest);
    if age.unsigned_abs() < OUTBOX_STUCK_AFTER {
        return Ok(Vec::new());
    }
    Ok(vec![format!(
        "{} events wait, the oldest for {} s",
        status.rows,
        age.as_secs()
    )])
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
