//! The bus of the all-in-one: a durable log in one SQLite file, for one process.
//!
//! Every record that is answered as stored was synced to disk. A reader gets all partitions of
//! its topics: who shares work among processes needs Kafka. The caller holds a lock on the
//! directory of the file, so that no second process opens it.

pub(crate) mod codec;
mod consumer;
mod registry;
mod store;
mod writer;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::Connection;
use tokio::sync::{oneshot, watch};

use self::consumer::EmbeddedConsumer;
use self::registry::{Registry, lock};
use self::store::{NewRecord, StoredRecord};
use self::writer::{Append, Job, Row, Writer};
use super::{
    Bus, BusError, Consumer, Delivery, Envelope, Positions, Record, TopicPartition, TopicSpec,
    Watermarks, partition,
};
use crate::clock::SharedClock;

/// Bytes of records in one answer of [`Bus::read`].
const READ_BYTES: usize = 4 << 20;

/// A durable log in one SQLite file.
pub struct EmbeddedBus {
    path: PathBuf,
    registry: Arc<Registry>,
    jobs: mpsc::Sender<Job>,
    reader: Arc<Mutex<Connection>>,
    /// True once the writer has ended.
    ended: watch::Receiver<bool>,
}

impl fmt::Debug for EmbeddedBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedBus")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl EmbeddedBus {
    /// Opens the log in the file `path`, which is created when it is not there, and starts the
    /// writer. `clock` dates the records and decides about their age. Blocks for a few
    /// milliseconds.
    ///
    /// # Errors
    /// A file that cannot be opened, is no such log, or was written by a newer version.
    pub fn open(path: &Path, clock: SharedClock) -> Result<Self, BusError> {
        let connection = store::open_writer(path)?;
        let registry = Arc::new(Registry::default());
        for topic in store::load_topics(&connection)? {
            registry.insert(topic.spec().name, Arc::new(topic));
        }
        let reader = Arc::new(Mutex::new(store::open_reader(path)?));
        let (jobs, queue) = mpsc::channel();
        let (ending, ended) = watch::channel(false);
        let writer = Writer::new(connection, Arc::clone(&registry), clock, queue);
        std::thread::Builder::new()
            .name("embedded-log".to_owned())
            .spawn(move || {
                // Also when the writer panics, so that nobody waits for it.
                let _ending = Ending(ending);
                writer.run();
            })
            .map_err(|error| {
                BusError::Other(format!("the writer's thread did not start: {error}"))
            })?;
        Ok(Self {
            path: path.to_owned(),
            registry,
            jobs,
            reader,
            ended,
        })
    }

    /// Deletes now whatever retention allows, instead of within a minute; answers how many
    /// records went. Deletes nothing before the first [`Bus::protect`].
    ///
    /// # Errors
    /// The file cannot be written, or the bus is closed.
    pub async fn retain(&self) -> Result<u64, BusError> {
        self.ask(Job::Retain).await?
    }

    /// Queues a job and waits for its answer.
    async fn ask<T>(&self, job: impl FnOnce(oneshot::Sender<T>) -> Job) -> Result<T, BusError> {
        let (answer, answered) = oneshot::channel();
        self.jobs.send(job(answer)).map_err(|_| closed())?;
        answered.await.map_err(|_| closed())
    }

    /// Makes a row of an envelope, or says what becomes of it instead.
    fn row(&self, envelope: &Envelope) -> Result<Row, Delivery> {
        let topic = self
            .registry
            .get(&envelope.topic)
            .map_err(|error| Delivery::Failed(error.to_string()))?;
        let headers = envelope.headers();
        let (size, limit) = (envelope.size_with(&headers), topic.max_record_bytes());
        if size > limit {
            return Err(Delivery::Refused(format!(
                "{size} bytes are more than the {limit} of the topic"
            )));
        }
        // A topic has as many streams as partitions, and partitions are counted in i32.
        let partition =
            partition::partition_for(envelope.key.as_bytes(), topic.streams.len() as i32);
        let stream = Arc::clone(&topic.streams[partition as usize]);
        let record = NewRecord {
            key: envelope.key.clone(),
            headers: codec::encode(&headers),
            value: envelope.value.clone(),
        };
        Ok(Row {
            topic,
            stream,
            record,
        })
    }
}

