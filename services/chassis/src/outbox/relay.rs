//! The relay: moves committed events from the outbox to the bus, in order, and deletes what was
//! acknowledged. One per service database; the lease says where it runs.
//!
//! It begins at the oldest row, or at a floor below which nothing can come up (`floor.rs`). Not `seq >
//! cursor` (loses rows that commit late) and not `SKIP LOCKED` (breaks the order of a key).

use std::collections::HashSet;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::floor::Floor;
use super::lease::LeaseHolder;
use super::passed::Passed;
use super::table::{self, OutboxRow};
use crate::breather::Breather;
use crate::bus::{Delivery, Envelope};
use crate::context::Context;
use crate::failpoint;
use crate::seam::Failure;
use crate::telemetry;

/// How long it polls quickly after work.
const BUSY_FOR: Duration = Duration::from_secs(1);

/// From so many rows that the bus has on they are deleted; fewer when there is nothing to send. A delete is a
/// commit of its own: at once, it would stand in the way of what the event leads to.
const DELETED_FROM: usize = 64;

/// Bytes after which a batch ends, and the next look reads fewer rows.
const BATCH_BYTES: usize = 8 << 20;

/// A batch of fewer rows means that they come one by one, however close: letting them pile up would only make each
/// of them late.
const PILED_UP: usize = 8;

/// How long it rests after a failure.
const REST_AFTER_FAILURE: Duration = Duration::from_millis(500);

/// Sends one service's events.
pub struct Relay {
    cx: Context,
    lease: LeaseHolder,
    floor: Floor,
    last_work: Option<Instant>,
    /// Rows that the bus has and that are not deleted yet. Should this process die they are sent again,
    /// and known by their ids.
    stored: Vec<i64>,
    /// Numbers of which this relay has seen and deleted every row: nothing can come up there.
    gone: Passed,
    /// Behind a batch that had more behind it: what was read while that one was sent. To be sent next, if all of
    /// that one arrives.
    ahead: Option<Ahead>,
    /// Rows that the next look reads: `relay.batch`, but for large ones.
    limit: usize,
    most_bytes: usize,
    breather: Breather,
}

/// What was read while a batch was sent.
struct Ahead {
    taken: Taken,
    /// When that look began.
    read: Instant,
}

/// Rows to be sent together.
struct Taken {
    rows: Vec<OutboxRow>,
    /// There may be others behind them.
    more: bool,
}

impl Relay {
    /// For a service, where `lease` is held.
    pub fn new(cx: Context, lease: LeaseHolder) -> Self {
        Self {
            lease,
            floor: Floor::default(),
            last_work: None,
            stored: Vec::new(),
            gone: Passed::default(),
            ahead: None,
            limit: cx.settings().relay.batch,
            most_bytes: BATCH_BYTES,
            cx,
            breather: Breather::default(),
        }
    }

    /// As if every row were as large as a batch may be.
    #[cfg(test)]
    pub(super) fn with_large_rows(mut self) -> Self {
        self.most_bytes = 0;
        self
    }

    /// As if what is ahead had been read too long ago.
    #[cfg(test)]
    pub(super) fn ahead_is_old(&mut self) {
        if let Some(ahead) = &mut self.ahead {
            ahead.read -= self.cx.settings().lease.takeover;
        }
    }

    /// As if enough time had passed since the last sweep.
    #[cfg(test)]
    pub(super) fn sweep_is_due(&mut self) {
        self.floor.sweep_next();
    }

