//! One transaction of one subscription on one partition: the position, the inbox rows, the guard
//! rows and the effects of up to a poll's events.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt;
use tracing::Instrument;
use uuid::Uuid;

use super::reaction::Work;
use super::subscription::Subscription;
use super::table::{self, NewRow, Origin, RowState};
use crate::bus::{Envelope, TopicPartition};
use crate::context::Context;
use crate::failpoint;
use crate::person::Fact;
use crate::seam::{Away, Cause, Failure, MAX_RUNS, UnitOfWork, backoff};
use crate::telemetry;

/// Questions to neighbours at once, per partition.
const ASKS_AT_ONCE: usize = 8;

/// How long a batch may hold its locks; one that took longer makes the next ones smaller.
const HOLD_WITHIN: Duration = Duration::from_millis(50);

/// Quick tries of a single event before it is parked.
const QUICK_TRIES: u32 = 3;

/// One event to be handled.
#[derive(Clone, Debug)]
pub(super) struct Incoming {
    pub(super) offset: i64,
    pub(super) envelope: Envelope,
}

/// What became of a slice of events.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Applied (or parked) up to here.
    MovedTo(i64),
    /// Somebody else has moved the position: reread it.
    PositionLost,
    /// Nobody's fault: wait, then reread.
    Away(Away),
}

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

    fn events(&self) -> usize {
        self.events.load(Ordering::Relaxed).max(1)
    }

    fn took(&self, events: usize, time: Duration) {
        let next = if time > HOLD_WITHIN {
            (events / 2).max(1)
        } else {
            (self.events() * 2).min(self.most)
        };
        self.events.store(next, Ordering::Relaxed);
    }
}

/// A subscription on a partition, with a context to act in.
pub(super) struct Batch<'a> {
    pub(super) cx: &'a Context,
    pub(super) subscription: &'a Subscription,
    pub(super) at: &'a TopicPartition,
    pub(super) pace: &'a Pace,
}

enum Step {
    Done(i64),
    PositionLost,
}

/// An event decoded and asked about.
struct Prepared<'e> {
    incoming: &'e Incoming,
    work: Result<Box<dyn Work>, String>,
}

