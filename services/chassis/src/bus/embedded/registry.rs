//! What is known of the log in memory: topics, watermarks, who waits for new records. The writer
//! raises a watermark after its commit, so whoever sees it can read up to it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

use super::super::{BusError, TopicPartition, TopicSpec, Watermarks};

/// Takes a lock. The data behind these locks is valid between any two statements, so a thread
/// that panicked while holding one left nothing half done.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One partition's stream of records.
#[derive(Debug)]
pub(super) struct Stream {
    /// Its row in the table `partition`.
    pub id: i64,
    /// Its name.
    pub at: TopicPartition,
    low: AtomicI64,
    high: AtomicI64,
}

impl Stream {
    pub fn new(id: i64, at: TopicPartition, watermarks: Watermarks) -> Self {
        let (low, high) = (
            AtomicI64::new(watermarks.low),
            AtomicI64::new(watermarks.high),
        );
        Self { id, at, low, high }
    }

    pub fn watermarks(&self) -> Watermarks {
        // Low first: it only rises, and never above the high one of that moment.
        let low = self.low.load(Ordering::Acquire);
        Watermarks {
            low,
            high: self.high.load(Ordering::Acquire),
        }
    }

    pub fn raise_low(&self, low: i64) {
        self.low.store(low, Ordering::Release);
    }

    pub fn raise_high(&self, high: i64) {
        self.high.store(high, Ordering::Release);
    }
}

/// One topic with its streams, by partition number.
#[derive(Debug)]
pub(super) struct Topic {
    pub streams: Vec<Arc<Stream>>,
    spec: RwLock<TopicSpec>,
    waiting: Mutex<Vec<Weak<Bell>>>,
}

impl Topic {
    pub fn new(spec: TopicSpec, streams: Vec<Arc<Stream>>) -> Self {
        Self {
            streams,
            spec: RwLock::new(spec),
            waiting: Mutex::default(),
        }
    }

    pub fn spec(&self) -> TopicSpec {
        self.spec
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub fn max_record_bytes(&self) -> usize {
        self.spec
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .max_record_bytes
    }

    pub fn set_spec(&self, spec: TopicSpec) {
        *self.spec.write().unwrap_or_else(PoisonError::into_inner) = spec;
    }

    /// Rings `bell` whenever something was appended, as long as the bell lives.
    pub fn subscribe(&self, bell: &Arc<Bell>) {
        let mut waiting = lock(&self.waiting);
        waiting.retain(|bell| bell.strong_count() > 0);
        waiting.push(Arc::downgrade(bell));
    }

    pub fn ring(&self) {
        for bell in lock(&self.waiting).iter().filter_map(Weak::upgrade) {
            bell.ring();
        }
    }
}

/// All topics, by name.
#[derive(Debug, Default)]
pub(super) struct Registry {
    topics: RwLock<BTreeMap<String, Arc<Topic>>>,
    protected: Mutex<Option<BTreeMap<TopicPartition, i64>>>,
}

impl Registry {
    pub fn insert(&self, name: String, topic: Arc<Topic>) {
        self.topics
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name, topic);
    }

    pub fn get(&self, name: &str) -> Result<Arc<Topic>, BusError> {
        self.find(name)
            .ok_or_else(|| BusError::UnknownTopic(name.to_owned()))
    }

    pub fn find(&self, name: &str) -> Option<Arc<Topic>> {
        self.topics
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .cloned()
    }

    pub fn all(&self) -> Vec<Arc<Topic>> {
        self.topics
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .cloned()
            .collect()
    }

    pub fn protect(&self, slowest: BTreeMap<TopicPartition, i64>) {
        *lock(&self.protected) = Some(slowest);
    }

    /// Which positions retention must not pass; `None` before anyone said so.
    pub fn protected(&self) -> Option<BTreeMap<TopicPartition, i64>> {
        lock(&self.protected).clone()
    }
}

/// Wakes one waiting reader. Rung while nobody waits, the next wait ends at once.
#[derive(Debug, Default)]
pub(super) struct Bell {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Bell {
    pub fn ring(&self) {
        *lock(&self.rung) = true;
        self.changed.notify_one();
    }

    /// Waits for a ring until `deadline`.
    pub fn wait(&self, deadline: Instant) {
        let mut rung = lock(&self.rung);
        while !*rung {
            let left = deadline.saturating_duration_since(Instant::now());
            if left == Duration::ZERO {
                return;
            }
            rung = self
                .changed
                .wait_timeout(rung, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        *rung = false;
    }
}
