//! A log whose consumers deliver when they are told to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use async_trait::async_trait;
use minzheng_proto::catalogue::EventType;
use minzheng_proto::elderly_care::v1::BedChanged;
use tokio::sync::oneshot;

use super::{LOOK_EVERY, PARTITIONS};
use crate::bus::{
    Bus, BusError, Consumer, Delivery, Envelope, Positions, Record, TopicPartition, TopicSpec,
    Watermarks,
};

/// The records of each partition.
pub(super) type Log = Arc<Mutex<[Vec<Envelope>; PARTITIONS]>>;

/// Records of each partition that a poll ahead brings.
const AHEAD: usize = 2;

/// What a consumer shall do next; it answers when the runner has handled it.
pub(super) enum Order {
    Deliver(usize),
    Rewind(usize),
    Reassign,
}

pub(super) type Orders = mpsc::Receiver<(Order, oneshot::Sender<()>)>;

/// A log whose consumers deliver when they are told to.
pub(super) struct ScriptedBus {
    pub(super) log: Log,
    /// Of the consumers that are not open yet.
    pub(super) orders: Mutex<Vec<Orders>>,
}

pub(super) struct ScriptedConsumer {
    log: Log,
    orders: Orders,
    positions: Positions,
    next: BTreeMap<TopicPartition, i64>,
    handled: Option<oneshot::Sender<()>>,
}

pub(super) fn partitions() -> Vec<TopicPartition> {
    let numbers = 0..i32::try_from(PARTITIONS).expect("few");
    numbers
        .map(|number| TopicPartition::new(BedChanged::TOPIC.name, number))
        .collect()
}

impl ScriptedConsumer {
    fn assign(&mut self) -> Result<(), BusError> {
        self.next = (self.positions)(&partitions())?;
        Ok(())
    }

    fn deliver(&mut self, limit: usize) -> Vec<Record> {
        let log = self.log.lock().expect("not poisoned");
        let mut records = Vec::new();
        for (at, next) in &mut self.next {
            let of_partition = &log[usize::try_from(at.partition).expect("one of ours")];
            let from = usize::try_from(*next).expect("an offset");
            let to = of_partition.len().min(from + limit);
            for (offset, envelope) in (*next..).zip(&of_partition[from..to]) {
                records.push(Record {
                    at: at.clone(),
                    offset,
                    envelope: Ok(envelope.clone()),
                });
            }
            *next = i64::try_from(to).expect("an offset");
        }
        records
    }
}

impl Consumer for ScriptedConsumer {
    fn poll(&mut self, wait: Duration, _limit: usize) -> Result<Vec<Record>, BusError> {
        // Ahead, while the last order is handled.
        if wait.is_zero() {
            return Ok(self.deliver(AHEAD));
        }
        if let Some(handled) = self.handled.take() {
            // Whoever gave the order may have given up.
            let _ = handled.send(());
        }
        let Ok((order, handled)) = self.orders.recv_timeout(LOOK_EVERY) else {
            return Ok(Vec::new());
        };
        self.handled = Some(handled);
        match order {
            Order::Deliver(limit) => return Ok(self.deliver(limit)),
            Order::Rewind(by) => {
                let by = i64::try_from(by).expect("few");
                for next in self.next.values_mut() {
                    *next = (*next - by).max(0);
                }
            }
            Order::Reassign => self.assign()?,
        }
        Ok(Vec::new())
    }

    fn assignment(&mut self) -> Vec<TopicPartition> {
        partitions()
    }

    fn seek(&mut self, at: &TopicPartition, offset: i64) -> Result<(), BusError> {
        self.next.insert(at.clone(), offset);
        Ok(())
    }

    fn pause(&mut self, _partitions: &[TopicPartition]) -> Result<(), BusError> {
        Ok(())
    }

    fn resume(&mut self, _partitions: &[TopicPartition]) -> Result<(), BusError> {
        Ok(())
    }

    fn report(&mut self, _next: &BTreeMap<TopicPartition, i64>) {}

    fn close(self: Box<Self>, _limit: Duration) {}
}

#[async_trait]
impl Bus for ScriptedBus {
    async fn send(&self, batch: &[Envelope]) -> Vec<Delivery> {
        vec![Delivery::Failed("nobody sends here".to_owned()); batch.len()]
    }

    fn open_consumer(
        &self,
        _group: &str,
        _topics: &[String],
        positions: Positions,
    ) -> Result<Box<dyn Consumer>, BusError> {
        let orders = self.orders.lock().expect("not poisoned").pop();
        let mut consumer = ScriptedConsumer {
            log: self.log.clone(),
            orders: orders.ok_or_else(|| BusError::Other("no more consumers".to_owned()))?,
            positions,
            next: BTreeMap::new(),
            handled: None,
        };
        consumer.assign()?;
        Ok(Box::new(consumer))
    }

    async fn apply_topics(&self, _topics: &[TopicSpec]) -> Result<Vec<String>, BusError> {
        Ok(Vec::new())
    }

    async fn list_topics(&self) -> Result<BTreeMap<String, i32>, BusError> {
        Ok(BTreeMap::new())
    }

    async fn watermarks(&self, _topic: &str) -> Result<Vec<Watermarks>, BusError> {
        let log = self.log.lock().expect("not poisoned");
        let marks = log.iter().map(|partition| Watermarks {
            low: 0,
            high: i64::try_from(partition.len()).expect("few"),
        });
        Ok(marks.collect())
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

    async fn close(&self, _limit: Duration) {}
}
