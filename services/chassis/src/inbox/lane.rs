//! What one poll brings, sorted into lanes: one per subscription and partition, which may run at
//! once since no two of them share a key of a topic and a position.

use std::collections::BTreeMap;

use futures::StreamExt;

use super::batch::{Batch, Incoming, Outcome, Pace};
use super::positions::PositionTable;
use super::subscription::Subscription;
use crate::bus::{Record, TopicPartition};
use crate::context::Context;
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

/// Handles the records of one poll.
pub(super) async fn handle(
    cx: &Context,
    subscriptions: &[Subscription],
    positions: &PositionTable,
    pace: &Pace,
    records: Vec<Record>,
    at_once: usize,
) -> Handled {
    let mut by_partition: BTreeMap<TopicPartition, Vec<Record>> = BTreeMap::new();
    for record in records {
        by_partition
            .entry(record.at.clone())
            .or_default()
            .push(record);
    }
    let lanes = by_partition.iter().flat_map(|(at, records)| {
        let readers = subscriptions
            .iter()
            .filter(move |subscription| subscription.reads(&at.topic));
        readers.map(move |subscription| Lane {
            cx,
            subscription,
            positions,
            pace,
            at,
            records,
        })
    });
    let outcomes: Vec<(TopicPartition, Outcome)> = futures::stream::iter(lanes)
        .map(|lane| async move { (lane.at.clone(), lane.run().await) })
        .buffer_unordered(at_once)
        .collect()
        .await;
    let mut handled = Handled::default();
    for (at, outcome) in outcomes {
        match outcome {
            Outcome::MovedTo(_) => continue,
            Outcome::PositionLost => {}
            Outcome::Away(away) => handled.away = Some(away),
        }
        if !handled.reread.contains(&at) {
            handled.reread.push(at);
        }
    }
    handled
}

/// One subscription on one partition, with what one poll brought.
struct Lane<'a> {
    cx: &'a Context,
    subscription: &'a Subscription,
    positions: &'a PositionTable,
    pace: &'a Pace,
    at: &'a TopicPartition,
    records: &'a [Record],
}

impl Lane<'_> {
    async fn run(&self) -> Outcome {
        let name = self.subscription.name();
        let Some(position) = self.positions.get(name, self.at) else {
            return Outcome::PositionLost;
        };
        let Some(last) = self.records.last() else {
            return Outcome::MovedTo(position.read);
        };
        let next = last.offset + 1;
        let events = self.events_from(position.read);
        self.positions.skipped(name, self.at, next);
        if events.is_empty() {
            return self.move_over_skipped().await;
        }
        let batch = Batch {
            cx: self.cx,
            subscription: self.subscription,
            at: self.at,
            pace: self.pace,
        };
        let outcome = batch
            .handle(position.stored, &events, next.max(position.read))
            .await;
        if let Outcome::MovedTo(offset) = outcome {
            self.positions.moved(name, self.at, offset);
        }
        outcome
    }

    /// The events for this subscription, from its own position on.
    fn events_from(&self, position: i64) -> Vec<Incoming> {
        let readable = self
            .records
            .iter()
            .filter(|record| record.offset >= position);
        readable
            .filter_map(|record| match &record.envelope {
                Ok(envelope) if self.subscription.names(&envelope.event_type) => Some(Incoming {
                    offset: record.offset,
                    envelope: envelope.clone(),
                }),
                Ok(_) | Err(_) => None,
            })
            .collect()
    }

    /// A poll with nothing for a subscription moves its row at most once a second.
    async fn move_over_skipped(&self) -> Outcome {
        let name = self.subscription.name();
        let Some(position) = self.positions.get(name, self.at) else {
            return Outcome::PositionLost;
        };
        if !position.should_move() {
            return Outcome::MovedTo(position.read);
        }
        let origin = super::table::Origin {
            subscription: name,
            at: self.at,
        };
        let db = self.cx.db().writer();
        match super::table::move_position(db, &origin, position.stored, position.read).await {
            Ok(Some(_)) => {
                self.positions.moved(name, self.at, position.read);
                Outcome::MovedTo(position.read)
            }
            Ok(None) => Outcome::PositionLost,
            Err(error) => Outcome::Away(Away {
                who: "database".to_owned(),
                detail: error.to_string(),
            }),
        }
    }
}