/// Says that the writer has ended when it is dropped.
struct Ending(watch::Sender<bool>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.send_replace(true);
    }
}

fn closed() -> BusError {
    BusError::Other("the embedded log is closed".to_owned())
}

/// What a reader sees of a stored record.
fn record(at: &TopicPartition, stored: StoredRecord) -> Record {
    let StoredRecord {
        offset,
        key,
        headers,
        value,
    } = stored;
    let headers = codec::decode(&headers).map(Vec::into_iter);
    Record::decode(at.clone(), offset, key, headers, value)
}

#[async_trait]
impl Bus for EmbeddedBus {
    async fn send(&self, batch: &[Envelope]) -> Vec<Delivery> {
        let mut outcomes = Vec::with_capacity(batch.len());
        let mut rows = Vec::with_capacity(batch.len());
        for envelope in batch {
            match self.row(envelope) {
                Ok(row) => {
                    rows.push(row);
                    outcomes.push(Delivery::Stored);
                }
                Err(outcome) => outcomes.push(outcome),
            }
        }
        if rows.is_empty() {
            return outcomes;
        }
        let answer = self
            .ask(|answer| Job::Append(Append { rows, answer }))
            .await;
        if let Err(reason) = answer.unwrap_or_else(|error| Err(error.to_string())) {
            for outcome in outcomes
                .iter_mut()
                .filter(|outcome| **outcome == Delivery::Stored)
            {
                *outcome = Delivery::Failed(reason.clone());
            }
        }
        outcomes
    }

    fn open_consumer(
        &self,
        _group: &str,
        topics: &[String],
        positions: Positions,
    ) -> Result<Box<dyn Consumer>, BusError> {
        let consumer = EmbeddedConsumer::open(&self.path, &self.registry, topics, &positions)?;
        Ok(Box::new(consumer))
    }

    async fn apply_topics(&self, topics: &[TopicSpec]) -> Result<Vec<String>, BusError> {
        self.ask(|answer| Job::ApplyTopics(topics.to_vec(), answer))
            .await?
    }

    async fn list_topics(&self) -> Result<BTreeMap<String, i32>, BusError> {
        let specs = self.registry.all().into_iter().map(|topic| topic.spec());
        Ok(specs.map(|spec| (spec.name, spec.partitions)).collect())
    }

    async fn watermarks(&self, topic: &str) -> Result<Vec<Watermarks>, BusError> {
        let topic = self.registry.get(topic)?;
        Ok(topic
            .streams
            .iter()
            .map(|stream| stream.watermarks())
            .collect())
    }

    async fn read(
        &self,
        at: &TopicPartition,
        from: i64,
        limit: usize,
    ) -> Result<Vec<Record>, BusError> {
        let topic = self.registry.get(&at.topic)?;
        let stream = usize::try_from(at.partition)
            .ok()
            .and_then(|partition| topic.streams.get(partition))
            .cloned();
        let stream = stream.ok_or_else(|| BusError::UnknownTopic(at.to_string()))?;
        let reader = Arc::clone(&self.reader);
        let reading = tokio::task::spawn_blocking(move || {
            let stored = store::read(&lock(&reader), stream.id, from, (limit, READ_BYTES))?;
            Ok(stored
                .into_iter()
                .map(|stored| record(&stream.at, stored))
                .collect())
        });
        reading
            .await
            .map_err(|error| BusError::Other(error.to_string()))?
    }

    async fn protect(&self, slowest: &BTreeMap<TopicPartition, i64>) {
        self.registry.protect(slowest.clone());
    }

    async fn healthy(&self) -> Result<(), BusError> {
        self.ask(Job::Ping).await
    }

    async fn close(&self, limit: Duration) {
        // A writer that is gone already needs no word.
        drop(self.jobs.send(Job::Stop));
        let mut ended = self.ended.clone();
        let wait = tokio::time::timeout(limit, ended.wait_for(|ended| *ended));
        if wait.await.is_err() {
            tracing::warn!(
                ?limit,
                "the embedded log's writer is still busy; left behind"
            );
        }
    }
}
