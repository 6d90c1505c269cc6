//! 4: an event takes effect once, however often it is delivered and whoever is killed.

use std::collections::{BTreeMap, BTreeSet};

use minzheng_chassis::operations::checks;
use minzheng_proto::life_events::v1::ReceiptIssued;
use minzheng_proto::topics::LIFE_EVENTS_RECEIPTS;
use prost::Message;
use uuid::Uuid;

use super::{Found, Harm, verified};
use crate::chaos::observe::{AuditRow, Observed};

pub(super) fn once(observed: &Observed) -> Found {
    let mut found = audited(observed);
    found.extend(answered(observed));
    found.extend(housed(observed));
    found.extend(verified(observed, checks::EFFECT_ONCE, Harm::Doubled));
    found.extend(verified(observed, checks::ANSWER_ONCE, Harm::Doubled));
    found
}

/// One event changes one thing in one way once.
fn audited(observed: &Observed) -> Found {
    let events: BTreeSet<Uuid> = observed
        .events
        .iter()
        .map(|event| event.envelope.id)
        .collect();
    let mut counted: BTreeMap<&AuditRow, usize> = BTreeMap::new();
    for row in &observed.tables.audit {
        if row.causation.is_some_and(|id| events.contains(&id)) {
            *counted.entry(row).or_default() += 1;
        }
    }
    let twice = counted.into_iter().filter(|(_, times)| *times > 1);
    twice
        .map(|(row, times)| {
            let text = format!(
                "event {} did {} to {} {} {times} times",
                row.causation.unwrap_or_default(),
                row.action,
                row.aggregate,
                row.aggregate_id
            );
            (Harm::Doubled, text)
        })
        .collect()
}

/// One fact is answered by a department once: a second answer has another cause.
fn answered(observed: &Observed) -> Found {
    let mut answers: BTreeMap<(String, Option<Uuid>, String), BTreeSet<Uuid>> = BTreeMap::new();
    for event in &observed.events {
        let envelope = &event.envelope;
        if envelope.topic != LIFE_EVENTS_RECEIPTS.name {
            continue;
        }
        let Ok(receipt) = ReceiptIssued::decode(envelope.value.as_slice()) else {
            continue;
        };
        for answer in &receipt.answers {
            let question = format!(
                "{} of fact {} of case {}",
                answer.action, receipt.fact_version, receipt.case_id
            );
            answers
                .entry((envelope.source.clone(), envelope.causation_id, question))
                .or_default()
                .insert(envelope.id);
        }
    }
    let twice = answers.into_iter().filter(|(_, events)| events.len() > 1);
    twice
        .map(|((source, _, question), events)| {
            let times = events.len();
            (
                Harm::Doubled,
                format!("{source} answered {question} {times} times"),
            )
        })
        .collect()
}

/// Nobody lives in two beds, and no bed has two residents.
fn housed(observed: &Observed) -> Found {
    let mut by: BTreeMap<(&str, Uuid), usize> = BTreeMap::new();
    for stay in observed.tables.stays.values() {
        if matches!(stay.state.as_str(), "active" | "held") {
            *by.entry(("bed", stay.bed)).or_default() += 1;
            *by.entry(("person", stay.person)).or_default() += 1;
        }
    }
    let twice = by.into_iter().filter(|(_, stays)| *stays > 1);
    twice
        .map(|((kind, id), stays)| (Harm::Doubled, format!("{kind} {id} has {stays} stays")))
        .collect()
}
