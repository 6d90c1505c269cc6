//! The bus: ordered, partitioned, durable streams of [`Envelope`]s.
//!
//! Two implementations keep the same promises and pass the same conformance suite:
//! [`embedded`] (one SQLite file, one process) and [`kafka`] (Apache Kafka).
//!
//! Neither remembers how far a reader has read: positions belong to the subscriptions and lie
//! in their databases, beside the effects.

pub mod embedded;
mod envelope;
pub mod kafka;
pub mod partition;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

pub use envelope::{Envelope, EnvelopeError, header};

/// A topic as the bus must hold it. Declared once, in `minzheng_proto::topics`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSpec {
    /// Name without the deployment's prefix, e.g. `life-events.death`.
    pub name: String,
    /// Number of partitions; never changed once the topic exists.
    pub partitions: i32,
    /// How long a record is kept; `None` is for ever.
    pub retention: Option<Duration>,
    /// Largest record in bytes, headers included.
    pub max_record_bytes: usize,
}

/// One partition of one topic. Shown as `topic/partition`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartition {
    /// Topic name without the deployment's prefix.
    pub topic: String,
    /// Partition number, from 0.
    pub partition: i32,
}

impl TopicPartition {
    /// Names partition `partition` of `topic`.
    pub fn new(topic: impl Into<String>, partition: i32) -> Self {
        Self {
            topic: topic.into(),
            partition,
        }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

/// One record as a reader sees it.
#[derive(Clone, Debug)]
pub struct Record {
    /// Where it lies.
    pub at: TopicPartition,
    /// Its offset in that partition.
    pub offset: i64,
    /// What it carries; `Err` when the headers are not an envelope (the raw key and value are kept
    /// so that the record can be shown).
    pub envelope: Result<Envelope, Undecodable>,
}

/// A record whose headers are not those of an [`Envelope`].
#[derive(Clone, Debug)]
pub struct Undecodable {
    /// The record's key, lossily as text.
    pub key: String,
    /// The record's value.
    pub value: Vec<u8>,
    /// What is wrong.
    pub error: EnvelopeError,
}

impl Record {
    /// Makes a record of what a bus stores; `key` is given as text, lossily where it is none.
    pub(crate) fn decode<'a>(
        at: TopicPartition,
        offset: i64,
        key: String,
        headers: Result<impl Iterator<Item = (&'a str, &'a [u8])>, EnvelopeError>,
        value: Vec<u8>,
    ) -> Self {
        let envelope =
            headers.and_then(|headers| Envelope::from_record(&at.topic, &key, headers, Vec::new()));
        let envelope = match envelope {
            Ok(envelope) => Ok(Envelope { value, ..envelope }),
            Err(error) => Err(Undecodable { key, value, error }),
        };
        Self {
            at,
            offset,
            envelope,
        }
    }
}

/// First and next offset of a partition: what is stored is `low..high`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watermarks {
    /// Offset of the oldest record still kept.
    pub low: i64,
    /// Offset that the next record will get.
    pub high: i64,
}

/// Why the bus did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The broker or the file cannot be reached; try again.
    #[error("bus is away: {0}")]
    Away(String),
    /// The topic does not exist.
    #[error("unknown topic {0}")]
    UnknownTopic(String),
    /// A declared topic differs from the one that exists in a way that is never changed.
    #[error(
        "topic {topic} has {existing} partitions and {declared} are declared; the number never changes"
    )]
    PartitionsDiffer {
        /// Topic name.
        topic: String,
        /// Partitions it has.
        existing: i32,
        /// Partitions declared.
        declared: i32,
    },
    /// A position lies below the oldest record kept: records were lost to this reader. A consumer
    /// says so once per partition and delivers nothing more of it until [`Consumer::seek`].
    #[error("position {position} of {topic}/{partition} lies below the low watermark {low}")]
    BelowLowWatermark {
        /// Topic name.
        topic: String,
        /// Partition number.
        partition: i32,
        /// Position asked for.
        position: i64,
        /// Oldest offset kept.
        low: i64,
    },
    /// A position lies beyond the end of the log: the log was lost or replaced by another. A
    /// consumer treats it like [`BusError::BelowLowWatermark`].
    #[error("position {position} of {topic}/{partition} lies beyond the high watermark {high}")]
    BeyondHighWatermark {
        /// Topic name.
        topic: String,
        /// Partition number.
        partition: i32,
        /// Position asked for.
        position: i64,
        /// Offset that the next record will get.
        high: i64,
    },
    /// Positions could not be read at an assignment: the consumer must be closed and opened anew.
    #[error("positions could not be read: {0}")]
    Positions(String),
    /// Anything else; not expected to heal by itself.
    #[error("bus: {0}")]
    Other(String),
}

impl BusError {
    /// Whether a consumer that answered this is finished: close it and open a new one.
    pub fn ends_consumer(&self) -> bool {
        match self {
            Self::Positions(_) | Self::Other(_) => true,
            Self::Away(_)
            | Self::UnknownTopic(_)
            | Self::PartitionsDiffer { .. }
            | Self::BelowLowWatermark { .. }
            | Self::BeyondHighWatermark { .. } => false,
        }
    }