impl Batch<'_> {
    fn origin(&self) -> Origin<'_> {
        Origin {
            subscription: self.subscription.name(),
            at: self.at,
        }
    }

    /// Handles events in order, from a position on: all at once if it goes well, else one by one.
    pub(super) async fn handle(&self, mut read: i64, events: &[Incoming], next: i64) -> Outcome {
        let mut rest = events;
        while !rest.is_empty() {
            let (chunk, behind) = rest.split_at(rest.len().min(self.pace.events()));
            let chunk_end = behind.first().map_or(next, |event| event.offset);
            let step = match self.together(read, chunk, chunk_end).await {
                Ok(step) => Ok(step),
                Err(Failure::Away(away)) => return Outcome::Away(away),
                Err(failure) => {
                    tracing::debug!(subscription = self.subscription.name(), %failure, "one event per transaction");
                    let first_end = chunk.get(1).map_or(chunk_end, |event| event.offset);
                    match chunk.len() {
                        1 => self.alone_after(failure, read, &chunk[0], first_end).await,
                        _ => self.alone(read, &chunk[0], first_end).await,
                    }
                }
            };
            match step {
                Ok(Step::Done(offset)) => {
                    read = offset;
                    rest = &rest[rest.partition_point(|event| event.offset < offset)..];
                }
                Ok(Step::PositionLost) => return Outcome::PositionLost,
                Err(away) => return Outcome::Away(away),
            }
        }
        Outcome::MovedTo(read)
    }

    /// All events in one transaction, rerun after conflicts.
    async fn together(&self, read: i64, events: &[Incoming], next: i64) -> Result<Step, Failure> {
        let mut run = 1;
        loop {
            let outcome = match self.prepare(events).await {
                Ok(prepared) => self.transact(read, &prepared, next).await,
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

    /// One event: three quick tries, then parked.
    async fn alone(&self, read: i64, event: &Incoming, next: i64) -> Result<Step, Away> {
        match self.together(read, std::slice::from_ref(event), next).await {
            Ok(step) => Ok(step),
            Err(Failure::Away(away)) => Err(away),
            Err(failure) => self.alone_after(failure, read, event, next).await,
        }
    }

    async fn alone_after(
        &self,
        mut failure: Failure,
        read: i64,
        event: &Incoming,
        next: i64,
    ) -> Result<Step, Away> {
        for run in 1..QUICK_TRIES {
            tokio::time::sleep(backoff(run)).await;
            match self.together(read, std::slice::from_ref(event), next).await {
                Ok(step) => return Ok(step),
                Err(Failure::Away(away)) => return Err(away),
                Err(again) => failure = again,
            }
        }
        match self.park(read, event, next, &failure).await {
            Ok(step) => Ok(step),
            Err(Failure::Away(away)) => Err(away),
            Err(failure) => Err(Away {
                who: "database".to_owned(),
                detail: failure.to_string(),
            }),
        }
    }

    /// Decodes every event, then asks what they ask, a few at once.
    async fn prepare<'e>(&self, events: &'e [Incoming]) -> Result<Vec<Prepared<'e>>, Failure> {
        let asks = events.iter().map(|incoming| async move {
            let mut work = match self.subscription.prepare(&incoming.envelope) {
                Ok(work) => work,
                Err(error) => {
                    return Ok(Prepared {
                        incoming,
                        work: Err(error.to_string()),
                    });
                }
            };
            let span = self.span_of(&incoming.envelope);
            match ask(self.cx, work.as_mut()).instrument(span).await {
                Ok(()) => Ok(Prepared {
                    incoming,
                    work: Ok(work),
                }),
                Err(Failure::Undecodable(reason)) => Ok(Prepared {
                    incoming,
                    work: Err(reason),
                }),
                Err(failure) => Err(failure),
            }
        });
        let answers: Vec<Result<Prepared<'e>, Failure>> = futures::stream::iter(asks)
            .buffered(ASKS_AT_ONCE)
            .collect()
            .await;
        answers.into_iter().collect()
    }

    async fn transact(
        &self,
        read: i64,
        prepared: &[Prepared<'_>],
        next: i64,
    ) -> Result<Step, Failure> {
        let started = Instant::now();
        let mut uow =
            UnitOfWork::begin(self.cx, self.cx.itself().clone(), Cause::default()).await?;
        let outcome = self.effects(&mut uow, read, prepared, next).await;
        let lost = matches!(outcome, Ok(Step::PositionLost));
        let outcome = uow
            .end(if lost {
                Err(Failure::Conflict("position".to_owned()))
            } else {
                outcome
            })
            .await;
        if lost {
            return Ok(Step::PositionLost);
        }
        failpoint::reach(failpoint::EFFECT_BEFORE_OFFSET);
        let took = started.elapsed();
        self.pace.took(prepared.len(), took);
        self.cx
            .metrics()
            .reaction_seconds(self.cx.name(), self.subscription.name())
            .observe(took.as_secs_f64());
        outcome
    }

    async fn effects(
        &self,
        uow: &mut UnitOfWork,
        read: i64,
        prepared: &[Prepared<'_>],
        next: i64,
    ) -> Result<Step, Failure> {
        let origin = self.origin();
        let Some(moved) = table::move_position(uow.connection(), &origin, read, next).await? else {
            return Ok(Step::PositionLost);
        };
        let parked: BTreeSet<String> = match moved.parked {
            0 => BTreeSet::new(),
            _ => table::parked_keys(uow.connection(), &origin)
                .await?
                .into_iter()
                .collect(),
        };
        let rows: Vec<NewRow<'_>> = prepared.iter().map(|one| one.row(&parked)).collect();
        let fresh = table::insert(uow.connection(), &origin, uow.now(), &rows).await?;
        let mut fresh: BTreeSet<Uuid> = fresh.into_iter().collect();
        // Taken out: the second copy of an event in one batch is not new.
        let new: Vec<&Prepared<'_>> = prepared
            .iter()
            .filter(|one| fresh.remove(&one.incoming.envelope.id))
            .collect();
        self.learn(uow, &new).await?;
        for one in new
            .iter()
            .filter(|one| !parked.contains(&one.incoming.envelope.key))
        {
            self.apply(uow, one).await?;
            failpoint::reach(failpoint::MIDDLE_OF_BATCH);
        }
        uow.flush().await?;
        Ok(Step::Done(next))
    }

    /// Locks the guard rows of all persons that the events name, the parked ones' included.
    async fn learn(&self, uow: &mut UnitOfWork, new: &[&Prepared<'_>]) -> Result<(), Failure> {
        let works = || new.iter().filter_map(|one| one.work.as_ref().ok());
        let facts: Vec<Fact> = works().filter_map(|work| work.fact().cloned()).collect();
        let persons: Vec<Uuid> = works().flat_map(|work| work.persons()).collect();
        let told_of: BTreeSet<Uuid> = facts.iter().map(|fact| fact.person_id).collect();
        if persons.iter().any(|id| !told_of.contains(id)) {
            // In one statement and sorted: two batches that name the same persons must not wait for
            // each other crosswise.
            let all: Vec<Uuid> = persons.iter().copied().chain(told_of).collect();
            uow.know_all(&all).await?;
        }
        uow.learn(&facts).await?;
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork, one: &Prepared<'_>) -> Result<(), Failure> {
        let Ok(work) = &one.work else { return Ok(()) };
        let span = self.span_of(&one.incoming.envelope);
        apply_work(uow, &one.incoming.envelope, work.as_ref())
            .instrument(span)
            .await?;
        self.cx
            .metrics()
            .events_applied(self.cx.name(), self.subscription.name())
            .inc();
        Ok(())
    }

    /// Parks one event: position, inbox row and guard row only.
    async fn park(
        &self,
        read: i64,
        event: &Incoming,
        next: i64,
        failure: &Failure,
    ) -> Result<Step, Failure> {
        let reason = failure.reason();
        tracing::warn!(
            subscription = self.subscription.name(),
            event_id = %event.envelope.id,
            %reason,
            "parked an event and its key"
        );
        let mut uow =
            UnitOfWork::begin(self.cx, self.cx.itself().clone(), Cause::default()).await?;
        let outcome = self.park_in(&mut uow, read, event, next, reason).await;
        uow.end(outcome).await
    }

    async fn park_in(
        &self,
        uow: &mut UnitOfWork,
        read: i64,
        event: &Incoming,
        next: i64,
        reason: String,
    ) -> Result<Step, Failure> {
        let origin = self.origin();
        let Some(_) = table::move_position(uow.connection(), &origin, read, next).await? else {
            return Ok(Step::PositionLost);
        };
        let next_try_at = uow.now() + self.cx.settings().runner.retry_first;
        let state = RowState::Parked {
            tries: i32::try_from(QUICK_TRIES).unwrap_or(i32::MAX),
            next_try_at,
            reason,
        };
        let row = NewRow {
            envelope: &event.envelope,
            offset: event.offset,
            state,
        };
        table::insert(uow.connection(), &origin, uow.now(), &[row]).await?;
        if let Ok(Some(fact)) = Fact::from_envelope(&event.envelope) {
            uow.learn(&[fact]).await?;
        }
        Ok(Step::Done(next))
    }

    /// A span of its own, child of the trace the event carries: one death is one trace.
    fn span_of(&self, envelope: &Envelope) -> tracing::Span {
        event_span(self.cx.name(), self.subscription.name(), envelope)
    }
}

/// The span in which one event is handled, if its trace is sampled.
pub(super) fn event_span(
    service: &'static str,
    subscription: &'static str,
    envelope: &Envelope,
) -> tracing::Span {
    let traceparent = envelope.traceparent.as_deref();
    if !traceparent.is_some_and(telemetry::is_sampled) {
        return tracing::Span::none();
    }
    let span = tracing::info_span!(
        "reaction",
        otel.name = subscription,
        service,
        subscription,
        event_id = %envelope.id,
        event_type = %envelope.event_type,
    );
    telemetry::span_with_parent(span, traceparent)
}

/// Applies one event, unless it is a fact that a newer one has overtaken.
pub(super) async fn apply_work(
    uow: &mut UnitOfWork,
    envelope: &Envelope,
    work: &dyn Work,
) -> Result<(), Failure> {
    uow.set_cause(Cause {
        causation_id: Some(envelope.id),
        correlation_id: envelope.correlation_id,
    });
    if let Some(fact) = work.fact() {
        let known = uow.know(fact.person_id).await?;
        if fact.fact_version < known.fact_version {
            tracing::debug!(event_id = %envelope.id, "an older fact: noted");
            return Ok(());
        }
    }
    work.apply(uow).await
}

/// Asks, and tells a neighbour that is away from one that only failed this question.
pub(super) async fn ask(cx: &Context, work: &mut dyn Work) -> Result<(), Failure> {
    match work.ask(cx).await {
        Err(Failure::Away(away)) if cx.neighbours().contains_key(&away.who) => {
            let neighbour = &cx.neighbours()[&away.who];
            if neighbour.is_serving(&away.who).await {
                return Err(Failure::internal(format!(
                    "{} refused: {}",
                    away.who, away.detail
                )));
            }
            Err(Failure::Away(away))
        }
        other => other,
    }
}

impl<'e> Prepared<'e> {
    fn row(&self, parked: &BTreeSet<String>) -> NewRow<'e> {
        let envelope = &self.incoming.envelope;
        let state = match &self.work {
            _ if parked.contains(&envelope.key) => RowState::Behind,
            Ok(_) => RowState::Applied,
            Err(reason) => RowState::Stopped {
                reason: format!("UNDECODABLE: {reason}"),
            },
        };
        NewRow {
            envelope,
            offset: self.incoming.offset,
            state,
        }
    }
}
