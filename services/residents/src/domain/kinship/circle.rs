//! What others are told of a person's kin.

use std::fmt;

use minzheng_chassis::civil::PartialDate;
use minzheng_chassis::division::DivisionCode;
use uuid::Uuid;

use super::{Kin, KinGraph};
use crate::domain::errors::ResidentsError;

/// What others are told of a person along with the kin.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PersonCard {
    /// Date of birth.
    pub birth_date: PartialDate,
    /// Residence.
    pub residence: DivisionCode,
}

impl fmt::Debug for PersonCard {
    /// Without the date of birth, which is personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PersonCard")
            .field("residence", &self.residence)
            .finish_non_exhaustive()
    }
}

/// One relative with what is published of them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CircleMember {
    /// Who it is, and what to the person.
    pub kin: Kin,
    /// Date of birth.
    pub birth_date: PartialDate,
}

impl fmt::Debug for CircleMember {
    /// Without the date of birth, which is personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircleMember")
            .field("kin", &self.kin)
            .finish_non_exhaustive()
    }
}

/// All kin of one person: the content of `KinshipChanged`.
#[derive(Clone, PartialEq, Eq)]
pub struct KinCircle {
    /// The person whose kin these are.
    pub person_id: Uuid,
    /// Date of birth.
    pub birth_date: PartialDate,
    /// Residence.
    pub residence: DivisionCode,
    /// All kin that stand now, by relation and id.
    pub kin: Vec<CircleMember>,
}

impl fmt::Debug for KinCircle {
    /// Without dates of birth, which are personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KinCircle")
            .field("person_id", &self.person_id)
            .field("residence", &self.residence)
            .field("kin", &self.kin)
            .finish_non_exhaustive()
    }
}

impl KinGraph {
    /// All kin of a person with what is published of them.
    ///
    /// `card` tells date of birth and residence of the persons loaded. Errors: it does not know
    /// one of them, so the caller loaded too little.
    pub fn circle(
        &self,
        person: Uuid,
        card: impl Fn(Uuid) -> Option<PersonCard>,
    ) -> Result<KinCircle, ResidentsError> {
        let own = card(person).ok_or(ResidentsError::RelativeNotLoaded)?;
        let kin = self
            .kin(person)
            .into_iter()
            .map(|kin| {
                let birth_date = card(kin.person_id)?.birth_date;
                Some(CircleMember { kin, birth_date })
            })
            .collect::<Option<Vec<_>>>()
            .ok_or(ResidentsError::RelativeNotLoaded)?;
        Ok(KinCircle {
            person_id: person,
            birth_date: own.birth_date,
            residence: own.residence,
            kin,
        })
    }
}
