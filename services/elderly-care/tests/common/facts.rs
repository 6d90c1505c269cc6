//! Events as their owners would publish them.

use minzheng_chassis::bus::Envelope;
use minzheng_chassis::civil::PartialDate;
use minzheng_chassis::convert::date_to_wire;
use minzheng_proto::catalogue::EventType;
use minzheng_proto::common::v1 as common;
use minzheng_proto::life_events::v1 as pb;
use minzheng_proto::residents::v1::PersonMerged;
use uuid::Uuid;

/// Which fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Suspected,
    Lifted,
    Confirmed,
    Corrected,
    Reversed,
}

/// A date with its precision, from text.
pub fn date(text: &str) -> common::PartialDate {
    date_to_wire(text.parse::<PartialDate>().expect("a date"))
}

/// An event as its owner would publish it.
pub fn envelope<E: EventType>(event: &E, sequence: i64) -> Envelope {
    Envelope {
        id: Uuid::now_v7(),
        source: E::TOPIC.owner.to_owned(),
        topic: E::TOPIC.name.to_owned(),
        key: event.key().to_owned(),
        sequence,
        event_type: E::TYPE.to_owned(),
        time: jiff::Timestamp::now(),
        division: None,
        causation_id: None,
        correlation_id: None,
        traceparent: None,
        value: event.encode_to_vec(),
    }
}

/// A fact of the first episode.
pub fn fact(kind: Kind, person: Uuid, version: i64, died_on: &str) -> Envelope {
    fact_of(1, kind, person, version, died_on)
}

/// A fact of an episode; each episode of a person is a case of its own.
pub fn fact_of(episode: u8, kind: Kind, person: Uuid, version: i64, died_on: &str) -> Envelope {
    let fact = Some(pb::DeathFact {
        person_id: person.to_string(),
        case_id: Uuid::from_u128(person.as_u128() ^ u128::from(episode)).to_string(),
        episode: episode.into(),
        fact_version: version,
        died_on: Some(date(died_on)),
        ..Default::default()
    });
    match kind {
        Kind::Suspected => envelope(&pb::DeathSuspected { fact }, version),
        Kind::Lifted => envelope(&pb::SuspicionLifted { fact }, version),
        Kind::Confirmed => envelope(&pb::DeathConfirmed { fact }, version),
        Kind::Corrected => envelope(&pb::DeathCorrected { fact }, version),
        Kind::Reversed => envelope(&pb::DeathReversed { fact }, version),
    }
}

/// That a record was merged.
pub fn merged(gone: Uuid, into: Uuid) -> Envelope {
    let event = PersonMerged {
        person_id: gone.to_string(),
        into_person_id: into.to_string(),
        ..Default::default()
    };
    envelope(&event, 1)
}
