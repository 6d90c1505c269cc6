//! 3 and 5: every committed event is on its topic, every event of a topic in each inbox, and the
//! events of a key in order.

use std::collections::{BTreeMap, BTreeSet};

use minzheng_chassis::operations::checks;
use minzheng_proto::life_events::v1::DeathConfirmed;
use minzheng_proto::topics::LIFE_EVENTS_DEATH;
use minzheng_server::modules;
use prost::Message;
use uuid::Uuid;

use super::{Found, Harm, verified};
use crate::chaos::observe::{Event, Observed};

type Stream = (String, String, String);

fn stream(event: &Event) -> Stream {
    let envelope = &event.envelope;
    (
        envelope.source.clone(),
        envelope.topic.clone(),
        envelope.key.clone(),
    )
}

/// Each stream's events in the order of the topic, each where it stood first.
fn streams(observed: &Observed) -> BTreeMap<Stream, Vec<&Event>> {
    let mut seen: BTreeSet<Uuid> = BTreeSet::new();
    let mut streams: BTreeMap<Stream, Vec<&Event>> = BTreeMap::new();
    for event in &observed.events {
        if seen.insert(event.envelope.id) {
            streams.entry(stream(event)).or_default().push(event);
        }
    }
    streams
}

pub(super) fn none_lost(observed: &Observed) -> Found {
    let mut found = published(observed);
    found.extend(received(observed));
    found.extend(verified(observed, checks::STREAM_SEQUENCE, Harm::Lost));
    found.extend(verified(observed, checks::TOPIC_AGAINST_INBOX, Harm::Lost));
    found
}

/// Every number that a database has given is on its topic.
fn published(observed: &Observed) -> Found {
    let streams = streams(observed);
    let mut found = Vec::new();
    for ((service, topic, key), given) in &observed.tables.sequences {
        let stream = ((*service).to_owned(), topic.clone(), key.clone());
        let events = streams.get(&stream).map_or(&[][..], Vec::as_slice);
        let there: BTreeSet<i64> = events.iter().map(|event| event.envelope.sequence).collect();
        for number in (1..=*given).filter(|number| !there.contains(number)) {
            found.push((
                Harm::Lost,
                format!("number {number} of key {key} of {service} is not on {topic}"),
            ));
        }
        let beyond = there.iter().filter(|number| *number > given);
        found.extend(beyond.map(|number| {
            let text = format!(
                "number {number} of key {key} is on {topic}, and {service} gave only {given}"
            );
            (Harm::Wrong, text)
        }));
    }
    let waiting = observed.tables.outbox.iter().filter(|(_, rows)| **rows > 0);
    found.extend(
        waiting
            .map(|(service, rows)| (Harm::Lost, format!("{rows} events of {service} never left"))),
    );
    found
}

/// Every event that a subscription names is applied in its inbox.
fn received(observed: &Observed) -> Found {
    let mut found = Vec::new();
    for module in modules::all() {
        for subscription in module.declared_subscriptions() {
            let (name, types) = (subscription.name(), subscription.types());
            let named = observed
                .events
                .iter()
                .filter(|event| types.contains(&event.envelope.event_type.as_str()));
            let ids: BTreeSet<Uuid> = named.map(|event| event.envelope.id).collect();
            for id in ids {
                match observed.tables.inbox.get(&(name.to_owned(), id)) {
                    Some(state) if state == "applied" => {}
                    Some(state) => {
                        found.push((Harm::Wrong, format!("{name}: event {id} is {state}")))
                    }
                    None => found.push((Harm::Lost, format!("{name} never heard of event {id}"))),
                }
            }
        }
    }
    found
}

pub(super) fn in_order(observed: &Observed) -> Found {
    let mut found = Vec::new();
    for ((source, topic, key), events) in streams(observed) {
        let numbers: Vec<i64> = events.iter().map(|event| event.envelope.sequence).collect();
        let expected = 1..=i64::try_from(numbers.len()).unwrap_or(i64::MAX);
        if !numbers.iter().copied().eq(expected) {
            found.push((
                Harm::Wrong,
                format!("key {key} of {source} on {topic} runs {numbers:?}"),
            ));
        }
    }
    found.extend(facts(observed));
    found.extend(verified(observed, checks::STREAM_ORDER, Harm::Wrong));
    found.extend(verified(observed, checks::STREAM_GAP, Harm::Wrong));
    found.extend(verified(observed, checks::FACT_ORDER, Harm::Wrong));
    found.extend(verified(observed, checks::FACT_KNOWN, Harm::Wrong));
    let gaps = observed.api.gaps.iter();
    found.extend(gaps.map(|gap| {
        let text = format!(
            "{} still shows a {} at number {} of key {} of {} on {}",
            gap.service, gap.kind, gap.sequence, gap.key, gap.source, gap.topic
        );
        (Harm::Wrong, text)
    }));
    found
}

/// Fact versions of a person rise, and everybody who listens knows the last one.
fn facts(observed: &Observed) -> Found {
    let mut found = Vec::new();
    let mut last: BTreeMap<Uuid, i64> = BTreeMap::new();
    for ((_, _, key), events) in streams(observed)
        .into_iter()
        .filter(|((_, topic, _), _)| topic == LIFE_EVENTS_DEATH.name)
    {
        for event in events {
            // All five kinds of fact carry it in the same field.
            let fact = DeathConfirmed::decode(event.envelope.value.as_slice()).ok();
            let version = fact
                .and_then(|event| event.fact)
                .map_or(0, |fact| fact.fact_version);
            let Ok(person) = Uuid::parse_str(&key) else {
                continue;
            };
            let before = last.insert(person, version).unwrap_or_default();
            if version <= before {
                found.push((
                    Harm::Wrong,
                    format!("fact {version} of person {key} follows fact {before}"),
                ));
            }
        }
    }
    for service in ["residents", "elderly-care", "child-welfare"] {
        for (person, version) in &last {
            let known = observed.tables.guards.get(&(service, *person)).copied();
            let known = known.unwrap_or_default();
            if known != *version {
                found.push((
                    Harm::Wrong,
                    format!(
                        "{service} knows fact {known} of person {person}, the last is {version}"
                    ),
                ));
            }
        }
    }
    found
}
