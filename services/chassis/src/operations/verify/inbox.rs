//! `topic-against-inbox`: every event that a subscription has passed is in its inbox.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::topics::Topics;
use crate::context::Context;
use crate::db::{Sql, dialect, val};
use crate::seam::Failure;

/// What this service has read: every event below a subscription's position must be in its inbox.
pub(super) async fn received(cx: &Context, topics: &Topics) -> Result<Vec<String>, Failure> {
    let mut findings = Vec::new();
    let oldest = cx.now() - cx.settings().retention.inbox;
    for make in &cx.module().subscriptions {
        let subscription = make();
        for topic in subscription.topics() {
            let positions = positions(cx, subscription.name(), topic).await?;
            let passed = topics.seen(topic).iter().filter(|seen| {
                let is_passed = seen.is_below(&positions);
                is_passed && subscription.names(&seen.event_type) && seen.time > oldest
            });
            let expected: Vec<Uuid> = passed.map(|seen| seen.id).collect();
            for chunk in expected.chunks(500) {
                for id in missing(cx, subscription.name(), chunk).await? {
                    findings.push(format!(
                        "{} passed event {id} of {topic} without noting it",
                        subscription.name()
                    ));
                }
            }
        }
    }
    Ok(findings)
}

/// How far a subscription has read each partition of a topic.
pub(super) async fn positions(
    cx: &Context,
    subscription: &str,
    topic: &str,
) -> Result<BTreeMap<i32, i64>, Failure> {
    let text = "SELECT partition, next_offset FROM position WHERE subscription = $1 AND topic = $2";
    let mut positions = BTreeMap::new();
    for row in cx
        .db()
        .reader()
        .all(text, [val(subscription), val(topic)])
        .await?
    {
        positions.insert(row.get("partition")?, row.get("next_offset")?);
    }
    Ok(positions)
}

async fn missing(cx: &Context, subscription: &str, ids: &[Uuid]) -> Result<Vec<Uuid>, Failure> {
    let text = format!(
        "SELECT event_id FROM inbox WHERE subscription = $1 AND event_id IN ({})",
        dialect::placeholders(2, ids.len())
    );
    let mut values = vec![val(subscription)];
    values.extend(ids.iter().map(|id| val(*id)));
    let mut known: Vec<Uuid> = Vec::new();
    for row in cx.db().reader().all(text, values).await? {
        known.push(row.get("event_id")?);
    }
    Ok(ids
        .iter()
        .filter(|id| !known.contains(id))
        .copied()
        .collect())
}
