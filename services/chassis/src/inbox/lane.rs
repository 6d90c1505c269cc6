//! What one poll brings, sorted into lanes: one per subscription, which may run at once since no two
//! of them share an inbox or a position.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use tokio_util::sync::CancellationToken;

use super::batch::{Batch, Pace};
use super::positions::PositionTable;
use super::slice::{Incoming, Outcome, Part, Slice};
use super::subscription::Subscription;
use super::table;
use crate::bus::{Record, TopicPartition};
use crate::context::Context;
use crate::db::dialect;
use crate::seam::Away;

/// What a poll's records came to.
#[derive(Debug, Default)]
pub(super) struct Handled {
    /// Partitions whose positions must be reread, since somebody else moved one or since something
    /// was away.
    pub(super) reread: Vec<TopicPartition>,
    /// What was away, if something was.
    pub(super) away: Option<Away>,
}

/// How long events are handled at a stretch.
pub(super) struct Stretch {
    polled: Instant,
    at_most: Duration,
    stop: CancellationToken,
}

impl Stretch {
    /// From when the bus was polled last, for so long at most, or until the service stops.
    pub(super) fn new(polled: Instant, at_most: Duration, stop: CancellationToken) -> Self {
        Self {
            polled,
            at_most,
            stop,
        }
    }

    /// Whether what is not begun yet is left to the next poll. Each must come further than the last: what was
    /// `begun` ends only here.
    pub(super) fn is_over(&self, begun: bool) -> bool {
        self.stop.is_cancelled() || (begun && self.polled.elapsed() > self.at_most)
    }

    /// The service stops.
    pub(super) async fn stopped(&self) {
        self.stop.cancelled().await;
    }
}

/// Handles the records of one poll.
pub(super) async fn handle(
    cx: &Context,
    subscriptions: &[Subscription],
    positions: &PositionTable,
    pace: &Pace,
    records: Vec<Record>,
    stretch: &Stretch,
) -> Handled {
    let at_once = dialect::parallel_writers(
        cx.db().backend(),
        cx.settings().database.max_connections as usize,
    );
    let mut by_partition: BTreeMap<TopicPartition, Vec<Record>> = BTreeMap::new();
    for record in records {
        by_partition
            .entry(record.at.clone())
            .or_default()
            .push(record);
    }
    let by_partition = &by_partition;
    let lanes: Vec<BoxFuture<'_, Vec<(TopicPartition, Outcome)>>> = subscriptions
        .iter()
        .map(|subscription| {
            let lane = Lane {
                cx,
                subscription,
                positions,
                pace,
                stretch,
            };
            lane.run(by_partition).boxed()
        })
        .collect();
    let outcomes: Vec<Vec<(TopicPartition, Outcome)>> = futures::stream::iter(lanes)
        .buffer_unordered(at_once)
        .collect()
        .await;
    let mut handled = Handled::default();
    for (at, outcome) in outcomes.into_iter().flatten() {
        match outcome {
            Outcome::MovedTo(_) => continue,
            Outcome::PositionLost | Outcome::Interrupted => {}
            Outcome::Away(away) => handled.away = Some(away),
        }
        if !handled.reread.contains(&at) {
            handled.reread.push(at);
        }
    }
    handled
}

/// One subscription, with what one poll brought.
struct Lane<'a> {
    cx: &'a Context,
    subscription: &'a Subscription,
    positions: &'a PositionTable,
    pace: &'a Pace,
    stretch: &'a Stretch,
}

impl Lane<'_> {
    async fn run(
        self,
        by_partition: &BTreeMap<TopicPartition, Vec<Record>>,
    ) -> Vec<(TopicPartition, Outcome)> {
        let mut outcomes = Vec::new();
        let mut slices = Vec::new();
        let read = by_partition
            .iter()
            .filter(|(at, _)| self.subscription.reads(&at.topic));
        for (at, records) in read {
            let Some(slice) = self.slice(at, records) else {
                outcomes.push((at.clone(), Outcome::PositionLost));
                continue;
            };
            if slice.events.is_empty() {
                outcomes.push((at.clone(), self.move_over_skipped(at).await));
            } else {
                slices.push(slice);
            }
        }
        let batch = Batch {
            cx: self.cx,
            subscription: self.subscription,
            pace: self.pace,
            stretch: self.stretch,
        };
        for (at, outcome) in batch.handle(&slices).await {
            if let Outcome::MovedTo(offset) = outcome {
                self.positions.moved(self.subscription.name(), &at, offset);
            }
            outcomes.push((at, outcome));
        }
        outcomes
    }

    /// The events for this subscription, from its own position on; nothing if that is not known.
    fn slice(&self, at: &TopicPartition, records: &[Record]) -> Option<Slice> {
        let name = self.subscription.name();
        let position = self.positions.get(name, at)?;
        let next = records.last().map_or(position.read, |last| last.offset + 1);
        self.positions.skipped(name, at, next);
        let readable = records
            .iter()
            .filter(|record| record.offset >= position.read);
        let events = readable.filter_map(|record| match &record.envelope {
            Ok(envelope) if self.subscription.names(&envelope.event_type) => Some(Incoming {
                offset: record.offset,
                envelope: envelope.clone(),
            }),
            Ok(_) | Err(_) => None,
        });
        Some(Slice {
            at: at.clone(),
            read: position.stored,
            events: events.collect(),
            next: next.max(position.read),
        })
    }

    /// A poll with nothing for a subscription moves its row at most once a second.
    async fn move_over_skipped(&self, at: &TopicPartition) -> Outcome {
        let name = self.subscription.name();
        let Some(position) = self.positions.get(name, at) else {
            return Outcome::PositionLost;
        };
        if !position.should_move() {
            return Outcome::MovedTo(position.read);
        }
        let part = Part {
            at,
            read: position.stored,
            events: &[],
            next: position.read,
        };
        let parts = std::slice::from_ref(&part);
        match table::move_positions(self.cx.db().writer(), name, parts).await {
            Ok(moved) if moved.lost(parts).is_empty() => {
                self.positions.moved(name, at, position.read);
                Outcome::MovedTo(position.read)
            }
            Ok(_) => Outcome::PositionLost,
            Err(error) => Outcome::Away(Away {
                who: "database".to_owned(),
                detail: error.to_string(),
            }),
        }
    }
}
