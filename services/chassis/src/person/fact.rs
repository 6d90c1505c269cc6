//! The facts about deaths, as every service hears them.

use std::collections::BTreeMap;

use minzheng_proto::catalogue::EventType;
use minzheng_proto::life_events::v1 as pb;
use prost::Message;
use uuid::Uuid;

use super::LifeStatus;
use crate::bus::Envelope;
use crate::civil::PartialDate;
use crate::convert::{FromWire, WireError, partial_date, partial_date_opt, uuid};
use crate::division::DivisionCode;

/// Which of the five facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FactKind {
    /// `DeathSuspected`
    Suspected,
    /// `SuspicionLifted`
    Lifted,
    /// `DeathConfirmed`
    Confirmed,
    /// `DeathCorrected`
    Corrected,
    /// `DeathReversed`
    Reversed,
}

/// One fact about one person's death: the whole state that it announces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Which fact.
    pub kind: FactKind,
    /// The person.
    pub person_id: Uuid,
    /// The case.
    pub case_id: Uuid,
    /// Episode, from 1.
    pub episode: i32,
    /// Version, rising per person.
    pub fact_version: i64,
    /// Date of death with its precision.
    pub died_on: PartialDate,
    /// Day of a court's declaration of death.
    pub declared_on: Option<PartialDate>,
    /// Day of a court's revocation.
    pub revoked_on: Option<PartialDate>,
    /// Division of the domicile.
    pub domicile: Option<DivisionCode>,
    /// Division of the residence.
    pub residence: Option<DivisionCode>,
    /// Division of the place of death.
    pub place: Option<DivisionCode>,
}

impl Fact {
    /// The fact in an envelope, if its type is one of the five.
    ///
    /// # Errors
    /// The value is no such message, or an id, date or division in it is malformed.
    pub fn from_envelope(envelope: &Envelope) -> Result<Option<Self>, WireError> {
        let value = envelope.value.as_slice();
        let (kind, fact) = match envelope.event_type.as_str() {
            pb::DeathSuspected::TYPE => {
                (FactKind::Suspected, pb::DeathSuspected::decode(value)?.fact)
            }
            pb::SuspicionLifted::TYPE => {
                (FactKind::Lifted, pb::SuspicionLifted::decode(value)?.fact)
            }
            pb::DeathConfirmed::TYPE => {
                (FactKind::Confirmed, pb::DeathConfirmed::decode(value)?.fact)
            }
            pb::DeathCorrected::TYPE => {
                (FactKind::Corrected, pb::DeathCorrected::decode(value)?.fact)
            }
            pb::DeathReversed::TYPE => (FactKind::Reversed, pb::DeathReversed::decode(value)?.fact),
            _ => return Ok(None),
        };
        let fact = fact.ok_or(WireError::Missing("fact"))?;
        Self::from_wire(kind, &fact).map(Some)
    }

    /// From the message's content.
    ///
    /// # Errors
    /// An id, date, division or enum value in it is malformed.
    pub fn from_wire(kind: FactKind, fact: &pb::DeathFact) -> Result<Self, WireError> {
        pb::Cause::try_from(fact.cause).map_err(|_| WireError::Malformed("cause"))?;
        Ok(Self {
            kind,
            person_id: uuid("person_id", &fact.person_id)?,
            case_id: uuid("case_id", &fact.case_id)?,
            episode: fact.episode,
            fact_version: fact.fact_version,
            died_on: partial_date("died_on", fact.died_on.as_ref())?,
            declared_on: partial_date_opt("declared_on", fact.declared_on.as_ref())?,
            revoked_on: partial_date_opt("revoked_on", fact.revoked_on.as_ref())?,
            domicile: DivisionCode::from_wire("domicile_division", &fact.domicile_division)?,
            residence: DivisionCode::from_wire("residence_division", &fact.residence_division)?,
            place: DivisionCode::from_wire("place_division", &fact.place_division)?,
        })
    }

    /// The life status that it announces.
    pub fn status(&self) -> LifeStatus {
        match self.kind {
            FactKind::Suspected => LifeStatus::Suspected,
            FactKind::Confirmed | FactKind::Corrected => LifeStatus::Dead,
            FactKind::Lifted | FactKind::Reversed => LifeStatus::Alive,
        }
    }

    /// The date of death to know: unknown for the living.
    pub fn known_date(&self) -> PartialDate {
        match self.status() {
            LifeStatus::Alive => PartialDate::UNKNOWN,
            LifeStatus::Suspected | LifeStatus::Dead => self.died_on,
        }
    }
}

/// The newest fact of each person, by person.
pub(super) fn newest_of_each(facts: &[Fact]) -> Vec<&Fact> {
    let mut newest: BTreeMap<Uuid, &Fact> = BTreeMap::new();
    for fact in facts {
        let kept = newest.entry(fact.person_id).or_insert(fact);
        if fact.fact_version >= kept.fact_version {
            *kept = fact;
        }
    }
    newest.into_values().collect()
}
