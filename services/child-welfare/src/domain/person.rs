//! What is told of a person's life.

use minzheng_chassis::civil::PartialDate;
use uuid::Uuid;

/// Whether a person lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Life {
    /// Alive, or nothing else was ever told.
    #[default]
    Alive,
    /// Somebody says the person died, without proof: here nobody counts as dead for it.
    Suspected,
    /// Confirmed dead.
    Dead {
        /// Date of death, as far as it is known.
        died_on: PartialDate,
    },
}

impl Life {
    /// The date of death of somebody dead.
    pub fn died_on(self) -> Option<PartialDate> {
        match self {
            Life::Dead { died_on } => Some(died_on),
            Life::Alive | Life::Suspected => None,
        }
    }

    /// Whether the person is confirmed dead.
    pub fn is_dead(self) -> bool {
        self.died_on().is_some()
    }
}

/// What the facts say of one person: the guard row, or a fact that has just arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PersonFact {
    /// The person.
    pub person_id: Uuid,
    /// Whether the person lives.
    pub life: Life,
    /// Version of the person's latest fact; 0 if none was ever told.
    pub fact_version: i64,
    /// The death case of the latest fact.
    pub case_id: Option<Uuid>,
}

/// What an aggregate has heard of one person's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Heard {
    /// Whether the person lives.
    pub life: Life,
    /// Version of the fact that says so; 0 if none was heard.
    pub fact_version: i64,
    /// The death case of that fact.
    pub case_id: Option<Uuid>,
}

impl Heard {
    /// Takes a fact that is as new as what was heard, or newer; an older one has no effect.
    pub(super) fn hear(&mut self, fact: &PersonFact) {
        if fact.fact_version < self.fact_version {
            return;
        }
        *self = Self {
            life: fact.life,
            fact_version: fact.fact_version,
            case_id: fact.case_id,
        };
    }
}
