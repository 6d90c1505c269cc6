//! The runner: one consumer per service, on a thread of its own, on every topic that one of its
//! subscriptions names. Each record goes to every subscription that names its type.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::batch::Pace;
use super::gaps::{self, GapWatch};
use super::lane::{self, Handled, Stretch};
use super::positions::{self, PositionTable};
use super::subscription::Subscription;
use crate::breather::Breather;
use crate::bus::{BusError, Consumer, Record, TopicPartition};
use crate::context::Context;
use crate::seam::{Away, Failure};

/// How long a poll waits for the first record.
const POLL: Duration = Duration::from_millis(250);

/// How many full transactions a poll may bring: while one is written the next is prepared.
const TRANSACTIONS_A_POLL: usize = 4;

/// How long the runner rests before it opens a consumer again.
const REOPEN_AFTER: Duration = Duration::from_secs(1);

/// How often it looks whether what was away is back.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How often the bus is told how far has been read.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// How long a consumer may take to leave its group.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// After so long the bus must be polled again, or this consumer counts as gone (`max.poll.interval.ms`, 30 s at
/// least): where event after event fails, a poll's events may take longer.
const HANDLED_WITHIN: Duration = Duration::from_secs(10);

/// Receives one service's events.
pub struct Runner {
    cx: Context,
    subscriptions: Arc<Vec<Subscription>>,
    positions: PositionTable,
    gaps: GapWatch,
    pace: Arc<Pace>,
    handle: Handle,
    reported: Instant,
    breather: Breather,
    /// What was polled while a full poll was handled.
    ahead: Option<Result<Vec<Record>, BusError>>,
    /// When the bus was polled last.
    polled: Instant,
    handled_within: Duration,
}

impl Runner {
    /// For a service and what it listens to.
    pub fn new(cx: Context, subscriptions: Arc<Vec<Subscription>>, handle: Handle) -> Self {
        Self {
            pace: Arc::new(Pace::new(cx.settings().runner.batch)),
            cx,
            subscriptions,
            positions: PositionTable::default(),
            gaps: GapWatch::default(),
            handle,
            reported: Instant::now(),
            breather: Breather::default(),
            ahead: None,
            polled: Instant::now(),
            handled_within: HANDLED_WITHIN,
        }
    }

    /// As if the time for a poll's events were always over.
    #[cfg(test)]
    pub(super) fn hurried(mut self) -> Self {
        self.handled_within = Duration::ZERO;
        self
    }

    /// Runs on the calling thread until `stop`. Call it on a thread of its own, outside the runtime.
    pub fn run(mut self, stop: &CancellationToken) {
        if self.subscriptions.is_empty() {
            return;
        }
        while !stop.is_cancelled() {
            if let Err(failure) = self.consume(stop) {
                tracing::warn!(service = self.cx.name(), %failure, "the consumer ended; opening a new one");
                self.rest(stop, REOPEN_AFTER);
            }
        }
    }

    fn consume(&mut self, stop: &CancellationToken) -> Result<(), Failure> {
        self.handle
            .block_on(positions::begin_missing(&self.cx, &self.subscriptions))?;
        let mut consumer = self.open()?;
        self.ahead = None;
        let outcome = self.consume_with(consumer.as_mut(), stop);
        consumer.close(CLOSE_WITHIN);
        outcome
    }

    fn open(&self) -> Result<Box<dyn Consumer>, Failure> {
        let mut topics: Vec<String> = self
            .subscriptions
            .iter()
            .flat_map(|one| one.topics())
            .map(str::to_owned)
            .collect();
        topics.sort_unstable();
        topics.dedup();
        let positions =
            self.positions
                .callback(&self.cx, self.subscriptions.clone(), self.handle.clone());
        let group = format!("minzheng.{}", self.cx.name());
        Ok(self.cx.bus().open_consumer(&group, &topics, positions)?)
    }

    fn consume_with(
        &mut self,
        consumer: &mut dyn Consumer,
        stop: &CancellationToken,
    ) -> Result<(), Failure> {
        while !stop.is_cancelled() {
            let began = Instant::now();
            let (polled, came_ahead) = match self.ahead.take() {
                Some(polled) => (polled, true),
                None => (self.poll(consumer, POLL), false),
            };
            match polled {
                Ok(records) => {
                    let waited = began.elapsed();
                    let is_full = records.len() >= self.cx.settings().runner.batch;
                    self.take(consumer, records, is_full, stop)?;
                    let took = began.elapsed() - waited;
                    let pause = self.breather.pause(waited, took, is_full);
                    // What came ahead came early: what has arrived since makes the next one large enough.
                    if let Some(pause) = pause.filter(|_| !came_ahead) {
                        self.rest(stop, pause);
                    }
                }
                Err(BusError::Away(reason)) => {
                    tracing::debug!(service = self.cx.name(), %reason, "the bus is away");
                    self.rest(stop, LOOK_EVERY);
                }
                Err(error @ BusError::BelowLowWatermark { .. }) => {
                    tracing::error!(service = self.cx.name(), %error, "a partition is stopped");
                }
                Err(error) => return Err(error.into()),
            }
            self.report(consumer);
        }
        Ok(())
    }

