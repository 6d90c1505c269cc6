//! `answer-once` and the receipts by which `answer-receipt` judges: an event makes a department answer a question once.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use minzheng_proto::topics::LIFE_EVENTS_RECEIPTS;
use uuid::Uuid;

use super::topics::{Seen, Topics};
use crate::receipt::Receipts;

/// An event, and a question that a service answered because of it.
type Answered<'s> = (Uuid, Uuid, i64, &'s str);

/// Questions that a service answered twice because of one event. What a person decided is a request: its id is the
/// caller's choice. A number that is not above that of the first receipt was given by a database that was restored.
pub(super) fn repeated(service: &str, topics: &Topics, events: &HashSet<Uuid>) -> Vec<String> {
    let own = topics.seen(LIFE_EVENTS_RECEIPTS.name).iter();
    let mut copies = HashSet::new();
    let own = own.filter(|seen| seen.source == service && copies.insert(seen.id));
    let mut first: HashMap<Answered<'_>, &Seen> = HashMap::new();
    let mut findings = Vec::new();
    for (seen, answer) in own.flat_map(|seen| answered(seen).map(move |answer| (seen, answer))) {
        let (event, case, version, action) = answer;
        if !events.contains(&event) {
            continue;
        }
        match first.entry(answer) {
            Entry::Vacant(none) => {
                none.insert(seen);
            }
            Entry::Occupied(mut before) if seen.sequence > before.get().sequence => {
                let earlier = before.insert(seen);
                findings.push(format!(
                    "event {event} made it answer {action} of fact {version} of case {case} twice, by receipts {} and {}",
                    earlier.id, seen.id
                ));
            }
            Entry::Occupied(_) => {}
        }
    }
    findings
}

fn answered(seen: &Seen) -> impl Iterator<Item = Answered<'_>> {
    let told = seen.causation.zip(seen.receipt.as_deref());
    told.into_iter().flat_map(|(event, issued)| {
        let actions = issued.actions.iter();
        actions.map(move |action| (event, issued.case_id, issued.fact_version, action.as_str()))
    })
}

/// The receipts as they were read; `began` before that.
pub(super) fn receipts(topics: &Topics, began: Timestamp) -> Receipts {
    let topic = LIFE_EVENTS_RECEIPTS.name;
    let issued = topics.seen(topic).iter().filter_map(|seen| {
        let receipt = seen.receipt.as_ref()?;
        Some((seen.id, receipt.clone()))
    });
    Receipts::read(issued, topics.is_whole(topic), began)
}
