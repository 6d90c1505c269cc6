//! A person: the record, and what happens to it.

use std::fmt;

use jiff::Timestamp;
use minzheng_chassis::civil::PartialDate;
use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::identity::Sex;
use minzheng_chassis::person::{Fact, LifeStatus};
use uuid::Uuid;

use super::effect::{Effect, Event, Places};
use super::errors::ResidentsError;
use super::identity::{FormerIdentity, Identity};
use super::life::{ActionAnswer, Answer, FactOutcome, Life, asked};
use super::phone::Phone;
use super::registration::{Correction, Registration};

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordState {
    /// A person known for certain.
    Established,
    /// Reported by somebody; a person has yet to decide who it is.
    Provisional,
    /// Turned out to be somebody known.
    Merged {
        /// The survivor, which is established.
        into: Uuid,
    },
    /// Refused: no such person.
    Rejected,
}

/// A resident, or somebody who was reported and is not yet matched.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// Opaque id.
    pub id: Uuid,
    /// What the record is.
    pub state: RecordState,
    /// Document and name.
    pub identity: Identity,
    /// What was corrected, oldest first.
    pub former: Vec<FormerIdentity>,
    /// Telephone, if known.
    pub phone: Option<Phone>,
    /// Date of birth.
    pub birth_date: PartialDate,
    /// Sex, if known.
    pub sex: Option<Sex>,
    /// Domicile and residence.
    pub places: Places,
    /// Whether the person lives.
    pub life: Life,
}

impl fmt::Debug for Person {
    /// Ids and states only: dates of birth are personal data too.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Person")
            .field("id", &self.id)
            .field("state", &self.state)
            .field("places", &self.places)
            .field("life", &self.life.status)
            .finish_non_exhaustive()
    }
}

impl Person {
    /// Records a person known for certain.
    ///
    /// `held` is whether an established person has the number now (see
    /// [`super::matching::is_held`]). Errors: it is held, and not known to be shared.
    pub fn register(
        id: Uuid,
        registration: Registration,
        held: bool,
    ) -> Result<(Self, Vec<Effect>), ResidentsError> {
        if held && !registration.shared_number {
            return Err(ResidentsError::NumberAlreadyHeld);
        }
        let person = Self {
            id,
            state: RecordState::Established,
            identity: registration.identity,
            former: Vec::new(),
            phone: registration.phone,
            birth_date: registration.birth_date,
            sex: registration.sex,
            places: registration.places,
            life: Life::ALIVE,
        };
        let effects = vec![person.registered()];
        Ok((person, effects))
    }

    /// Records somebody who was reported and is not known. The record stands in the reporter's
    /// division until a person decides it; in the province, where the reporter is outside, since
    /// nobody here has work there.
    pub fn provision(id: Uuid, identity: Identity, reporter: DivisionCode) -> (Self, Vec<Effect>) {
        let reporter = if DivisionCode::GUIZHOU.contains(reporter) {
            reporter
        } else {
            DivisionCode::GUIZHOU
        };
        let person = Self {
            id,
            state: RecordState::Provisional,
            birth_date: super::registration::told_birth(&identity.document),
            sex: identity.document.sex(),
            identity,
            former: Vec::new(),
            phone: None,
            places: Places {
                domicile: reporter,
                residence: reporter,
            },
            life: Life::ALIVE,
        };
        let review = Effect::OpenReview {
            person_id: id,
            division: reporter,
        };
        let effects = vec![person.registered(), review];
        (person, effects)
    }

    /// The id that answers for this record: the survivor's for a merged one.
    pub fn answering_id(&self) -> Uuid {
        match self.state {
            RecordState::Merged { into } => into,
            RecordState::Established | RecordState::Provisional | RecordState::Rejected => self.id,
        }
    }

    /// Errors: the record is not an established person.
    pub fn expect_established(&self) -> Result<(), ResidentsError> {
        match self.state {
            RecordState::Established => Ok(()),
            RecordState::Provisional | RecordState::Merged { .. } | RecordState::Rejected => {
                Err(ResidentsError::NotEstablished)
            }
        }
    }

    /// Corrects number, name, date of birth or sex; the former identity is kept.
    ///
    /// `held` is whether another established person has the right number now. Errors: not
    /// established; nothing differs; the number is held, and not known to be shared.
    pub fn correct(
        &mut self,
        correction: Correction,
        held: bool,
        now: Timestamp,
    ) -> Result<Vec<Effect>, ResidentsError> {
        self.expect_established()?;
        let birth_date = correction.birth_date.unwrap_or(self.birth_date);
        let sex = correction.sex.or(self.sex);
        let identity_stands = correction.identity == self.identity;
        if identity_stands && birth_date == self.birth_date && sex == self.sex {
            return Err(ResidentsError::NothingToCorrect);
        }
        let number_stands = correction.identity.document == self.identity.document;
        if held && !number_stands && !correction.shared_number {
            return Err(ResidentsError::NumberAlreadyHeld);
        }
        if !identity_stands {
            let identity = std::mem::replace(&mut self.identity, correction.identity);
            let reason = correction.reason;
            self.former.push(FormerIdentity {
                identity,
                replaced_at: now,
                reason,
            });
        }
        self.sex = sex;
        if birth_date == self.birth_date {
            return Ok(Vec::new());
        }
        self.birth_date = birth_date;
        Ok(vec![Effect::RepublishKin { person_id: self.id }])
    }

    /// Moves domicile, residence, or both; where neither differs, nothing happens.
    ///
    /// Errors: not established; dead.
    pub fn move_to(
        &mut self,
        domicile: Option<DivisionCode>,
        residence: Option<DivisionCode>,
    ) -> Result<Vec<Effect>, ResidentsError> {
        self.expect_established()?;
        if self.life.status == LifeStatus::Dead {
            return Err(ResidentsError::PersonDead);
        }
        let places = Places {
            domicile: domicile.unwrap_or(self.places.domicile),
            residence: residence.unwrap_or(self.places.residence),
        };
        if places == self.places {
            return Ok(Vec::new());
        }
        let moved_house = places.residence != self.places.residence;
        self.places = places;
        let mut effects = vec![Effect::Publish(Event::Moved {
            person_id: self.id,
            places,
        })];
        if moved_house {
            effects.push(Effect::RepublishOwnKin { person_id: self.id });
        }
        Ok(effects)
    }

    /// Applies a fact about this person's death. Idempotent, and the newest wins in any order; an
    /// equal version is applied, and answered, again.
    pub fn apply(&mut self, fact: &Fact) -> FactOutcome {
        let (action, legal_basis) = asked(fact.kind);
        let refused = match self.state {
            RecordState::Established | RecordState::Provisional => None,
            RecordState::Merged { .. } => Some("RECORD_MERGED"),
            RecordState::Rejected => Some("RECORD_REJECTED"),
        };
        let answer = match (refused, self.life.after(fact)) {
            (_, None) => return FactOutcome::Superseded,
            (Some(reason), Some(_)) => Answer::Rejected { reason },
            (None, Some(life)) => {
                self.life = life;
                Answer::Done
            }
        };
        FactOutcome::Answered(vec![ActionAnswer {
            action,
            answer,
            legal_basis,
        }])
    }

    fn registered(&self) -> Effect {
        Effect::Publish(Event::Registered {
            person_id: self.id,
            places: self.places,
            provisional: self.state == RecordState::Provisional,
        })
    }
}

#[cfg(test)]
mod tests;
