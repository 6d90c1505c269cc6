//! The sending side: one idempotent producer for the whole node, whose delivery reports are
//! counted and wake the sender.
//!
//! Of a key one record at a time is on its way. A producer that failed a record for any reason but
//! the record itself or its topic is retired: what it still holds is purged, and the next send makes
//! a new one. Otherwise a record that timed out could be overtaken by a later one of its key that
//! the same producer still held.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use foldhash::fast::RandomState as FastHash;
use rdkafka::client::{Client, ClientContext};
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Message as _, OwnedHeaders};
use rdkafka::producer::{
    BaseRecord, DeliveryResult, Producer as _, ProducerContext, PurgeConfig, ThreadedProducer,
};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::super::envelope::MOST_HEADERS;
use super::super::{BusError, Delivery, Envelope};
use super::errors::{self, Fault};

/// In what the room for records is counted, in bytes.
const ROOM_UNIT: usize = 1 << 10;
/// How much may be on its way at once: 32 MiB or 32,768 records. librdkafka's own queue holds more
/// than twice that, so it is never full: a sender that waits for it could wait for ever, because
/// it has its room back only some time after the delivery report.
const ROOM: usize = 32 << 10;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change under these locks is complete in one statement.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The outcomes of records that are on their way together, as they come in.
struct Batch {
    state: Mutex<Outcomes>,
    /// Looked at before every record that is handed over.
    way_failed: AtomicBool,
    /// Told when all have come in, and at the first failure of the way.
    changed: Notify,
}

struct Outcomes {
    of: Vec<Option<Delivery>>,
    missing: usize,
}

impl Batch {
    fn new(size: usize) -> Arc<Self> {
        let state = Outcomes {
            of: vec![None; size],
            missing: size,
        };
        Arc::new(Self {
            state: Mutex::new(state),
            way_failed: AtomicBool::new(false),
            changed: Notify::new(),
        })
    }

    fn stored(&self, index: usize) {
        self.report(index, Delivery::Stored, false);
    }

    fn failed(&self, index: usize, error: &KafkaError) {
        let is_way = errors::fault(error.rdkafka_error_code()) == Fault::Way;
        self.report(index, errors::outcome(error), is_way);
    }

    fn report(&self, index: usize, outcome: Delivery, way_failed: bool) {
        let mut state = lock(&self.state);
        if state.of[index].is_some() {
            return;
        }
        state.of[index] = Some(outcome);
        state.missing -= 1;
        let first_failure = way_failed && !self.way_failed.swap(true, Ordering::AcqRel);
        if state.missing == 0 || first_failure {
            self.changed.notify_one();
        }
    }

    /// Whether every outcome is there, and whether the way failed.
    fn progress(&self) -> (bool, bool) {
        let complete = lock(&self.state).missing == 0;
        (complete, self.has_way_failed())
    }

    fn has_way_failed(&self) -> bool {
        self.way_failed.load(Ordering::Acquire)
    }

    /// The outcomes; one that never came in counts as failed.
    fn outcomes(&self) -> Vec<Delivery> {
        let never = || Delivery::Failed("no delivery report came".to_owned());
        lock(&self.state)
            .of
            .iter()
            .map(|outcome| outcome.clone().unwrap_or_else(never))
            .collect()
    }
}

/// Which outcome of which batch a delivery report is. Its end gives back the room of the record.
pub(super) struct Ticket {
    batch: Arc<Batch>,
    index: usize,
    _room: OwnedSemaphorePermit,
}

/// librdkafka reports a record as delivered, without an offset, when its request failed and a later one to the same
/// partition succeeded: it concludes that the broker has it. A broker that knows nothing of a producer yet takes any
/// request as its first, and may not have it. Such a record is sent again, and known by its id if it was there.
const NOT_SAID: &str = "librdkafka took it for stored; the broker did not say where";

/// Takes delivery reports, on the producer's own thread.
pub(super) struct Deliveries;

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        errors::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        errors::log_error(&error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<Ticket>;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: Box<Ticket>) {
        let Ticket { batch, index, .. } = *ticket;
        match result {
            Ok(message) if message.offset() < 0 => {
                batch.report(index, Delivery::Failed(NOT_SAID.to_owned()), true);
            }
            Ok(_) => batch.stored(index),
            Err((error, _)) => batch.failed(index, error),
        }
    }
}

