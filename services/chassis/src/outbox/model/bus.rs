//! A bus that does with each record what it is told to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use async_trait::async_trait;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::bus::{
    Bus, BusError, Consumer, Delivery, Envelope, Positions, Record, TopicPartition, TopicSpec,
    Watermarks,
};

/// What the bus does with one record.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fate {
    Stored,
    /// It has it, and does not say so.
    Unsaid,
    /// It has neither it nor what is behind it on its key.
    Lost,
}

/// A bus that does as it is told.
#[derive(Default)]
pub(super) struct ScriptedBus {
    pub(super) log: Mutex<Vec<Envelope>>,
    pub(super) unacceptable: Mutex<BTreeSet<Uuid>>,
    script: Mutex<Script>,
    /// The next send has stored what it stores and waits.
    pub(super) halted: Notify,
    pub(super) go_on: Notify,
}

#[derive(Default)]
pub(super) struct Script {
    pub(super) fates: Vec<Fate>,
    /// The next send stores so many, and then waits to be told to go on, which may never be.
    pub(super) halt_after: Option<usize>,
}

#[async_trait]
impl Bus for ScriptedBus {
    async fn send(&self, batch: &[Envelope]) -> Vec<Delivery> {
        let script = std::mem::take(&mut *self.script.lock().expect("not poisoned"));
        let halts = script.halt_after.is_some();
        let deliveries = self.store(batch, &script);
        if halts {
            self.halted.notify_one();
            self.go_on.notified().await;
        }
        deliveries
    }

    fn open_consumer(
        &self,
        _group: &str,
        _topics: &[String],
        _positions: Positions,
    ) -> Result<Box<dyn Consumer>, BusError> {
        Err(BusError::Other("nobody reads here".to_owned()))
    }

    async fn apply_topics(&self, _topics: &[TopicSpec]) -> Result<Vec<String>, BusError> {
        Ok(Vec::new())
    }

    async fn list_topics(&self) -> Result<BTreeMap<String, i32>, BusError> {
        Ok(BTreeMap::new())
    }

    async fn watermarks(&self, _topic: &str) -> Result<Vec<Watermarks>, BusError> {
        Ok(Vec::new())
    }

    async fn read(
        &self,
        _at: &TopicPartition,
        _from: i64,
        _limit: usize,
    ) -> Result<Vec<Record>, BusError> {
        Ok(Vec::new())
    }

    async fn protect(&self, _slowest: &BTreeMap<TopicPartition, i64>) {}

    async fn healthy(&self) -> Result<(), BusError> {
        Ok(())
    }

    async fn close(&self, _limit: std::time::Duration) {}
}

impl ScriptedBus {
    pub(super) fn script(&self, script: Script) {
        *self.script.lock().expect("not poisoned") = script;
    }

    fn store(&self, batch: &[Envelope], script: &Script) -> Vec<Delivery> {
        let unacceptable = self.unacceptable.lock().expect("not poisoned");
        let mut log = self.log.lock().expect("not poisoned");
        // A broker refuses the whole batch for one record.
        if batch.len() > 1 && batch.iter().any(|one| unacceptable.contains(&one.id)) {
            return vec![Delivery::Refused("of the batch".to_owned()); batch.len()];
        }
        let mut lost: BTreeSet<&str> = BTreeSet::new();
        let mut deliveries = Vec::new();
        for (n, envelope) in batch.iter().enumerate() {
            let fate = match script.halt_after {
                Some(after) if n >= after => Fate::Lost,
                _ => script.fates.get(n).copied().unwrap_or(Fate::Stored),
            };
            let failed = || Delivery::Failed("told to".to_owned());
            deliveries.push(match fate {
                _ if unacceptable.contains(&envelope.id) => Delivery::Refused("it".to_owned()),
                _ if lost.contains(envelope.key.as_str()) => failed(),
                Fate::Lost => {
                    lost.insert(&envelope.key);
                    failed()
                }
                Fate::Unsaid => {
                    log.push(envelope.clone());
                    failed()
                }
                Fate::Stored => {
                    log.push(envelope.clone());
                    Delivery::Stored
                }
            });
        }
        deliveries
    }
}
