//! Invented people for the tests. Their numbers begin with 529900, which belongs to nobody.

use jiff::civil::date;
use minzheng_chassis::civil::PartialDate;
use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::identity::{PersonName, ResidentNumber};
use minzheng_chassis::person::{Fact, FactKind};
use uuid::Uuid;

use super::document::Document;
use super::effect::Places;
use super::identity::Identity;
use super::person::Person;
use super::registration::Registration;

/// A county of Guiyang.
pub(crate) fn nanming() -> DivisionCode {
    "520102000000".parse().unwrap()
}

/// Another.
pub(crate) fn yunyan() -> DivisionCode {
    "520103000000".parse().unwrap()
}

/// The number with this sequence, and this name.
pub(crate) fn identity(sequence: u16, name: &str) -> Identity {
    let number = ResidentNumber::demo(date(1980, 1, 1), sequence).unwrap();
    Identity {
        document: Document::ResidentId(number),
        name: PersonName::parse(name).ok(),
    }
}

/// An established person, domiciled in Nanming.
pub(crate) fn established(id: u128, sequence: u16, name: &str) -> Person {
    let identity = identity(sequence, name);
    let registration = Registration {
        birth_date: super::registration::told_birth(&identity.document),
        sex: identity.document.sex(),
        identity,
        places: Places {
            domicile: nanming(),
            residence: nanming(),
        },
        phone: None,
        shared_number: true,
    };
    Person::register(Uuid::from_u128(id), registration, false)
        .unwrap()
        .0
}

/// A provisional record, reported in Yunyan.
pub(crate) fn provisional(id: u128, sequence: u16, name: &str) -> Person {
    Person::provision(Uuid::from_u128(id), identity(sequence, name), yunyan()).0
}

/// A fact.
pub(crate) fn fact(kind: FactKind, fact_version: i64, died_on: &str) -> Fact {
    Fact {
        kind,
        person_id: Uuid::from_u128(1),
        case_id: Uuid::from_u128(7),
        episode: 1,
        fact_version,
        died_on: died_on.parse::<PartialDate>().unwrap(),
        declared_on: None,
        revoked_on: None,
        domicile: None,
        residence: None,
        place: None,
    }
}