/// One producer from its making to its retirement.
struct Generation {
    /// There until the drop.
    producer: Option<ThreadedProducer<Deliveries>>,
    /// Room for records on their way, in [`ROOM_UNIT`]s.
    room: Arc<Semaphore>,
}

impl Generation {
    fn make(config: &ClientConfig) -> Result<Arc<Self>, KafkaError> {
        let producer = config.create_with_context(Deliveries)?;
        Ok(Arc::new(Self {
            producer: Some(producer),
            room: Arc::new(Semaphore::new(ROOM)),
        }))
    }

    /// Room for `size` units, most often at once; nothing where there is none until `deadline`.
    async fn room(&self, size: u32, deadline: Instant) -> Option<OwnedSemaphorePermit> {
        let room = || Arc::clone(&self.room);
        if let Ok(room) = room().try_acquire_many_owned(size) {
            return Some(room);
        }
        let waiting = timeout_at(deadline, room().acquire_many_owned(size));
        waiting.await.ok()?.ok()
    }

    fn get(&self) -> &ThreadedProducer<Deliveries> {
        match &self.producer {
            Some(producer) => producer,
            None => unreachable!("a producer is taken only by the drop"),
        }
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        // Ending a producer blocks up to half a second, and this may be a runtime's thread.
        let Some(producer) = self.producer.take() else {
            return;
        };
        let ending = std::thread::Builder::new().name("kafka-producer-end".to_owned());
        if let Err(error) = ending.spawn(move || drop(producer)) {
            tracing::warn!(%error, "no thread to end a Kafka producer; it was ended in place");
        }
    }
}

enum Current {
    /// The one in use; none before the first send and after a retirement.
    Open(Option<Arc<Generation>>),
    Closed,
}

pub(super) struct Producer {
    config: ClientConfig,
    prefix: String,
    /// After this long without a report a batch is given up; librdkafka's own limits are shorter.
    patience: Duration,
    current: Mutex<Current>,
}

impl Producer {
    pub fn new(
        config: ClientConfig,
        prefix: String,
        message_timeout: Duration,
    ) -> Result<Self, BusError> {
        let first =
            Generation::make(&config).map_err(|error| errors::request_error(error, None))?;
        let patience = message_timeout * 2 + Duration::from_secs(5);
        Ok(Self {
            config,
            prefix,
            patience,
            current: Mutex::new(Current::Open(Some(first))),
        })
    }

    /// Sends a batch and waits for every report. Of a key one record at a time is on its way: whatever the client
    /// and the broker make of a request that fails, none can overtake another.
    pub async fn send(&self, batch: &[Envelope]) -> Vec<Delivery> {
        let behind = || Delivery::Failed("behind a record that failed".to_owned());
        let mut outcomes = vec![behind(); batch.len()];
        let mut left: Vec<usize> = (0..batch.len()).collect();
        while !left.is_empty() {
            let mut keys = HashSet::with_capacity_and_hasher(left.len(), FastHash::default());
            let (now, later): (Vec<usize>, Vec<usize>) = left
                .into_iter()
                .partition(|index| keys.insert(batch[*index].stream()));
            let records: Vec<&Envelope> = now.iter().map(|index| &batch[*index]).collect();
            let (delivered, way_failed) = self.send_together(&records).await;
            let mut stuck = HashSet::new();
            for (index, outcome) in now.into_iter().zip(delivered) {
                if outcome != Delivery::Stored {
                    stuck.insert(batch[index].stream());
                }
                outcomes[index] = outcome;
            }
            left = later;
            left.retain(|index| !way_failed && !stuck.contains(&batch[*index].stream()));
        }
        outcomes
    }

    /// Sends records of which no two have one key; and whether the way failed.
    async fn send_together(&self, records: &[&Envelope]) -> (Vec<Delivery>, bool) {
        let generation = match self.current() {
            Ok(generation) => generation,
            Err(error) => {
                let failed = Delivery::Failed(error.to_string());
                return (vec![failed; records.len()], true);
            }
        };
        let reports = Batch::new(records.len());
        let deadline = Instant::now() + self.patience;
        for (index, envelope) in records.iter().enumerate() {
            if reports.has_way_failed() {
                // Nothing may follow a record that failed on its way.
                let purged = KafkaError::MessageProduction(RDKafkaErrorCode::PurgeQueue);
                reports.failed(index, &purged);
                continue;
            }
            self.enqueue(&generation, &reports, index, envelope, deadline)
                .await;
            // Others have their turns meanwhile.
            tokio::task::consume_budget().await;
        }
        self.await_reports(&generation, &reports, deadline).await;
        let (complete, way_failed) = reports.progress();
        (reports.outcomes(), way_failed || !complete)
    }

