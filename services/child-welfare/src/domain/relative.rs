//! A child's relatives and guardians, and what is known of each.

use std::collections::BTreeSet;

use jiff::civil::Date;
use minzheng_chassis::civil::{PartialDate, age_on};
use uuid::Uuid;

use super::{ADULT_AGE, Heard, Rules, Spell, code::codes};

/// What somebody is to the child, as the register of residents says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Relation {
    /// Father or mother.
    Parent,
    /// Guardian who is no parent.
    Guardian,
    /// Parent of a parent.
    Grandparent,
    /// Brother or sister.
    Sibling,
}

codes!(Relation {
    Parent = "parent",
    Guardian = "guardian",
    Grandparent = "grandparent",
    Sibling = "sibling",
});

/// Whether somebody can care for the child.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ability {
    /// Nobody has looked yet: a candidate.
    #[default]
    Unknown,
    /// Found able.
    Able,
    /// Found unable.
    Unable,
}

codes!(Ability {
    Unknown = "unknown",
    Able = "able",
    Unable = "unable",
});

/// What makes somebody the child's guardian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuardianBasis {
    /// A parent's will (民法典 Art. 29).
    Will,
    /// An agreement of those who may be guardians (Art. 30).
    Agreement,
    /// The village or residents' committee (Art. 31).
    Committee,
    /// The civil affairs department (Art. 31).
    CivilAffairs,
    /// A court (Art. 31).
    Court,
}

codes!(GuardianBasis {
    Will = "will",
    Agreement = "agreement",
    Committee = "committee",
    CivilAffairs = "civil_affairs",
    Court = "court",
});

/// An appointment as guardian that is recorded here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appointment {
    /// Who or what appointed.
    pub basis: GuardianBasis,
    /// The first day.
    pub since: Date,
    /// The first day after it, once it has ended.
    pub until: Option<Date>,
    /// Document or article that it rests on; no personal data.
    pub legal_basis: String,
}

impl Appointment {
    fn holds_on(&self, day: Date) -> bool {
        self.since <= day && self.until.is_none_or(|until| day < until)
    }
}

/// One relative as `residents` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KinTold {
    /// The relative.
    pub person_id: Uuid,
    /// What the relative is to the child.
    pub relation: Relation,
    /// The relative's date of birth.
    pub birth_date: PartialDate,
}

/// Everything that is known of one person around the child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relative {
    /// Date of birth.
    pub birth_date: PartialDate,
    /// What the person is to the child, as told; empty for an appointed guardian who is no kin.
    pub relations: BTreeSet<Relation>,
    /// The latest appointment as guardian.
    pub appointment: Option<Appointment>,
    /// Whether the person lives.
    pub heard: Heard,
    /// Situations of a parent, by their first day.
    pub spells: Vec<Spell>,
    /// Whether a grandparent, sibling or guardian can care.
    pub ability: Ability,
}

impl Relative {
    pub(super) fn new(birth_date: PartialDate) -> Self {
        Self {
            birth_date,
            relations: BTreeSet::new(),
            appointment: None,
            heard: Heard::default(),
            spells: Vec::new(),
            ability: Ability::default(),
        }
    }

    /// Whether the person is the child's father or mother.
    pub fn is_parent(&self) -> bool {
        self.relations.contains(&Relation::Parent)
    }

    /// Whether the person is the child's guardian on `day`, told or appointed; dead or not.
    pub fn is_guardian_on(&self, day: Date) -> bool {
        self.relations.contains(&Relation::Guardian)
            || self
                .appointment
                .as_ref()
                .is_some_and(|appointment| appointment.holds_on(day))
    }

    /// Whether somebody of this relation could be turned to: alive and not found unable.
    pub(super) fn may_care(&self) -> bool {
        !self.heard.life.is_dead() && self.ability != Ability::Unable
    }

    /// Whether the person is known to be of age on `day`.
    pub(super) fn is_adult_on(&self, day: Date) -> bool {
        self.birth_date
            .latest()
            .is_some_and(|birth| age_on(birth, day) >= ADULT_AGE)
    }

    /// Whether a parent's situation counts on `day`.
    pub(super) fn lacks_on(&self, day: Date, rules: &Rules) -> bool {
        self.spells.iter().any(|spell| spell.counts_on(day, rules))
    }

    /// Whether a person recorded something here that must outlive the register's silence.
    pub(super) fn has_records(&self) -> bool {
        self.appointment.is_some() || !self.spells.is_empty() || self.ability != Ability::Unknown
    }
}
