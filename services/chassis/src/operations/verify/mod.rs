//! Checks what must always hold, topics against databases included. A check of its own for each idea; whatever
//! it finds is wrong: what may only look wrong, since something was forgotten for its age or a database was
//! restored, is no finding.

mod answers;
mod effects;
mod facts;
mod gaps;
mod inbox;
mod order;
mod sequence;
mod topics;
mod waiting;

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use minzheng_proto::operations::v1 as pb;

use self::gaps::Gap;
use self::sequence::Streams;
pub(super) use self::topics::Topics;
use crate::audit;
use crate::context::Context;
use crate::operations::checks;
use crate::seam::Failure;

/// Findings that a check names where there may be as many as events.
const NAMED_AT_MOST: usize = 20;

/// What a service's database said before the topics were read: what was on its way then has arrived in them.
pub(super) struct Before {
    at: Timestamp,
    streams: Streams,
    gaps: Vec<Gap>,
}

impl Before {
    /// Reads it.
    pub(super) async fn load(cx: &Context) -> Result<Self, Failure> {
        Ok(Self {
            at: cx.now(),
            streams: Streams::load(cx).await?,
            gaps: gaps::load(cx).await?,
        })
    }
}

/// Runs every check for one service. `before` was read before the topics.
pub(super) async fn run(
    cx: &Context,
    before: &Before,
    topics: &Topics,
) -> Result<Vec<pb::Finding>, Failure> {
    let mut findings = Vec::new();
    let mut found = |check: &str, details: Vec<String>| {
        findings.extend(details.into_iter().map(|detail| pb::Finding {
            service: cx.name().to_owned(),
            check: check.to_owned(),
            detail,
        }));
    };
    let published = sequence::published(cx, &before.streams, topics).await?;
    found(checks::STREAM_SEQUENCE, published);
    found(
        checks::STREAM_ORDER,
        some_of(order::out_of_order(cx.name(), topics)),
    );
    found(
        checks::STREAM_GAP,
        some_of(gaps::open(&before.gaps, topics)),
    );
    found(
        checks::TOPIC_AGAINST_INBOX,
        inbox::received(cx, topics).await?,
    );
    let fallen = facts::out_of_order(cx.name(), topics);
    found(checks::FACT_ORDER, some_of(fallen));
    found(
        checks::FACT_KNOWN,
        some_of(facts::unknown(cx, topics).await?),
    );
    let events = topics.ids();
    let twice = answers::repeated(cx.name(), topics, &events);
    found(checks::ANSWER_ONCE, some_of(twice));
    found(
        checks::EFFECT_ONCE,
        some_of(effects::repeated(cx, &events).await?),
    );
    let forged = audit::forged(cx.db().reader(), cx.keys()).await?;
    found(
        checks::AUDIT_MAC,
        forged
            .iter()
            .map(|id| format!("audit record {id} was changed"))
            .collect(),
    );
    found(checks::DEAD_LETTERS, waiting::dead_letters(cx).await?);
    found(checks::OUTBOX_AGE, waiting::outbox_age(cx).await?);
    found(checks::SUBSCRIPTION_LAG, waiting::unread(cx, topics).await?);
    if let Some(inspect) = &cx.module().inspect {
        let receipts = answers::receipts(topics, before.at);
        let bare = inspect.answers_without(cx, &receipts).await?;
        found(checks::ANSWER_RECEIPT, some_of(bare));
        found(checks::SERVICE, inspect.verify(cx).await?);
    }
    Ok(findings)
}

/// The first of them, and how many more there are.
fn some_of(mut details: Vec<String>) -> Vec<String> {
    let more = details.len().saturating_sub(NAMED_AT_MOST);
    if more > 0 {
        details.truncate(NAMED_AT_MOST);
        details.push(format!("and {more} more"));
    }
    details
}
