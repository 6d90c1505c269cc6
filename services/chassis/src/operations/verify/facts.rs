//! `fact-order` and `fact-known`: the versions of what is said of a person's death rise, and whoever has heard one knows
//! what it says, or a later one, in their guard row.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

use minzheng_proto::topics::LIFE_EVENTS_DEATH;
use uuid::Uuid;

use super::inbox;
use super::topics::{Seen, Told, Topics};
use crate::context::Context;
use crate::db::{Sql, dialect, val};
use crate::seam::Failure;

/// Guard rows that are asked for at a time.
const ASKED_AT_A_TIME: usize = 500;

/// Facts that a service published with a version that is not above the one before. Where numbers of the stream fall,
/// too, that is told by `stream-order`, or is none: a database was restored.
pub(super) fn out_of_order(service: &str, topics: &Topics) -> Vec<String> {
    let mut ids = HashSet::new();
    let own = topics.seen(LIFE_EVENTS_DEATH.name).iter();
    let own = own.filter(|seen| seen.source == service && ids.insert(seen.id));
    fallen(own)
}

fn fallen<'s>(seen: impl Iterator<Item = &'s Seen>) -> Vec<String> {
    let mut last: HashMap<Uuid, (i64, i64)> = HashMap::new();
    let mut findings = Vec::new();
    for (seen, fact) in seen.filter_map(|seen| Some((seen, seen.fact?))) {
        let now = (seen.sequence, fact.version);
        match last.entry(fact.person) {
            Entry::Vacant(first) => {
                first.insert(now);
            }
            Entry::Occupied(mut before) => {
                let (sequence, version) = *before.get();
                if seen.sequence <= sequence {
                    continue;
                }
                if fact.version <= version {
                    findings.push(format!(
                        "event {} on {} tells fact {} of person {} after fact {version}",
                        seen.id, seen.at, fact.version, fact.person
                    ));
                }
                before.insert(now);
            }
        }
    }
    findings
}

/// Persons of whom this service has heard another fact than its guard row knows.
pub(super) async fn unknown(cx: &Context, topics: &Topics) -> Result<Vec<String>, Failure> {
    let topic = LIFE_EVENTS_DEATH.name;
    let mut heard: BTreeMap<Uuid, Told> = BTreeMap::new();
    for make in &cx.module().subscriptions {
        let subscription = make();
        let positions = inbox::positions(cx, subscription.name(), topic).await?;
        let passed = topics
            .seen(topic)
            .iter()
            .filter(|seen| seen.is_below(&positions) && subscription.names(&seen.event_type));
        for fact in passed.filter_map(|seen| seen.fact) {
            let last = heard.entry(fact.person).or_insert(fact);
            if fact.version > last.version {
                *last = fact;
            }
        }
    }
    let heard: Vec<Told> = heard.into_values().collect();
    let mut findings = Vec::new();
    for some in heard.chunks(ASKED_AT_A_TIME) {
        let known = known(cx, some).await?;
        findings.extend(
            some.iter()
                .filter_map(|fact| fact.amiss(known.get(&fact.person))),
        );
    }
    Ok(findings)
}

/// What a guard row knows.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    version: i64,
    status: String,
    died_on: String,
}

impl Told {
    /// What is wrong with what is known, where this is the last fact that was heard.
    fn amiss(&self, known: Option<&Known>) -> Option<String> {
        let (person, version) = (self.person, self.version);
        let knows = known.map_or(0, |known| known.version);
        if knows < version {
            return Some(format!(
                "knows fact {knows} of person {person}, and has heard fact {version}"
            ));
        }
        let known = known.filter(|known| known.version == version)?;
        let (status, died_on) = (self.status.name(), self.died_on.to_string());
        (known.status != status || known.died_on != died_on).then(|| {
            format!(
                "knows person {person} as {} (date {}), and fact {version} says {status} (date {died_on})",
                known.status, known.died_on
            )
        })
    }
}

async fn known(cx: &Context, facts: &[Told]) -> Result<BTreeMap<Uuid, Known>, Failure> {
    let text = format!(
        "SELECT person_id, fact_version, status, died_on FROM known_person WHERE person_id IN ({})",
        dialect::placeholders(1, facts.len())
    );
    let ids: Vec<_> = facts.iter().map(|fact| val(fact.person)).collect();
    let mut known = BTreeMap::new();
    for row in cx.db().reader().all(text, ids).await? {
        let one = Known {
            version: row.get("fact_version")?,
            status: row.get("status")?,
            died_on: row.get("died_on")?,
        };
        known.insert(row.get("person_id")?, one);
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::bus::TopicPartition;
    use crate::civil::PartialDate;
    use crate::person::LifeStatus;

    /// Facts about one person: number in the stream, and version.
    fn told(facts: &[(i64, i64)]) -> Vec<String> {
        let seen = facts
            .iter()
            .zip(0..)
            .map(|((sequence, version), offset)| Seen {
                at: TopicPartition::new(LIFE_EVENTS_DEATH.name, 0),
                offset,
                id: Uuid::new_v4(),
                source: "life-events".to_owned(),
                key: "k".to_owned(),
                sequence: *sequence,
                event_type: "e".to_owned(),
                time: Timestamp::UNIX_EPOCH,
                causation: None,
                fact: Some(Told {
                    person: Uuid::nil(),
                    version: *version,
                    status: LifeStatus::Dead,
                    died_on: PartialDate::UNKNOWN,
                }),
                receipt: None,
            });
        fallen(seen.collect::<Vec<_>>().iter())
    }

    #[test]
    fn versions_rise_but_for_what_a_restored_database_says_again() {
        assert_eq!(told(&[(1, 1), (2, 2), (3, 5)]), [""; 0]);
        for fallen in [told(&[(1, 2), (2, 2)]), told(&[(1, 3), (2, 2), (3, 3)])] {
            assert_eq!(fallen.len(), 1, "{fallen:?}");
        }
        assert!(told(&[(1, 3), (2, 2)])[0].contains("tells fact 2 of person"));
        assert_eq!(told(&[(1, 1), (2, 2), (2, 2), (3, 3)]), [""; 0]);
    }
}
