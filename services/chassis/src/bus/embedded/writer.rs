//! The one thread that writes. It takes whatever is queued into one transaction and answers all
//! of it after the commit (group commit): while one batch is being synced, the next one gathers
//! by itself. Waiting to gather more was measured and is slower.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;

use super::super::{BusError, TopicSpec};
use super::registry::{Registry, Stream, Topic};
use super::store::{self, NewRecord};
use crate::clock::SharedClock;

/// How often retention runs by itself.
const RETENTION_EVERY: Duration = Duration::from_secs(60);
/// Records deleted in one transaction, so that no append waits long.
const DELETE_AT_ONCE: i64 = 2_000;
/// Where a group of appends ends, so that the write-ahead log stays small.
const GROUP_RECORDS: usize = 10_000;
const GROUP_BYTES: usize = 16 << 20;

/// A record on its way to the end of a stream.
pub(super) struct Row {
    pub topic: Arc<Topic>,
    pub stream: Arc<Stream>,
    pub record: NewRecord,
}

/// Appends that stand or fall together.
pub(super) struct Append {
    pub rows: Vec<Row>,
    pub answer: oneshot::Sender<Result<(), String>>,
}

/// What the writer is asked to do. A dropped answer means that it stopped before.
pub(super) enum Job {
    Append(Append),
    ApplyTopics(
        Vec<TopicSpec>,
        oneshot::Sender<Result<Vec<String>, BusError>>,
    ),
    Retain(oneshot::Sender<Result<u64, BusError>>),
    Ping(oneshot::Sender<()>),
    Stop,
}

pub(super) struct Writer {
    connection: Connection,
    registry: Arc<Registry>,
    clock: SharedClock,
    jobs: Receiver<Job>,
    next_retention: Instant,
}

impl Writer {
    pub fn new(
        connection: Connection,
        registry: Arc<Registry>,
        clock: SharedClock,
        jobs: Receiver<Job>,
    ) -> Self {
        Self {
            connection,
            registry,
            clock,
            jobs,
            next_retention: Instant::now() + RETENTION_EVERY,
        }
    }

