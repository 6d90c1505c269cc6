//! What comes before the transaction of a batch: every event is decoded, and neighbours are asked about it.

use std::any::TypeId;
use std::collections::{BTreeMap, BTreeSet};

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt};
use tracing::Instrument;

use super::reaction::Work;
use super::slice::{Incoming, Part};
use super::subscription::Subscription;
use super::table::{NewRow, RowState};
use crate::bus::{Envelope, TopicPartition};
use crate::context::Context;
use crate::seam::Failure;
use crate::telemetry;

/// Questions to neighbours at once.
const ASKS_AT_ONCE: usize = 16;

/// An event decoded and asked about.
pub(super) struct Prepared<'e> {
    at: &'e TopicPartition,
    pub(super) incoming: &'e Incoming,
    /// What is to be done about it; or why it cannot be read.
    pub(super) work: Result<Box<dyn Work>, String>,
}

/// Decodes every event, then asks what they ask: all of one reaction at once where it can, the others a few
/// at a time.
pub(super) async fn prepare<'e>(
    cx: &Context,
    subscription: &Subscription,
    parts: &[Part<'e>],
) -> Result<Vec<Prepared<'e>>, Failure> {
    let mut prepared: Vec<Prepared<'e>> = parts
        .iter()
        .flat_map(|part| part.events.iter().map(|incoming| (part.at, incoming)))
        .map(|(at, incoming)| Prepared {
            at,
            incoming,
            work: subscription
                .prepare(&incoming.envelope)
                .map_err(|error| error.to_string()),
        })
        .collect();
    ask_together(cx, subscription, &mut prepared).await?;
    let asks: Vec<BoxFuture<'_, Result<(), Failure>>> = prepared
        .iter_mut()
        .map(|one| one.ask(cx, subscription).boxed())
        .collect();
    let asks = futures::stream::iter(asks).buffered(ASKS_AT_ONCE);
    asks.try_collect::<()>().await?;
    Ok(prepared)
}

/// Asks about all events of a reaction at once, in the span of the first. Where a question of several fails, each
/// is asked about by itself, which tells whose fault it is.
async fn ask_together(
    cx: &Context,
    subscription: &Subscription,
    prepared: &mut [Prepared<'_>],
) -> Result<(), Failure> {
    type Group<'w, 'e> = (&'e Envelope, Vec<&'w mut dyn Work>);
    let mut by_reaction: BTreeMap<TypeId, Group<'_, '_>> = BTreeMap::new();
    for one in prepared {
        if let Ok(work) = &mut one.work {
            let reaction = work.as_any().type_id();
            let group = by_reaction.entry(reaction);
            let group = group.or_insert_with(|| (&one.incoming.envelope, Vec::new()));
            group.1.push(work.as_mut());
        }
    }
    for (envelope, works) in by_reaction.values_mut() {
        let [first, more @ ..] = works.as_mut_slice() else {
            continue;
        };
        if more.is_empty() {
            continue;
        }
        let span = event_span(cx.name(), subscription.name(), envelope);
        let Err(failure) = first.ask_with(cx, more).instrument(span).await else {
            continue;
        };
        match blame(cx, failure).await {
            Failure::Away(away) => return Err(Failure::Away(away)),
            failure => tracing::debug!(%failure, "not asked together"),
        }
    }
    Ok(())
}

/// Asks, and tells a neighbour that is away from one that only failed this question.
pub(super) async fn ask(cx: &Context, work: &mut dyn Work) -> Result<(), Failure> {
    match work.ask(cx).await {
        Ok(()) => Ok(()),
        Err(failure) => Err(blame(cx, failure).await),
    }
}

/// A neighbour that says of itself that it serves is not away: it only failed this question.
async fn blame(cx: &Context, failure: Failure) -> Failure {
    let Failure::Away(away) = failure else {
        return failure;
    };
    let Some(neighbour) = cx.neighbours().get(&away.who) else {
        return Failure::Away(away);
    };
    if neighbour.is_serving(&away.who).await {
        return Failure::internal(format!("{} refused: {}", away.who, away.detail));
    }
    Failure::Away(away)
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

/// Topic and key of what is parked.
type ParkedKeys = BTreeSet<(String, String)>;

impl<'e> Prepared<'e> {
    /// Asks about it, unless that was done.
    async fn ask(&mut self, cx: &Context, subscription: &Subscription) -> Result<(), Failure> {
        let Ok(work) = &mut self.work else {
            return Ok(());
        };
        if work.is_asked() {
            return Ok(());
        }
        let span = event_span(cx.name(), subscription.name(), &self.incoming.envelope);
        match ask(cx, work.as_mut()).instrument(span).await {
            Err(Failure::Undecodable(reason)) => self.work = Err(reason),
            asked => asked?,
        }
        Ok(())
    }

    /// Whether something of its key is parked.
    pub(super) fn is_behind(&self, parked: &ParkedKeys) -> bool {
        !parked.is_empty()
            && parked.contains(&(self.at.topic.clone(), self.incoming.envelope.key.clone()))
    }

    pub(super) fn row(&self) -> NewRow<'e> {
        self.row_in(match &self.work {
            Ok(_) => RowState::Applied,
            Err(reason) => RowState::Stopped {
                reason: format!("UNDECODABLE: {reason}"),
            },
        })
    }

    pub(super) fn row_in(&self, state: RowState) -> NewRow<'e> {
        NewRow {
            at: self.at,
            envelope: &self.incoming.envelope,
            offset: self.incoming.offset,
            state,
        }
    }
}
