//! How far each subscription has read, and where a consumer begins.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sea_orm::DbErr;
use tokio::runtime::Handle;

use super::subscription::{StartFrom, Subscription};
use crate::bus::{BusError, Positions, TopicPartition};
use crate::context::Context;
use crate::db::{Sql, dialect, val};
use crate::failpoint;
use crate::seam::Failure;

/// How long reading positions may take at an assignment; then the consumer is closed.
const READ_WITHIN: Duration = Duration::from_secs(5);

/// How often a position is moved over events that are not for its subscription.
const SKIP_EVERY: Duration = Duration::from_secs(1);

/// How far one subscription has read one partition.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    /// What the row says.
    pub(super) stored: i64,
    /// How far was read; beyond `stored` only over events that are not for it.
    pub(super) read: i64,
    moved_at: Instant,
}

impl Position {
    fn at(offset: i64) -> Self {
        Self {
            stored: offset,
            read: offset,
            moved_at: Instant::now(),
        }
    }

    /// Whether it is time to write down what was skipped.
    pub(super) fn should_move(&self) -> bool {
        self.read > self.stored && self.moved_at.elapsed() >= SKIP_EVERY
    }
}

type ByPartition = BTreeMap<(&'static str, TopicPartition), Position>;

/// The positions that one runner works with. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct PositionTable(Arc<Mutex<ByPartition>>);

impl PositionTable {
    fn lock(&self) -> std::sync::MutexGuard<'_, ByPartition> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, subscription: &'static str, at: &TopicPartition) -> Option<Position> {
        self.lock().get(&(subscription, at.clone())).copied()
    }

    /// After a committed move.
    pub(super) fn moved(&self, subscription: &'static str, at: &TopicPartition, next: i64) {
        self.lock()
            .insert((subscription, at.clone()), Position::at(next));
    }

    /// Read, but nothing in it was for this subscription.
    pub(super) fn skipped(&self, subscription: &'static str, at: &TopicPartition, next: i64) {
        if let Some(position) = self.lock().get_mut(&(subscription, at.clone())) {
            position.read = position.read.max(next);
        }
    }

    /// The lowest stored position of each partition, over all subscriptions that read it.
    pub(super) fn slowest(&self) -> BTreeMap<TopicPartition, i64> {
        let mut slowest = BTreeMap::new();
        for ((_, at), position) in self.lock().iter() {
            let lowest = slowest.entry(at.clone()).or_insert(position.read);
            *lowest = position.read.min(*lowest);
        }
        slowest
    }

    /// Rereads the rows of some partitions; the lowest of each.
    pub(super) async fn reread(
        &self,
        cx: &Context,
        subscriptions: &[Subscription],
        partitions: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, i64>, DbErr> {
        let rows = load(cx, subscriptions).await?;
        let mut lowest: BTreeMap<TopicPartition, i64> = BTreeMap::new();
        let mut table = self.lock();
        for (subscription, at, offset) in rows {
            if !partitions.contains(&at) {
                continue;
            }
            let entry = lowest.entry(at.clone()).or_insert(offset);
            *entry = offset.min(*entry);
            table.insert((subscription, at), Position::at(offset));
        }
        Ok(lowest)
    }

    /// What a consumer calls, on its own thread, when partitions are assigned to it.
    pub(super) fn callback(
        &self,
        cx: &Context,
        subscriptions: Arc<Vec<Subscription>>,
        handle: Handle,
    ) -> Positions {
        let (table, cx) = (self.clone(), cx.clone());
        Arc::new(move |partitions| {
            failpoint::reach(failpoint::REBALANCE);
            let read = async {
                tokio::time::timeout(READ_WITHIN, table.reread(&cx, &subscriptions, partitions))
                    .await
            };
            match handle.block_on(read) {
                Ok(Ok(lowest)) => Ok(lowest),
                Ok(Err(error)) => Err(BusError::Positions(error.to_string())),
                Err(_) => Err(BusError::Positions(
                    "the database did not answer in time".to_owned(),
                )),
            }
        })
    }
}

type Row = (&'static str, TopicPartition, i64);

async fn load(cx: &Context, subscriptions: &[Subscription]) -> Result<Vec<Row>, DbErr> {
    let names: Vec<&'static str> = subscriptions.iter().map(Subscription::name).collect();
    let text = format!(
        "SELECT subscription, topic, partition, next_offset FROM position WHERE subscription IN ({})",
        dialect::placeholders(1, names.len())
    );
    let rows = cx
        .db()
        .writer()
        .all(
            text,
            names.iter().map(|name| val(*name)).collect::<Vec<_>>(),
        )
        .await?;
    let mut positions = Vec::with_capacity(rows.len());
    for row in &rows {
        let subscription: String = row.get("subscription")?;
        let Some(name) = names.iter().find(|name| **name == subscription) else {
            continue;
        };
        let at = TopicPartition {
            topic: row.get("topic")?,
            partition: row.get("partition")?,
        };
        positions.push((*name, at, row.get("next_offset")?));
    }
    Ok(positions)
}

/// Writes the missing rows of new subscriptions, before the first poll.
pub(super) async fn begin_missing(
    cx: &Context,
    subscriptions: &[Subscription],
) -> Result<(), Failure> {
    let present = load(cx, subscriptions).await?;
    for subscription in subscriptions {
        for topic in subscription.topics() {
            let watermarks = cx.bus().watermarks(topic).await?;
            for (partition, marks) in watermarks.iter().enumerate() {
                let at = TopicPartition {
                    topic: topic.to_owned(),
                    partition: i32::try_from(partition).map_err(Failure::internal)?,
                };
                if present
                    .iter()
                    .any(|(name, found, _)| *name == subscription.name() && *found == at)
                {
                    continue;
                }
                let offset = match subscription.starts() {
                    StartFrom::Beginning => marks.low,
                    StartFrom::Now => marks.high,
                };
                begin(cx, subscription.name(), &at, offset).await?;
            }
        }
    }
    Ok(())
}

async fn begin(
    cx: &Context,
    subscription: &str,
    at: &TopicPartition,
    offset: i64,
) -> Result<(), DbErr> {
    let text = "INSERT INTO position (subscription, topic, partition, next_offset) VALUES ($1, $2, $3, $4) \
                ON CONFLICT DO NOTHING";
    let values = [
        val(subscription),
        val(at.topic.clone()),
        val(at.partition),
        val(offset),
    ];
    cx.db().writer().run(text, values).await?;
    Ok(())
}
