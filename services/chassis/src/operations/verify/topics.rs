//! The topics, read from beginning to end.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use futures::StreamExt;
use jiff::Timestamp;
use minzheng_proto::topics;
use uuid::Uuid;

use crate::bus::{Envelope, Record, TopicPartition, Watermarks};
use crate::civil::PartialDate;
use crate::context::Context;
use crate::person::{Fact, LifeStatus};
use crate::receipt::Issued;
use crate::seam::Failure;

/// Records read at a time.
const READ_AT_A_TIME: usize = 1000;

/// Partitions read at once.
const PARTITIONS_AT_ONCE: usize = 6;

/// What is remembered of one event on a topic.
pub(super) struct Seen {
    pub(super) at: TopicPartition,
    pub(super) offset: i64,
    pub(super) id: Uuid,
    pub(super) source: String,
    pub(super) key: String,
    pub(super) sequence: i64,
    pub(super) event_type: String,
    pub(super) time: Timestamp,
    pub(super) causation: Option<Uuid>,
    pub(super) fact: Option<Told>,
    pub(super) receipt: Option<Arc<Issued>>,
}

/// What a fact about a death says of the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) person: Uuid,
    pub(super) version: i64,
    pub(super) status: LifeStatus,
    pub(super) died_on: PartialDate,
}

impl Told {
    /// Of an event that is such a fact.
    fn of(envelope: &Envelope) -> Option<Self> {
        // One that cannot be read is stopped where it is heard: a dead letter.
        let fact = Fact::from_envelope(envelope).ok()??;
        Some(Self {
            person: fact.person_id,
            version: fact.fact_version,
            status: fact.status(),
            died_on: fact.known_date(),
        })
    }
}

/// One topic as it was read.
#[derive(Default)]
pub(super) struct TopicRead {
    /// Its events, copies too; those of a partition in its order.
    pub(super) seen: Vec<Seen>,
    /// Nothing was forgotten yet, for its age or otherwise.
    pub(super) whole: bool,
}

/// The topics as they were read for one verification: each once, for all services of the process.
#[derive(Default)]
pub(in crate::operations) struct Topics(BTreeMap<&'static str, TopicRead>);

impl Topics {
    /// Reads all of them.
    pub(in crate::operations) async fn read(cx: &Context) -> Result<Self, Failure> {
        let mut read = BTreeMap::new();
        for topic in topics::ALL {
            read.insert(topic.name, read_topic(cx, topic.name).await?);
        }
        Ok(Self(read))
    }

    /// Each with its name.
    pub(super) fn all(&self) -> impl Iterator<Item = (&'static str, &TopicRead)> {
        self.0.iter().map(|(name, read)| (*name, read))
    }

    /// One of them, if it is declared.
    pub(super) fn get(&self, topic: &str) -> Option<&TopicRead> {
        self.0.get(topic)
    }

    /// The events of one of them.
    pub(super) fn seen(&self, topic: &str) -> &[Seen] {
        self.get(topic).map_or(&[], |read| read.seen.as_slice())
    }

    /// Whether everything ever written to a topic must still be on it.
    pub(super) fn is_whole(&self, topic: &str) -> bool {
        let read_whole = self.get(topic).is_some_and(|read| read.whole);
        read_whole || topics_keep_for_ever(topic)
    }

    /// Ids of all events.
    pub(super) fn ids(&self) -> HashSet<Uuid> {
        let seen = self.0.values().flat_map(|read| &read.seen);
        seen.map(|seen| seen.id).collect()
    }
}

#[cfg(test)]
impl Topics {
    /// As if this had been read of one topic.
    pub(super) fn of(topic: &'static str, seen: Vec<Seen>, whole: bool) -> Self {
        Self(BTreeMap::from([(topic, TopicRead { seen, whole })]))
    }
}

fn topics_keep_for_ever(name: &str) -> bool {
    topics::ALL
        .iter()
        .any(|topic| topic.name == name && topic.retention.is_none())
}

async fn read_topic(cx: &Context, topic: &'static str) -> Result<TopicRead, Failure> {
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
    Ok(TopicRead { seen, whole })
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
    /// Whether it lies below a position of its partition.
    pub(super) fn is_below(&self, positions: &BTreeMap<i32, i64>) -> bool {
        let next = positions.get(&self.at.partition);
        next.is_some_and(|next| self.offset < *next)
    }

    fn of(record: Record) -> Option<Self> {
        let envelope = record.envelope.ok()?;
        let fact = Told::of(&envelope);
        let receipt = Issued::of(&envelope).map(Arc::new);
        Some(Self {
            at: record.at,
            offset: record.offset,
            id: envelope.id,
            source: envelope.source,
            key: envelope.key,
            sequence: envelope.sequence,
            event_type: envelope.event_type,
            time: envelope.time,
            causation: envelope.causation_id,
            fact,
            receipt,
        })
    }
}
