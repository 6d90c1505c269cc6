//! `dead-letters`, `outbox-age` and `subscription-lag`: what waits for a person, or for too long.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::inbox;
use super::topics::{Seen, Topics};
use crate::context::Context;
use crate::inbox::{StartFrom, Subscription};
use crate::seam::Failure;

/// What is older than this and has not left the outbox, or was not read from its topic, is stuck.
const STUCK_AFTER: Duration = Duration::from_secs(60);

/// Events that could not be handled, or that the bus refused.
pub(super) async fn dead_letters(cx: &Context) -> Result<Vec<String>, Failure> {
    let counted = crate::inbox::held::count_held(cx.db().reader()).await?;
    let mut findings: Vec<String> = counted
        .iter()
        .map(|(subscription, state, n)| format!("{subscription}: {n} {state}"))
        .collect();
    let refused = crate::outbox::status(cx.db().reader()).await?.refused;
    if refused > 0 {
        findings.push(format!("outbox: {refused} refused by the bus"));
    }
    Ok(findings)
}

/// Events that do not leave the outbox.
pub(super) async fn outbox_age(cx: &Context) -> Result<Vec<String>, Failure> {
    let status = crate::outbox::status(cx.db().reader()).await?;
    let Some(oldest) = status.oldest else {
        return Ok(Vec::new());
    };
    let waiting = stuck(cx, status.rows, oldest);
    Ok(waiting.into_iter().collect())
}

/// Events that a subscription does not read: a consumer that stands still is told by nothing else here. Positions are
/// read after the topics, so what was read meanwhile is none.
pub(super) async fn unread(cx: &Context, topics: &Topics) -> Result<Vec<String>, Failure> {
    let mut findings = Vec::new();
    for make in &cx.module().subscriptions {
        let subscription = make();
        for topic in subscription.topics() {
            let positions = inbox::positions(cx, subscription.name(), topic).await?;
            let unread = topics
                .seen(topic)
                .iter()
                .filter(|seen| is_unread(seen, &subscription, &positions));
            let times: Vec<Timestamp> = unread.map(|seen| seen.time).collect();
            let oldest = times.iter().min();
            let waiting = oldest.and_then(|oldest| stuck(cx, times.len(), *oldest));
            let name = subscription.name();
            findings.extend(waiting.map(|waiting| format!("{name}: of {topic} {waiting}")));
        }
    }
    Ok(findings)
}

/// Whether a subscription still has to read an event. Who begins with the next one has nothing behind it before.
fn is_unread(seen: &Seen, subscription: &Subscription, positions: &BTreeMap<i32, i64>) -> bool {
    let begins_here =
        subscription.starts() == StartFrom::Beginning || positions.contains_key(&seen.at.partition);
    begins_here && subscription.names(&seen.event_type) && !seen.is_below(positions)
}

/// What waits, if it has for too long.
fn stuck(cx: &Context, many: impl std::fmt::Display, oldest: Timestamp) -> Option<String> {
    let age = cx.now().duration_since(oldest);
    let is_stuck = age.unsigned_abs() >= STUCK_AFTER;
    is_stuck.then(|| format!("{many} events wait, the oldest for {} s", age.as_secs()))
}