    fn poll(
        &mut self,
        consumer: &mut dyn Consumer,
        wait: Duration,
    ) -> Result<Vec<Record>, BusError> {
        let most = self.cx.settings().runner.batch * TRANSACTIONS_A_POLL;
        let polled = consumer.poll(wait, most);
        self.polled = Instant::now();
        polled
    }

    fn take(
        &mut self,
        consumer: &mut dyn Consumer,
        records: Vec<Record>,
        is_full: bool,
        stop: &CancellationToken,
    ) -> Result<(), Failure> {
        if records.is_empty() {
            return Ok(());
        }
        self.count_skipped(&records);
        let odd = self.gaps.compare(&records);
        let (cx, subscriptions) = (self.cx.clone(), self.subscriptions.clone());
        let (positions, pace) = (self.positions.clone(), self.pace.clone());
        let stretch = Stretch::new(self.polled, self.handled_within, stop.clone());
        // On a thread of the runtime, which hears the database's answers itself: on this one every
        // answer would first have to wake it.
        let handling = self.handle.spawn(async move {
            let handled =
                lane::handle(&cx, &subscriptions, &positions, &pace, records, &stretch).await;
            let again = !handled.reread.is_empty();
            gaps::note(&cx, &subscriptions, &odd, again).await;
            handled
        });
        if is_full {
            let polled = self.poll(consumer, Duration::ZERO);
            let is_nothing = matches!(&polled, Ok(records) if records.is_empty());
            self.ahead = (!is_nothing).then_some(polled);
        }
        let handled = self.handle.block_on(handling).map_err(Failure::internal)?;
        self.settle(consumer, handled, stop)
    }

    /// After trouble: waits for what is away, rereads the positions, goes on from there. What was polled ahead is
    /// polled again.
    fn settle(
        &mut self,
        consumer: &mut dyn Consumer,
        handled: Handled,
        stop: &CancellationToken,
    ) -> Result<(), Failure> {
        if handled.reread.is_empty() || stop.is_cancelled() {
            return Ok(());
        }
        let mut partitions = handled.reread;
        match self.ahead.take() {
            Some(Ok(records)) => partitions.extend(first_of_each(records).into_keys()),
            said => self.ahead = said,
        }
        if let Some(away) = handled.away {
            self.wait_for(consumer, &away, stop)?;
        }
        let reread = self
            .positions
            .reread(&self.cx, &self.subscriptions, &partitions);
        let lowest = self.handle.block_on(reread)?;
        let held = consumer.assignment();
        for (at, offset) in lowest.iter().filter(|(at, _)| held.contains(at)) {
            consumer.seek(at, *offset)?;
        }
        Ok(())
    }

    /// Pauses every partition, and polls on so as to stay in the group, until it is back.
    fn wait_for(
        &self,
        consumer: &mut dyn Consumer,
        away: &Away,
        stop: &CancellationToken,
    ) -> Result<(), Failure> {
        tracing::warn!(service = self.cx.name(), who = %away.who, detail = %away.detail, "away; waiting");
        let mut unread = BTreeMap::new();
        while !stop.is_cancelled() {
            // Again each time: a partition that is assigned meanwhile is not paused.
            let held = consumer.assignment();
            consumer.pause(&held)?;
            for (at, offset) in first_of_each(consumer.poll(LOOK_EVERY, 1)?) {
                unread.entry(at).or_insert(offset);
            }
            if self.handle.block_on(self.is_back(away)) {
                tracing::info!(service = self.cx.name(), who = %away.who, "back");
                break;
            }
        }
        for (at, offset) in &unread {
            consumer.seek(at, *offset)?;
        }
        let held = consumer.assignment();
        consumer.resume(&held)?;
        Ok(())
    }

    async fn is_back(&self, away: &Away) -> bool {
        match self.cx.neighbours().get(&away.who) {
            Some(neighbour) => neighbour.is_serving(&away.who).await,
            None => self.cx.db().ping().await.is_ok(),
        }
    }

    fn count_skipped(&self, records: &[Record]) {
        for record in records {
            match &record.envelope {
                Ok(envelope)
                    if self
                        .subscriptions
                        .iter()
                        .any(|one| one.names(&envelope.event_type)) => {}
                Ok(envelope) => {
                    self.cx
                        .metrics()
                        .events_skipped(envelope.event_type.clone())
                        .inc();
                }
                Err(undecodable) => {
                    tracing::error!(
                        service = self.cx.name(),
                        topic = %record.at.topic,
                        partition = record.at.partition,
                        offset = record.offset,
                        error = %undecodable.error,
                        "a record that is no event: skipped"
                    );
                    self.cx.metrics().events_skipped("undecodable").inc();
                }
            }
        }
    }

    fn report(&mut self, consumer: &mut dyn Consumer) {
        if self.reported.elapsed() < REPORT_EVERY {
            return;
        }
        self.reported = Instant::now();
        let slowest = self.positions.slowest();
        consumer.report(&slowest);
        self.handle.block_on(self.cx.bus().protect(&slowest));
    }

    fn rest(&self, stop: &CancellationToken, at_most: Duration) {
        self.handle.block_on(async {
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(at_most) => {}
            }
        });
    }
}

/// Where the records of each partition begin.
fn first_of_each(records: Vec<Record>) -> BTreeMap<TopicPartition, i64> {
    let mut first = BTreeMap::new();
    for record in records {
        first.entry(record.at).or_insert(record.offset);
    }
    first
}