    /// Works until it is told to stop or nobody can ask any more.
    pub fn run(mut self) {
        loop {
            let job = match self.jobs.recv_timeout(
                self.next_retention
                    .saturating_duration_since(Instant::now()),
            ) {
                Ok(job) => Some(job),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if job.is_some_and(|first| !self.work(first)) {
                return;
            }
            if self.next_retention <= Instant::now() {
                self.retain_a_little();
            }
        }
    }

    /// Does `first` and what is queued behind it; `false` when it was told to stop.
    fn work(&mut self, first: Job) -> bool {
        let mut group = Vec::new();
        let (mut records, mut bytes) = (0, 0);
        let mut next = Some(first);
        while let Some(job) = next {
            match job {
                Job::Append(append) => {
                    records += append.rows.len();
                    bytes += append
                        .rows
                        .iter()
                        .map(|row| row.record.value.len())
                        .sum::<usize>();
                    group.push(append);
                }
                other => {
                    // Jobs take effect in the order in which they were queued.
                    self.commit(std::mem::take(&mut group));
                    if !self.serve(other) {
                        return false;
                    }
                }
            }
            let full = records >= GROUP_RECORDS || bytes >= GROUP_BYTES;
            next = if full {
                None
            } else {
                self.jobs.try_recv().ok()
            };
        }
        self.commit(group);
        true
    }

    // An answer that nobody waits for any more is no failure: the asker was cancelled.
    fn serve(&mut self, job: Job) -> bool {
        match job {
            Job::Append(append) => self.commit(vec![append]),
            Job::ApplyTopics(specs, answer) => drop(answer.send(self.apply_topics(&specs))),
            Job::Retain(answer) => drop(answer.send(self.retain_all())),
            Job::Ping(answer) => drop(answer.send(())),
            Job::Stop => return false,
        }
        true
    }

    fn commit(&mut self, group: Vec<Append>) {
        if group.is_empty() {
            return;
        }
        match self.append_all(&group) {
            Ok(ends) => {
                publish(&group, &ends);
                for append in group {
                    drop(append.answer.send(Ok(())));
                }
            }
            Err(error) => {
                tracing::error!(%error, appends = group.len(), "the embedded log could not append");
                for append in group {
                    drop(append.answer.send(Err(error.to_string())));
                }
            }
        }
    }

    /// Writes the group in one transaction; answers the next offset of each stream it touched.
    fn append_all(&mut self, group: &[Append]) -> Result<HashMap<i64, i64>, BusError> {
        let time_us = self.clock.now().as_microsecond();
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(store::error)?;
        let mut ends = HashMap::new();
        for row in group.iter().flat_map(|append| &append.rows) {
            let next = ends
                .entry(row.stream.id)
                .or_insert_with(|| row.stream.watermarks().high);
            store::append(&transaction, (row.stream.id, *next), time_us, &row.record)?;
            *next += 1;
        }
        transaction.commit().map_err(store::error)?;
        Ok(ends)
    }

    fn apply_topics(&mut self, specs: &[TopicSpec]) -> Result<Vec<String>, BusError> {
        self.check_partitions(specs)?;
        let registry = Arc::clone(&self.registry);
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(store::error)?;
        let mut created = Vec::new();
        for spec in specs {
            match registry.find(&spec.name) {
                Some(_) => store::update_topic(&transaction, spec)?,
                None => created.push(store::create_topic(&transaction, spec)?),
            }
        }
        transaction.commit().map_err(store::error)?;
        for spec in specs {
            if let Some(topic) = registry.find(&spec.name) {
                topic.set_spec(spec.clone());
            }
        }
        let mut names = Vec::new();
        for topic in created {
            let name = topic.spec().name;
            names.push(name.clone());
            registry.insert(name, Arc::new(topic));
        }
        Ok(names)
    }

    fn check_partitions(&self, specs: &[TopicSpec]) -> Result<(), BusError> {
        for spec in specs {
            if spec.partitions < 1 {
                return Err(BusError::Other(format!(
                    "topic {} is declared without partitions",
                    spec.name
                )));
            }
            let Some(topic) = self.registry.find(&spec.name) else {
                continue;
            };
            let existing = topic.spec().partitions;
            if existing != spec.partitions {
                let (topic, declared) = (spec.name.clone(), spec.partitions);
                return Err(BusError::PartitionsDiffer {
                    topic,
                    existing,
                    declared,
                });
            }
        }
        Ok(())
    }

    /// Retention by itself: one transaction, then appends have their turn.
    fn retain_a_little(&mut self) {
        let more = match self.retain(DELETE_AT_ONCE) {
            Ok(deleted) => deleted >= DELETE_AT_ONCE,
            Err(error) => {
                tracing::error!(%error, "retention of the embedded log failed; tried again in a minute");
                false
            }
        };
        if !more {
            self.next_retention = Instant::now() + RETENTION_EVERY;
        }
    }

    fn retain_all(&mut self) -> Result<u64, BusError> {
        let mut total = 0;
        loop {
            let deleted = self.retain(DELETE_AT_ONCE)?;
            total += deleted.unsigned_abs();
            if deleted < DELETE_AT_ONCE {
                return Ok(total);
            }
        }
    }

    /// Deletes at most `limit` records that are past their age and read by every protected
    /// reader. Deletes nothing before the first [`Registry::protect`]: until then nobody said
    /// which subscriptions there are.
    fn retain(&mut self, limit: i64) -> Result<i64, BusError> {
        let Some(protected) = self.registry.protected() else {
            return Ok(0);
        };
        let now_us = self.clock.now().as_microsecond();
        let mut left = limit;
        for topic in self.registry.all() {
            let Some(retention) = topic.spec().retention else {
                continue;
            };
            let before_us =
                now_us.saturating_sub(i64::try_from(retention.as_micros()).unwrap_or(i64::MAX));
            for stream in &topic.streams {
                if left == 0 {
                    return Ok(limit);
                }
                let slowest = protected.get(&stream.at).copied().unwrap_or(i64::MAX);
                left -= self.retain_stream(stream, slowest, before_us, left)?;
            }
        }
        Ok(limit - left)
    }

    fn retain_stream(
        &mut self,
        stream: &Stream,
        slowest: i64,
        before_us: i64,
        limit: i64,
    ) -> Result<i64, BusError> {
        let watermarks = stream.watermarks();
        let end = watermarks.high.min(slowest);
        if watermarks.low >= end {
            return Ok(0);
        }
        let range = (stream.id, watermarks.low, end);
        let cut = store::first_younger(&self.connection, range, before_us, limit)?;
        if cut == watermarks.low {
            return Ok(0);
        }
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(store::error)?;
        store::delete_below(&transaction, stream.id, cut, watermarks.high)?;
        transaction.commit().map_err(store::error)?;
        stream.raise_low(cut);
        Ok(cut - watermarks.low)
    }
}

/// Makes what was committed visible and wakes who waits for it.
fn publish(group: &[Append], ends: &HashMap<i64, i64>) {
    let mut touched: Vec<&Arc<Topic>> = Vec::new();
    for row in group.iter().flat_map(|append| &append.rows) {
        if let Some(end) = ends.get(&row.stream.id) {
            row.stream.raise_high(*end);
        }
        if !touched.iter().any(|topic| Arc::ptr_eq(topic, &row.topic)) {
            touched.push(&row.topic);
        }
    }
    for topic in touched {
        topic.ring();
    }
}