    async fn await_reports(
        &self,
        generation: &Arc<Generation>,
        reports: &Batch,
        deadline: Instant,
    ) {
        let mut retired = false;
        loop {
            let (complete, way_failed) = reports.progress();
            if way_failed && !retired {
                retired = true;
                self.retire(generation);
            }
            if complete {
                return;
            }
            if timeout_at(deadline, reports.changed.notified())
                .await
                .is_err()
            {
                tracing::error!("Kafka gave no delivery report in time");
                return self.retire(generation);
            }
        }
    }

    /// Hands one record to librdkafka, once there is room for it.
    async fn enqueue(
        &self,
        generation: &Generation,
        reports: &Arc<Batch>,
        index: usize,
        envelope: &Envelope,
        deadline: Instant,
    ) {
        let size = (envelope.key.len() + envelope.value.len()) / ROOM_UNIT + 1;
        // A record above the whole room is refused by librdkafka all the same.
        let size = u32::try_from(size.min(ROOM)).unwrap_or(u32::MAX);
        let Some(room) = generation.room(size, deadline).await else {
            let full = KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
            return reports.failed(index, &full);
        };
        let ticket = Box::new(Ticket {
            batch: Arc::clone(reports),
            index,
            _room: room,
        });
        if let Err(error) = self.hand_over(generation.get(), ticket, envelope) {
            reports.failed(index, &error);
        }
    }

    fn hand_over(
        &self,
        producer: &ThreadedProducer<Deliveries>,
        ticket: Box<Ticket>,
        envelope: &Envelope,
    ) -> Result<(), KafkaError> {
        let mut headers = Some(OwnedHeaders::new_with_capacity(MOST_HEADERS));
        envelope.each_header(|key, value| {
            let value = Some(value);
            headers = headers.take().map(|all| all.insert(Header { key, value }));
        });
        let topic = format!("{}{}", self.prefix, envelope.topic);
        let mut record = BaseRecord::with_opaque_to(&topic, ticket)
            .key(envelope.key.as_bytes())
            .payload(envelope.value.as_slice());
        record.headers = headers;
        producer.send(record).map_err(|(error, _)| error)
    }

    fn current(&self) -> Result<Arc<Generation>, BusError> {
        match &mut *lock(&self.current) {
            Current::Closed => Err(BusError::Other(
                "the connection to Kafka is closed".to_owned(),
            )),
            Current::Open(Some(generation)) => Ok(Arc::clone(generation)),
            Current::Open(none) => {
                let generation = Generation::make(&self.config)
                    .map_err(|error| errors::request_error(error, None))?;
                tracing::info!("a new Kafka producer takes over");
                Ok(Arc::clone(none.insert(generation)))
            }
        }
    }

    /// Takes a producer out of use and purges what it holds. Others who wait on it hear at once
    /// that their records failed.
    fn retire(&self, generation: &Arc<Generation>) {
        if let Current::Open(current) = &mut *lock(&self.current)
            && current
                .as_ref()
                .is_some_and(|current| Arc::ptr_eq(current, generation))
        {
            *current = None;
            tracing::warn!("the Kafka producer failed a record and is retired");
        }
        purge(generation);
    }

    /// Runs `ask` with a client that is connected, on a thread that may block.
    pub async fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Client<Deliveries>) -> Result<T, BusError> + Send + 'static,
    ) -> Result<T, BusError> {
        let generation = self.current()?;
        let asking = tokio::task::spawn_blocking(move || ask(generation.get().client()));
        asking
            .await
            .map_err(|error| BusError::Other(error.to_string()))?
    }

    /// Ends the producer; whoever still waits hears that his records failed.
    pub fn close(&self) {
        let last = std::mem::replace(&mut *lock(&self.current), Current::Closed);
        if let Current::Open(Some(generation)) = last {
            purge(&generation);
        }
    }
}

/// Purges on a thread of its own: it waits for librdkafka's threads.
fn purge(generation: &Arc<Generation>) {
    let generation = Arc::clone(generation);
    let purging = std::thread::Builder::new().name("kafka-purge".to_owned());
    let spawned = purging.spawn(move || {
        generation
            .get()
            .purge(PurgeConfig::default().queue().inflight())
    });
    if let Err(error) = spawned {
        tracing::warn!(%error, "no thread to purge a Kafka producer; its records time out instead");
    }
}