    /// Runs until `stop`; then it has sent what it was sending.
    pub async fn run(mut self, stop: CancellationToken) {
        let span =
            tracing::info_span!(target: telemetry::UNKEPT, "relay", service = self.cx.name());
        async {
            let mut waited = Duration::MAX;
            while !stop.is_cancelled() {
                let began = Instant::now();
                let rest = self.turn().await;
                let took = began.elapsed();
                let pause = self.breather.pause(waited, took, rest.at_most.is_zero());
                if let Some(pause) = pause.filter(|_| rest.sent >= PILED_UP) {
                    tokio::time::sleep(pause).await;
                }
                let began = Instant::now();
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = self.cx.outbox_woken(), if rest.wakes => {}
                    () = tokio::time::sleep(rest.at_most) => {}
                }
                waited = began.elapsed();
            }
            if let Err(failure) = self.delete_stored().await {
                tracing::warn!(%failure, "what the bus has is sent again");
            }
        }
        .instrument(span)
        .await;
    }

    /// Sends one batch, if there is one; how long to rest after it: not at all where more may be behind it.
    pub(super) async fn turn(&mut self) -> Rest {
        let (poll_idle, poll_busy) = (
            self.cx.settings().relay.poll_idle,
            self.cx.settings().relay.poll_busy,
        );
        if !self.lease.is_held() {
            // Somebody else takes rows now.
            self.floor = Floor::default();
            self.gone = Passed::default();
            self.ahead = None;
            // What the bus has may go, whoever relays.
            if let Err(failure) = self.delete_stored().await {
                tracing::warn!(%failure, "relay");
            }
            return Rest {
                at_most: poll_idle,
                wakes: false,
                sent: 0,
            };
        }
        match self.drain().await {
            Ok(Drained { sent, more }) => {
                if sent > 0 {
                    self.last_work = Some(Instant::now());
                }
                let busy = self.last_work.is_some_and(|at| at.elapsed() < BUSY_FOR);
                // What was committed here meanwhile has woken it already.
                let at_most = if more {
                    Duration::ZERO
                } else if busy {
                    poll_busy
                } else {
                    poll_idle
                };
                Rest {
                    at_most,
                    wakes: true,
                    sent,
                }
            }
            Err(failure) => {
                tracing::warn!(%failure, "relay");
                self.floor.sweep_next();
                // A database that was away may be a standby now, which gives numbers once more that it had not heard of.
                self.gone = Passed::default();
                Rest {
                    at_most: REST_AFTER_FAILURE,
                    wakes: false,
                    sent: 0,
                }
            }
        }
    }

    /// Sends one batch.
    async fn drain(&mut self) -> Result<Drained, Failure> {
        let ahead = self.take_ahead();
        let came_ahead = ahead.is_some();
        let taken = match ahead {
            Some(taken) => taken,
            None => self.look(&[]).await?,
        };
        if taken.rows.is_empty() {
            self.delete_stored().await?;
            return Ok(Drained::default());
        }
        let drained = Drained {
            sent: taken.rows.len(),
            // A commit since it was read may have been taken for one that a look has seen.
            more: taken.more || came_ahead,
        };
        self.send(taken).await?;
        Ok(drained)
    }

    fn take_ahead(&mut self) -> Option<Taken> {
        let ahead = self.ahead.take()?;
        // Later, a rival may have held the lease since: it waits for as long as a takeover takes.
        if ahead.read.elapsed() < self.cx.settings().lease.takeover / 3 {
            return Some(ahead.taken);
        }
        self.floor.sweep_next();
        None
    }

    /// Deletes what the bus has, if that is worth a commit, and reads what comes next.
    async fn look(&mut self, being_sent: &[i64]) -> Result<Taken, Failure> {
        if self.stored.len() >= DELETED_FROM {
            self.delete_stored().await?;
        }
        self.take(being_sent).await
    }

    /// The oldest rows that the bus has not got and that are not on their way to it.
    async fn take(&mut self, being_sent: &[i64]) -> Result<Taken, Failure> {
        let outbox = self.cx.db().outbox_reader();
        let sweeps = self.floor.is_sweep_due();
        if sweeps {
            let (horizon, held) = table::horizon(outbox).await?;
            self.floor.begin_sweep(horizon, held);
        }
        let from = if sweeps { 0 } else { self.floor.at() };
        let except = self.stored.iter().chain(being_sent).copied();
        let (name, limit) = (self.cx.name(), self.limit);
        let mut rows = table::waiting(outbox, name, from, &self.gone, except, limit).await?;
        let mut more = rows.len() == self.limit;
        if !sweeps {
            rows.retain(|row| self.floor.lets_pass(&row.envelope));
        }
        let is_large = cut(&mut rows, self.most_bytes);
        more |= is_large;
        if let Some(last) = rows.last() {
            let most = self.cx.settings().relay.batch;
            self.limit = if is_large {
                rows.len()
            } else {
                (self.limit * 2).min(most)
            };
            self.floor.took(last.seq, more);
        }
        Ok(Taken { rows, more })
    }

    async fn delete_stored(&mut self) -> Result<(), Failure> {
        if self.stored.is_empty() {
            return Ok(());
        }
        let stored = self.stored.iter().copied();
        table::delete(self.cx.db().relay(), stored).await?;
        self.gone.add_gone(self.stored.drain(..));
        Ok(())
    }

    /// Sends rows, and reads ahead meanwhile where others may be behind them.
    async fn send(&mut self, Taken { rows, more }: Taken) -> Result<(), Failure> {
        let parts = rows.into_iter().map(|row| (row.seq, row.envelope));
        let (seqs, batch): (Vec<i64>, Vec<Envelope>) = parts.unzip();
        if !more {
            let deliveries = self.cx.bus().send(&batch).await;
            return self.settle(&seqs, &batch, &deliveries).await;
        }
        // A task of its own: to send rows and to read the next ones are both processor time.
        let bus = self.cx.bus().clone();
        let sending = async move {
            let deliveries = bus.send(&batch).await;
            (batch, deliveries)
        };
        let sending = AbortOnDropHandle::new(tokio::spawn(sending.in_current_span()));
        let read = Instant::now();
        let taken = self.look(&seqs).await;
        let (batch, deliveries) = match sending.await {
            Ok(sent) => sent,
            Err(ended) if ended.is_panic() => std::panic::resume_unwind(ended.into_panic()),
            Err(ended) => return Err(Failure::internal(ended)),
        };
        self.settle(&seqs, &batch, &deliveries).await?;
        let taken = taken?;
        let all_stored = deliveries.iter().all(|one| *one == Delivery::Stored);
        if all_stored && !taken.rows.is_empty() {
            self.ahead = Some(Ahead { taken, read });
        }
        Ok(())
    }

    /// Takes note of what the bus says; of rows that it refuses it is asked one by one.
    async fn settle(
        &mut self,
        seqs: &[i64],
        batch: &[Envelope],
        deliveries: &[Delivery],
    ) -> Result<(), Failure> {
        let mut left = Vec::new();
        let leading = leading_stored(batch, deliveries);
        for ((seq, envelope), leads) in seqs.iter().zip(batch).zip(leading) {
            if leads {
                self.stored.push(*seq);
            } else {
                left.push((*seq, envelope));
            }
        }
        let stored = seqs.len() - left.len();
        if stored > 0 {
            failpoint::reach(failpoint::SEND_BEFORE_DELETE);
        }
        self.cx
            .metrics()
            .relay_events(self.cx.name())
            .inc_by(stored as u64);
        if left.is_empty() {
            return Ok(());
        }
        let refused = deliveries
            .iter()
            .any(|delivery| matches!(delivery, Delivery::Refused(_)));
        if refused {
            self.send_row_by_row(&left).await?;
            // What was taken may be behind a row that is refused by now: back to the oldest.
            self.floor.sweep_next();
            return Ok(());
        }
        let failed = deliveries.iter().find_map(|delivery| match delivery {
            Delivery::Failed(reason) => Some(reason.as_str()),
            Delivery::Stored | Delivery::Refused(_) => None,
        });
        Err(Failure::away(
            "bus",
            failed.unwrap_or("not every record was stored"),
        ))
    }

    /// A broker may refuse a whole batch for one row: alone, each shows whether it is at fault.
    async fn send_row_by_row(&mut self, rows: &[(i64, &Envelope)]) -> Result<(), Failure> {
        let mut held: HashSet<(&str, &str)> = HashSet::new();
        for (seq, envelope) in rows {
            let stream = envelope.stream();
            if held.contains(&stream) {
                continue;
            }
            let delivery = self.cx.bus().send(std::slice::from_ref(*envelope)).await;
            match delivery.into_iter().next() {
                Some(Delivery::Stored) => table::delete(self.cx.db().relay(), [*seq]).await?,
                Some(Delivery::Refused(reason)) => {
                    tracing::error!(event_id = %envelope.id, topic = stream.0, %reason, "the bus refuses an event");
                    table::refuse(self.cx.db().relay(), *seq, &reason).await?;
                    self.floor.hold(envelope);
                    held.insert(stream);
                }
                Some(Delivery::Failed(reason)) => return Err(Failure::away("bus", reason)),
                None => return Err(Failure::internal("the bus did not report a delivery")),
            }
        }
        Ok(())
    }
}

