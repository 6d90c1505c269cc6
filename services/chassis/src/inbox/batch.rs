//! One transaction of one subscription: positions, inbox rows, guard rows and effects of a poll's events, or of some
//! of them, whatever partitions they came from.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::lane::Stretch;
use super::prepare::{Prepared, event_span, prepare};
use super::reaction::{Work, belong_together};
use super::slice::{Incoming, Part};
use super::subscription::Subscription;
use super::table::{self, NewRow, RowState};
use super::take::{self, Named};
use crate::bus::{Envelope, TopicPartition};
use crate::context::Context;
use crate::failpoint;
use crate::person::Fact;
use crate::seam::{Cause, Failure, MAX_RUNS, UnitOfWork, backoff};

/// How long a batch may hold its locks; one that took longer makes the next ones smaller.
const HOLD_WITHIN: Duration = Duration::from_millis(50);

/// A batch does not become smaller than this: of so many events half of what a transaction takes is the transaction
/// itself (B3 and B3b). Smaller ones would only make a busy machine busier.
const FEWEST: usize = 20;

/// Quick tries of a single event before it is parked.
pub(super) const QUICK_TRIES: u32 = 3;

/// How many events a transaction takes, from what the last ones took in time.
#[derive(Debug)]
pub(super) struct Pace {
    events: AtomicUsize,
    most: usize,
}

impl Pace {
    pub(super) fn new(most: usize) -> Self {
        Self {
            events: AtomicUsize::new(most),
            most,
        }
    }

    pub(super) fn events(&self) -> usize {
        self.events.load(Ordering::Relaxed)
    }

    fn took(&self, events: usize, time: Duration) {
        let next = if time > HOLD_WITHIN {
            (events / 2).max(FEWEST).min(self.most)
        } else {
            (self.events() * 2).min(self.most)
        };
        self.events.store(next, Ordering::Relaxed);
    }
}

/// A subscription with a context to act in, for the events of one poll.
pub(super) struct Batch<'a> {
    pub(super) cx: &'a Context,
    pub(super) subscription: &'a Subscription,
    pub(super) pace: &'a Pace,
    pub(super) stretch: &'a Stretch,
}

/// How a transaction ended that did not fail.
#[derive(Debug)]
pub(super) enum Step {
    Done,
    /// Somebody else has moved these positions; nothing was written.
    PositionsLost(Vec<TopicPartition>),
}