    /// `Err` when `position` is not one at which a reader of a partition with these watermarks
    /// can begin.
    pub(crate) fn check_position(
        at: &TopicPartition,
        position: i64,
        watermarks: Watermarks,
    ) -> Result<(), Self> {
        let (topic, partition) = (at.topic.clone(), at.partition);
        let Watermarks { low, high } = watermarks;
        if position < low {
            return Err(Self::BelowLowWatermark {
                topic,
                partition,
                position,
                low,
            });
        }
        if position > high {
            return Err(Self::BeyondHighWatermark {
                topic,
                partition,
                position,
                high,
            });
        }
        Ok(())
    }
}

/// What became of one envelope of a sent batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Durably stored: acknowledged by all replicas that must, or synced to disk.
    Stored,
    /// Refused for its own content (e.g. too large); sending it again cannot help.
    Refused(String),
    /// Not stored, or not known to be stored; may be sent again.
    Failed(String),
}

/// Gives the offset at which to begin each of the given partitions; all of them must be in the
/// answer. Called by a consumer, on its
/// own thread, whenever partitions are assigned to it; may block up to a few seconds.
pub type Positions =
    Arc<dyn Fn(&[TopicPartition]) -> Result<BTreeMap<TopicPartition, i64>, BusError> + Send + Sync>;

/// A durable, partitioned log.
#[async_trait]
pub trait Bus: Send + Sync + 'static {
    /// Sends a batch and waits for every delivery report. Order per key is the order of the
    /// batch; where one record fails, later ones of the same batch may still have been stored,
    /// so the caller rereads and resends from the oldest.
    async fn send(&self, batch: &[Envelope]) -> Vec<Delivery>;

    /// Opens a consumer in `group` on `topics`. It owns whichever partitions the bus assigns to
    /// it: on Kafka its share of the group's, on the embedded bus, which has one process, all.
    ///
    /// # Errors
    /// A topic that does not exist and positions that cannot be read are said here where the bus
    /// knows at once, otherwise by [`Consumer::poll`].
    fn open_consumer(
        &self,
        group: &str,
        topics: &[String],
        positions: Positions,
    ) -> Result<Box<dyn Consumer>, BusError>;

    /// Creates what is missing of `topics` and sets retention and record size of those that exist
    /// to what is declared; refuses a changed number of partitions before it touches anything.
    /// Returns the names created.
    async fn apply_topics(&self, topics: &[TopicSpec]) -> Result<Vec<String>, BusError>;

    /// The topics that exist, with their partition counts.
    async fn list_topics(&self) -> Result<BTreeMap<String, i32>, BusError>;

    /// Watermarks of every partition of a topic, by partition number.
    async fn watermarks(&self, topic: &str) -> Result<Vec<Watermarks>, BusError>;

    /// Reads at most `limit` records of one partition from `from` on, outside any group. An empty
    /// answer means that nothing is stored at or after `from`; where retention has passed `from`,
    /// the answer begins with the oldest record kept.
    async fn read(
        &self,
        at: &TopicPartition,
        from: i64,
        limit: usize,
    ) -> Result<Vec<Record>, BusError>;

    /// Tells the bus which positions its declared subscriptions have reached, so that retention
    /// never passes the slowest. Kafka keeps by age alone and ignores it.
    async fn protect(&self, slowest: &BTreeMap<TopicPartition, i64>);

    /// Whether the bus answers now.
    async fn healthy(&self) -> Result<(), BusError>;

    /// Stops background work within `limit`.
    async fn close(&self, limit: Duration);
}

/// One reader's hold on partitions. Blocking: it lives on a thread of its own.
pub trait Consumer: Send {
    /// Waits up to `wait` for the first record, then takes what is already queued, at most
    /// `limit` records. Records of one partition come in offset order. Empty when nothing came.
    /// May return early with nothing. Takes about 1 MiB of records at most, but always one.
    ///
    /// # Errors
    /// Those for which [`BusError::ends_consumer`] holds end the consumer; after the others go on
    /// polling: nothing that was read is lost, and the other partitions are delivered.
    fn poll(&mut self, wait: Duration, limit: usize) -> Result<Vec<Record>, BusError>;

    /// The partitions held now.
    fn assignment(&mut self) -> Vec<TopicPartition>;

    /// Goes on from `offset` in a partition still held; ignored for one that is not. What was
    /// fetched of that partition is dropped. Also starts a partition again that was stopped by
    /// [`BusError::BelowLowWatermark`].
    fn seek(&mut self, at: &TopicPartition, offset: i64) -> Result<(), BusError>;

    /// Delivers nothing of these partitions until [`Consumer::resume`]; membership is kept by
    /// polling on. A partition that is assigned anew is not paused.
    fn pause(&mut self, partitions: &[TopicPartition]) -> Result<(), BusError>;

    /// Delivers again.
    fn resume(&mut self, partitions: &[TopicPartition]) -> Result<(), BusError>;

    /// Publishes how far has been read, for lag tools only.
    fn report(&mut self, next: &BTreeMap<TopicPartition, i64>);

    /// Leaves the group, within `limit`.
    fn close(self: Box<Self>, limit: Duration);
}

impl From<minzheng_proto::topics::Topic> for TopicSpec {
    fn from(topic: minzheng_proto::topics::Topic) -> Self {
        Self {
            name: topic.name.to_owned(),
            partitions: topic.partitions,
            retention: topic.retention,
            max_record_bytes: minzheng_proto::topics::MAX_RECORD_BYTES,
        }
    }
}
