//! Checks what must always hold, topics against databases included.

use std::collections::BTreeMap;

use minzheng_proto::operations::v1 as pb;
use minzheng_proto::topics;
use uuid::Uuid;

use crate::audit;
use crate::bus::TopicPartition;
use crate::context::Context;
use crate::db::{Sql, dialect, val};
use crate::seam::Failure;

/// Names of the checks, in the order in which they run.
pub(super) const CHECKS: [&str; 6] =
    ["stream-sequence", "topic-against-inbox", "audit-mac", "dead-letters", "outbox-age", "service"];

/// Records read at a time.
const READ_AT_A_TIME: usize = 1000;

/// An outbox row older than this is stuck.
const OUTBOX_STUCK_AFTER: std::time::Duration = std::time::Duration::from_secs(60);

/// Runs every check for one service.
pub(super) async fn run(cx: &Context) -> Result<Vec<pb::Finding>, Failure> {
    let mut findings = Vec::new();
    let mut found = |check: &str, details: Vec<String>| {
        findings.extend(details.into_iter().map(|detail| pb::Finding {
            service: cx.name().to_owned(),
            check: check.to_owned(),
            detail,
        }));
    };
    found("stream-sequence", published(cx).await?);
    found("topic-against-inbox", received(cx).await?);
    let forged = audit::forged(cx.db().reader(), cx.keys()).await?;
    found("audit-mac", forged.iter().map(|id| format!("audit record {id} was changed")).collect());
    found("dead-letters", dead_letters(cx).await?);
    found("outbox-age", outbox_age(cx).await?);
    if let Some(inspect) = &cx.module().inspect {
        found("service", inspect.verify(cx).await?);
    }
    Ok(findings)
}

/// Reads a whole topic and gives every envelope to `each`.
async fn read_topic(
    cx: &Context,
    topic: &str,
    mut each: impl FnMut(&TopicPartition, &crate::bus::Record),
) -> Result<(), Failure> {
    for (partition, marks) in cx.bus().watermarks(topic).await?.iter().enumerate() {
        let partition = i32::try_from(partition).map_err(Failure::internal)?;
        let at = TopicPartition { topic: topic.to_owned(), partition };
        let mut from = marks.low;
        while from < marks.high {
            let records = cx.bus().read(&at, from, READ_AT_A_TIME).await?;
            let Some(last) = records.last() else { break };
            from = last.offset + 1;
            records.iter().for_each(|record| each(&at, record));
        }
    }
    Ok(())
}

/// What this service has published: the highest sequence on each topic must be the one its database
/// knows, counting what still waits in the outbox.
async fn published(cx: &Context) -> Result<Vec<String>, Failure> {
    let mut findings = Vec::new();
    for topic in topics::ALL {
        let mut highest: BTreeMap<String, i64> = BTreeMap::new();
        read_topic(cx, topic.name, |_, record| {
            let Ok(envelope) = &record.envelope else { return };
            if envelope.source == cx.name() {
                let mark = highest.entry(envelope.key.clone()).or_default();
                *mark = envelope.sequence.max(*mark);
            }
        })
        .await?;
        findings.extend(compare_sequences(cx, topic.name, &highest).await?);
    }
    Ok(findings)
}

async fn compare_sequences(
    cx: &Context,
    topic: &str,
    highest: &BTreeMap<String, i64>,
) -> Result<Vec<String>, Failure> {
    let db = cx.db().reader();
    let text = "SELECT key, sequence FROM stream_sequence WHERE topic = $1";
    let mut known: BTreeMap<String, i64> = BTreeMap::new();
    for row in db.all(text, [val(topic)]).await? {
        known.insert(row.get("key")?, row.get("sequence")?);
    }
    let mut waiting: BTreeMap<String, i64> = BTreeMap::new();
    let text = "SELECT key, max(sequence) AS last FROM outbox WHERE topic = $1 GROUP BY key";
    for row in db.all(text, [val(topic)]).await? {
        waiting.insert(row.get("key")?, row.get("last")?);
    }
    let mut findings = Vec::new();
    for (key, on_topic) in highest {
        let in_database = known.get(key).copied().unwrap_or_default();
        if in_database < *on_topic {
            findings.push(format!(
                "{topic} holds number {on_topic} of key {key}, the database knows {in_database}: the database is older \
                 than what it published"
            ));
        }
    }
    for (key, in_database) in &known {
        let sent = highest.get(key).copied().unwrap_or_default().max(waiting.get(key).copied().unwrap_or_default());
        if topics_keep_for_ever(topic) && sent < *in_database {
            findings.push(format!("number {in_database} of key {key} is neither on {topic} nor in the outbox"));
        }
    }
    Ok(findings)
}

fn topics_keep_for_ever(name: &str) -> bool {
    topics::ALL.iter().any(|topic| topic.name == name && topic.retention.is_none())
}

/// What this service has read: every event below a subscription's position must be in its inbox.
async fn received(cx: &Context) -> Result<Vec<String>, Failure> {
    let mut findings = Vec::new();
    let kept = cx.settings().retention.inbox;
    let oldest = cx.now() - kept;
    for make in &cx.module().subscriptions {
        let subscription = make();
        for topic in subscription.topics() {
            let positions = positions(cx, subscription.name(), topic).await?;
            let mut expected: Vec<Uuid> = Vec::new();
            read_topic(cx, topic, |at, record| {
                let Ok(envelope) = &record.envelope else { return };
                let below = positions.get(&at.partition).is_some_and(|next| record.offset < *next);
                if below && subscription.names(&envelope.event_type) && envelope.time > oldest {
                    expected.push(envelope.id);
                }
            })
            .await?;
            for chunk in expected.chunks(500) {
                for id in missing(cx, subscription.name(), chunk).await? {
                    findings.push(format!("{} passed event {id} of {topic} without noting it", subscription.name()));
                }
            }
        }
    }
    Ok(findings)
}

async fn positions(cx: &Context, subscription: &str, topic: &str) -> Result<BTreeMap<i32, i64>, Failure> {
    let text = "SELECT partition, next_offset FROM position WHERE subscription = $1 AND topic = $2";
    let mut positions = BTreeMap::new();
    for row in cx.db().reader().all(text, [val(subscription), val(topic)]).await? {
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
    Ok(ids.iter().filter(|id| !known.contains(id)).copied().collect())
}

async fn dead_letters(cx: &Context) -> Result<Vec<String>, Failure> {
    let counted = crate::inbox::table::count_held(cx.db().reader()).await?;
    Ok(counted.iter().map(|(subscription, state, n)| format!("{subscription}: {n} {state}")).collect())
}

async fn outbox_age(cx: &Context) -> Result<Vec<String>, Failure> {
    let status = crate::outbox::status(cx.db().reader()).await?;
    let Some(oldest) = status.oldest else { return Ok(Vec::new()) };
    let age = cx.now().duration_since(oldest);
    if age.unsigned_abs() < OUTBOX_STUCK_AFTER {
        return Ok(Vec::new());
    }
    Ok(vec![format!("{} events wait, the oldest for {} s", status.rows, age.as_secs())])
}