impl Batch<'_> {
    /// All events in one transaction, prepared anew and rerun after conflicts.
    pub(super) async fn together(
        &self,
        parts: &[Part<'_>],
        mut prepared: Option<Vec<Prepared<'_>>>,
    ) -> Result<Step, Failure> {
        let mut run = 1;
        loop {
            let ready = match prepared.take() {
                Some(prepared) => Ok(prepared),
                None => prepare(self.cx, self.subscription, parts).await,
            };
            let outcome = match ready {
                Ok(prepared) => self.transact(parts, &prepared).await,
                Err(failure) => Err(failure),
            };
            match outcome {
                Err(failure) if failure.is_conflict() && run < MAX_RUNS => {
                    self.cx.metrics().transaction_reruns(self.cx.name()).inc();
                    tokio::time::sleep(backoff(run)).await;
                    run += 1;
                }
                settled => return settled,
            }
        }
    }

    async fn transact(
        &self,
        parts: &[Part<'_>],
        prepared: &[Prepared<'_>],
    ) -> Result<Step, Failure> {
        let mut uow =
            UnitOfWork::begin(self.cx, self.cx.itself().clone(), Cause::default()).await?;
        // From here on locks are held; how long it waited for a connection says nothing of that.
        let started = Instant::now();
        let outcome = self.effects(&mut uow, parts, prepared).await;
        if let Ok(Step::PositionsLost(lost)) = outcome {
            // Rolled back.
            let _: Result<(), Failure> =
                uow.end(Err(Failure::Conflict("position".to_owned()))).await;
            return Ok(Step::PositionsLost(lost));
        }
        let outcome = uow.end(outcome).await;
        let took = started.elapsed();
        self.pace.took(prepared.len(), took);
        self.cx
            .metrics()
            .reaction_seconds(self.cx.name(), self.subscription.name())
            .observe(took.as_secs_f64());
        if outcome.is_ok() {
            failpoint::reach(failpoint::EFFECT_BEFORE_OFFSET);
        }
        outcome
    }

    async fn effects(
        &self,
        uow: &mut UnitOfWork,
        parts: &[Part<'_>],
        prepared: &[Prepared<'_>],
    ) -> Result<Step, Failure> {
        let name = self.subscription.name();
        let rows: Vec<NewRow<'_>> = prepared.iter().map(Prepared::row).collect();
        let named = named_in(prepared);
        let (db, now) = (uow.connection(), uow.now());
        let taken = take::take(db, name, now, parts, &rows, &named).await?;
        let lost = taken.moved.lost(parts);
        if !lost.is_empty() {
            return Ok(Step::PositionsLost(lost));
        }
        uow.heard(taken.known);
        if !named.locked_first.is_empty() {
            // For the rows of those who others stand for by now.
            uow.know_all(&named.locked_first).await?;
            uow.learn(&named.facts).await?;
        }
        let mut fresh: BTreeSet<Uuid> = taken.fresh.into_iter().collect();
        // Taken out: the second copy of an event in one batch is not new.
        let mut free: Vec<&Prepared<'_>> = prepared
            .iter()
            .filter(|one| fresh.remove(&one.incoming.envelope.id))
            .collect();
        if taken.moved.parked() > 0 {
            self.hold_back(uow, &mut free).await?;
        }
        self.apply(uow, &free).await?;
        uow.flush().await?;
        Ok(Step::Done)
    }

    /// Parks those whose key is parked behind it.
    async fn hold_back(
        &self,
        uow: &UnitOfWork,
        free: &mut Vec<&Prepared<'_>>,
    ) -> Result<(), Failure> {
        let name = self.subscription.name();
        let parked = table::parked_keys(uow.connection(), name).await?;
        let behind: Vec<NewRow<'_>> = free
            .iter()
            .filter(|one| one.is_behind(&parked))
            .map(|one| one.row_in(RowState::Behind))
            .collect();
        table::replace(uow.connection(), name, uow.now(), &behind).await?;
        free.retain(|one| !one.is_behind(&parked));
        Ok(())
    }

    /// Applies events in order, those behind each other that go to one reaction together.
    async fn apply(&self, uow: &mut UnitOfWork, events: &[&Prepared<'_>]) -> Result<(), Failure> {
        let mut works: Vec<&dyn Work> = Vec::with_capacity(events.len());
        for one in events {
            if let Ok(work) = &one.work
                && !is_overtaken(uow, work.as_ref()).await?
            {
                works.push(work.as_ref());
            }
        }
        let (service, subscription) = (self.cx.name(), self.subscription.name());
        let span_of = |envelope: &Envelope| event_span(service, subscription, envelope);
        let mut rest = works.as_slice();
        while let Some((first, behind)) = rest.split_first() {
            let with = behind
                .iter()
                .take_while(|other| belong_together(*first, **other))
                .count();
            first.apply(uow, &behind[..with], &span_of).await?;
            rest = &behind[with..];
        }
        let applied = self
            .cx
            .metrics()
            .events_applied(self.cx.name(), self.subscription.name());
        for _ in events.iter().filter(|one| one.work.is_ok()) {
            applied.inc();
        }
        Ok(())
    }

    /// Parks one event: position, inbox row and guard row only.
    pub(super) async fn park(&self, part: &Part<'_>, failure: &Failure) -> Result<Step, Failure> {
        let Some(event) = part.events.first() else {
            return Ok(Step::Done);
        };
        let reason = failure.reason();
        tracing::warn!(
            subscription = self.subscription.name(),
            event_id = %event.envelope.id,
            %reason,
            "parked an event and its key"
        );
        let mut uow =
            UnitOfWork::begin(self.cx, self.cx.itself().clone(), Cause::default()).await?;
        let outcome = self.park_in(&mut uow, part, event, reason).await;
        uow.end(outcome).await
    }

    async fn park_in(
        &self,
        uow: &mut UnitOfWork,
        part: &Part<'_>,
        event: &Incoming,
        reason: String,
    ) -> Result<Step, Failure> {
        let name = self.subscription.name();
        let parts = std::slice::from_ref(part);
        let moved = table::move_positions(uow.connection(), name, parts).await?;
        let lost = moved.lost(parts);
        if !lost.is_empty() {
            return Ok(Step::PositionsLost(lost));
        }
        let next_try_at = uow.now() + self.cx.settings().runner.retry_first;
        let state = RowState::Parked {
            tries: i32::try_from(QUICK_TRIES).unwrap_or(i32::MAX),
            next_try_at,
            reason,
        };
        let row = NewRow {
            at: part.at,
            envelope: &event.envelope,
            offset: event.offset,
            state,
        };
        table::insert(uow.connection(), name, uow.now(), &[row]).await?;
        if let Ok(Some(fact)) = Fact::from_envelope(&event.envelope) {
            uow.learn(&[fact]).await?;
        }
        Ok(Step::Done)
    }
}

/// Whether it is a fact that a newer one has overtaken: noted, without effect or receipt.
pub(super) async fn is_overtaken(uow: &mut UnitOfWork, work: &dyn Work) -> Result<bool, Failure> {
    let Some(fact) = work.fact() else {
        return Ok(false);
    };
    let known = uow.know(fact.person_id).await?;
    Ok(fact.fact_version < known.fact_version)
}

/// All persons that the events name, whatever becomes of them.
fn named_in(prepared: &[Prepared<'_>]) -> Named {
    let works = || prepared.iter().filter_map(|one| one.work.as_ref().ok());
    let facts: Vec<Fact> = works().filter_map(|work| work.fact().cloned()).collect();
    let told_of: BTreeSet<Uuid> = facts.iter().map(|fact| fact.person_id).collect();
    let mut named: BTreeSet<Uuid> = works().flat_map(|work| work.persons()).collect();
    let locked_first = if named.is_subset(&told_of) {
        Vec::new()
    } else {
        named.extend(told_of);
        named.into_iter().collect()
    };
    Named {
        facts,
        locked_first,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_long_is_followed_by_less_but_not_by_next_to_nothing() {
        let slow = HOLD_WITHIN + Duration::from_millis(1);
        let pace = Pace::new(200);
        let after = |events: usize, time: Duration| {
            pace.took(events, time);
            pace.events()
        };
        assert_eq!(after(200, slow), 100);
        assert_eq!(after(60, slow), 30);
        assert_eq!(after(30, slow), FEWEST);
        assert_eq!(after(1, slow), FEWEST, "its time is not the events'");
        assert_eq!(after(FEWEST, HOLD_WITHIN), 40);
        assert_eq!(after(1, HOLD_WITHIN), 80);
        assert_eq!(after(80, HOLD_WITHIN), 160);
        assert_eq!(after(160, HOLD_WITHIN), 200);
        let small = Pace::new(2);
        small.took(2, slow);
        assert_eq!(small.events(), 2);
    }
}