/// What a turn came to.
#[derive(Default)]
struct Drained {
    sent: usize,
    /// There may be more to send.
    more: bool,
}

/// How long to rest after a look, whether a commit ends it, and how many rows the look sent.
pub(super) struct Rest {
    at_most: Duration,
    wakes: bool,
    sent: usize,
}

/// What is larger than topics take goes alone: of a batch, a bus may store what is behind it on its key. And a
/// batch ends where it has become large. Whether something was cut off.
fn cut(rows: &mut Vec<OutboxRow>, most_bytes: usize) -> bool {
    let many = rows.len();
    let too_large = rows.iter().position(|row| row.envelope.is_too_large());
    let mut bytes = 0;
    let full = rows.iter().position(|row| {
        bytes += row.envelope.value.len();
        bytes > most_bytes
    });
    if let Some(place) = too_large.into_iter().chain(full).min() {
        rows.truncate(place.max(1));
    }
    rows.len() < many
}

/// Of each row whether it may be deleted: it is stored, and no older row of the same key was not. A
/// row behind one that failed was stored too early; it is sent again after it, and known by its id.
fn leading_stored<'b>(batch: &'b [Envelope], deliveries: &[Delivery]) -> Vec<bool> {
    let mut broken: HashSet<(&str, &str)> = HashSet::new();
    let leads = |(place, envelope): (usize, &'b Envelope)| {
        if deliveries.get(place) != Some(&Delivery::Stored) {
            broken.insert(envelope.stream());
        }
        !broken.contains(&envelope.stream())
    };
    batch.iter().enumerate().map(leads).collect()
}
