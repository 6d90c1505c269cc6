//! Tries parked events again, in the order of their key, until they apply or are given up.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::batch::is_overtaken;
use super::held::{self, Held};
use super::prepare::{ask, event_span};
use super::reaction::Work;
use super::subscription::Subscription;
use crate::bus::Envelope;
use crate::context::Context;
use crate::outbox::LeaseHolder;
use crate::seam::{Away, Cause, Failure, UnitOfWork};

/// How often what is due is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Parked events taken at a time.
const AT_A_TIME: i64 = 100;

/// Retries one service's parked events, where the lease is held.
pub struct Retrier {
    cx: Context,
    subscriptions: Arc<Vec<Subscription>>,
    lease: LeaseHolder,
}

/// What became of a try.
enum Tried {
    Applied,
    /// Somebody else was faster, or an older one of the key waits.
    NotItsTurn,
}

impl Retrier {
    /// For a service and what it listens to.
    pub fn new(cx: Context, subscriptions: Arc<Vec<Subscription>>, lease: LeaseHolder) -> Self {
        Self {
            cx,
            subscriptions,
            lease,
        }
    }

    /// Runs until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if self.lease.is_held()
                && let Err(failure) = self.turn().await
            {
                tracing::warn!(service = self.cx.name(), %failure, "retrying parked events");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Tries everything that is due now.
    pub(super) async fn turn(&self) -> Result<(), Failure> {
        for held in held::due(self.cx.db().reader(), self.cx.now(), AT_A_TIME).await? {
            self.try_key(held).await?;
        }
        Ok(())
    }

    /// Tries the head of a key and, as long as it goes well, those behind it.
    async fn try_key(&self, mut held: Held) -> Result<(), Failure> {
        loop {
            match self.try_one(&held).await {
                Ok(Tried::NotItsTurn) => return Ok(()),
                Ok(Tried::Applied) => {}
                Err(Failure::Away(away)) if self.cx.neighbours().contains_key(&away.who) => {
                    return self.postpone(&held, &away).await;
                }
                Err(Failure::Away(away)) => return Err(Failure::Away(away)),
                Err(failure) => {
                    let stopped = self.note(&held, &failure).await?;
                    if !stopped {
                        return Ok(());
                    }
                }
            }
            let Some(next) = held::next_of_key(self.cx.db().writer(), &held).await? else {
                return Ok(());
            };
            held = next;
        }
    }

    async fn try_one(&self, held: &Held) -> Result<Tried, Failure> {
        let subscription = self
            .subscriptions
            .iter()
            .find(|one| one.name() == held.subscription);
        let subscription = subscription.ok_or_else(|| {
            Failure::internal(format!("no subscription {} is declared", held.subscription))
        })?;
        let envelope = held
            .open()
            .map_err(|error| Failure::Undecodable(error.to_string()))?;
        let span = event_span(self.cx.name(), subscription.name(), &envelope);
        async {
            let mut work = subscription.prepare(&envelope)?;
            ask(&self.cx, work.as_mut()).await?;
            self.transact(held, work.as_ref()).await
        }
        .instrument(span)
        .await
    }

    async fn transact(&self, held: &Held, work: &dyn Work) -> Result<Tried, Failure> {
        let mut uow =
            UnitOfWork::begin(&self.cx, self.cx.itself().clone(), Cause::default()).await?;
        let outcome = self.effects(&mut uow, held, work).await;
        uow.end(outcome).await
    }

    async fn effects(
        &self,
        uow: &mut UnitOfWork,
        held: &Held,
        work: &dyn Work,
    ) -> Result<Tried, Failure> {
        if !held::apply_parked(uow.connection(), held).await? {
            return Ok(Tried::NotItsTurn);
        }
        let facts: Vec<_> = work.fact().cloned().into_iter().collect();
        uow.learn(&facts).await?;
        uow.know_all(&work.persons()).await?;
        if !is_overtaken(uow, work).await? {
            // Within the span of the whole try.
            let span_of = |_: &Envelope| tracing::Span::current();
            work.apply(uow, &[], &span_of).await?;
        }
        uow.flush().await?;
        Ok(Tried::Applied)
    }

    /// Writes down a failed try; whether the event was given up.
    async fn note(&self, held: &Held, failure: &Failure) -> Result<bool, Failure> {
        let now = self.cx.now();
        let db = self.cx.db().writer();
        let reason = failure.reason();
        let settings = &self.cx.settings().runner;
        let given_up = held
            .first_try_at
            .is_some_and(|first| now >= first + settings.give_up_after);
        if given_up || matches!(failure, Failure::Undecodable(_)) {
            tracing::error!(subscription = %held.subscription, event_id = %held.event_id, %reason, "stopped an event");
            held::stop(db, held, &reason).await?;
            return Ok(true);
        }
        held::note_try(db, held, now, self.next_try(now, held.tries), &reason).await?;
        Ok(false)
    }

    /// A neighbour that is away is not the event's fault: the try does not count, and the other keys
    /// have their turn.
    async fn postpone(&self, held: &Held, away: &Away) -> Result<(), Failure> {
        tracing::debug!(subscription = %held.subscription, event_id = %held.event_id, who = %away.who, "away; postponed");
        let next_try_at = self.cx.now() + self.cx.settings().runner.retry_first;
        held::postpone(self.cx.db().writer(), held, next_try_at).await?;
        Ok(())
    }

    /// 1 s, 2 s, 4 s … up to a minute.
    fn next_try(&self, now: Timestamp, tries: i32) -> Timestamp {
        let settings = &self.cx.settings().runner;
        let doublings = u32::try_from(tries.saturating_sub(2))
            .unwrap_or_default()
            .min(16);
        now + settings
            .retry_first
            .saturating_mul(1 << doublings)
            .min(settings.retry_max)
    }
}
