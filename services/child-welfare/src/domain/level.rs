//! How much a child's standing alarms, what caused it, and what a completed visit has seen.
//!
//! A visit covers what it saw, not what was derived in between: whether a new one is needed is a
//! function of the facts that stand and of the last completed visit, whatever order the facts
//! came in.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Carer, Child, ParentSituationKind, Relation, Relative, Rules, Situation, Standing};

/// How much a child's standing alarms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Level {
    /// 0: supported by a parent; 1: de facto unsupported; 2: orphan.
    pub rank: u8,
    /// Nobody is left to care.
    pub nobody: bool,
}

impl Level {
    /// Whether anybody must go and look.
    pub fn is_alarming(self) -> bool {
        self.rank > 0 || self.nobody
    }

    fn is_within(self, covered: Level) -> bool {
        self.rank <= covered.rank && (covered.nobody || !self.nobody)
    }
}

/// Why somebody does not care for the child.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum Cause {
    /// The person is dead.
    Death {
        /// Who.
        person_id: Uuid,
        /// The death case: a person who returned and dies again is another loss.
        case_id: Option<Uuid>,
    },
    /// A parent's situation counts.
    Spell {
        /// Which parent.
        person_id: Uuid,
        /// Which situation.
        kind: ParentSituationKind,
        /// Its first day.
        #[serde(with = "super::day")]
        since: Date,
    },
    /// The person was found unable.
    Unable {
        /// Who.
        person_id: Uuid,
    },
    /// The person's guardianship ended.
    GuardianshipEnded {
        /// Who.
        person_id: Uuid,
        /// The first day after it.
        #[serde(with = "super::day")]
        until: Date,
    },
}

/// What the last completed visit has seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visit {
    /// How alarming it was.
    pub level: Level,
    /// What had happened.
    pub causes: BTreeSet<Cause>,
}

impl Child {
    /// How much a standing of the child alarms.
    pub(super) fn level(&self, standing: &Standing, today: Date) -> Level {
        let rank = match standing.situation {
            Situation::Closed | Situation::Grown => return Level::default(),
            Situation::Unknown | Situation::TwoParents | Situation::OneParent => 0,
            Situation::DeFactoUnsupported => 1,
            Situation::Orphan => 2,
        };
        // A child of whom hardly anything is recorded has not thereby lost anybody.
        let lost = || {
            self.relatives
                .values()
                .any(|relative| relative.could_have_cared(today))
        };
        let nobody = standing.carer == Some(Carer::Nobody) && (rank > 0 || lost());
        Level { rank, nobody }
    }

    /// Whether the last completed visit has seen everything that makes up this level.
    pub(super) fn is_visited(&self, level: Level, today: Date, rules: &Rules) -> bool {
        let Some(visit) = &self.visited else {
            return false;
        };
        level.is_within(visit.level)
            && self.relatives.iter().all(|(person_id, relative)| {
                let matters =
                    relative.is_parent() || (level.nobody && relative.could_have_cared(today));
                let causes = relative.causes(*person_id, today, rules);
                !matters || causes.is_empty() || causes.iter().any(|c| visit.causes.contains(c))
            })
    }

    /// What a visit sees today.
    pub(super) fn seen(&self, today: Date, rules: &Rules) -> Visit {
        let causes = self
            .relatives
            .iter()
            .flat_map(|(person_id, relative)| relative.causes(*person_id, today, rules))
            .collect();
        let standing = self.derive(today, rules);
        Visit {
            level: self.level(&standing, today),
            causes,
        }
    }

    /// The parents' deaths of which the month is unknown.
    pub(super) fn undated_deaths(&self) -> BTreeSet<Cause> {
        self.relatives
            .iter()
            .filter(|(_, relative)| relative.is_parent())
            .filter(|(_, relative)| {
                relative
                    .heard
                    .life
                    .died_on()
                    .is_some_and(|died_on| died_on.month().is_none())
            })
            .map(|(person_id, relative)| relative.death(*person_id))
            .collect()
    }
}

impl Relative {
    /// Whether somebody other than a parent was there to turn to and now is not.
    fn could_have_cared(&self, today: Date) -> bool {
        let asked = self.appointment.is_some()
            || self.relations.iter().any(|relation| match relation {
                Relation::Parent => false,
                Relation::Guardian | Relation::Grandparent => true,
                Relation::Sibling => self.is_adult_on(today),
            });
        asked && (!self.may_care() || self.guardianship_ended(today).is_some())
    }

    fn causes(&self, person_id: Uuid, today: Date, rules: &Rules) -> Vec<Cause> {
        let mut causes: Vec<Cause> = self
            .spells
            .iter()
            .filter(|spell| spell.counts_on(today, rules))
            .map(|spell| Cause::Spell {
                person_id,
                kind: spell.kind,
                since: spell.since,
            })
            .collect();
        if self.heard.life.is_dead() {
            causes.push(self.death(person_id));
        }
        if !self.may_care() && !self.heard.life.is_dead() {
            causes.push(Cause::Unable { person_id });
        }
        if let Some(until) = self.guardianship_ended(today) {
            causes.push(Cause::GuardianshipEnded { person_id, until });
        }
        causes
    }

    fn death(&self, person_id: Uuid) -> Cause {
        Cause::Death {
            person_id,
            case_id: self.heard.case_id,
        }
    }

    fn guardianship_ended(&self, today: Date) -> Option<Date> {
        let until = self.appointment.as_ref()?.until?;
        (until <= today).then_some(until)
    }
}
