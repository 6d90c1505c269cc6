//! Derives how a child stands from its own row: situation, carer, beginning.

use jiff::civil::Date;
use minzheng_chassis::civil::{Month, PartialDate, age_on};

use super::{
    ADULT_AGE, Carer, Child, ParentSituationKind, Relation, Relative, Rules, Since, Situation,
    Standing, situation::ParentState, situation::situation_of,
};

/// Which end of a date of death that is not known to the day is assumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    First,
    Last,
}

/// A day on which a child's situation may have changed.
#[derive(Debug, Clone, Copy)]
struct Turn {
    day: Date,
    /// The month is known, so that it may be counted from.
    exact: bool,
}

impl Child {
    /// How the child stands on `today`.
    pub(super) fn derive(&self, today: Date, rules: &Rules) -> Standing {
        if self.died_as_minor() {
            return inactive(Situation::Closed);
        }
        if !self.is_minor_on(today) {
            return inactive(Situation::Grown);
        }
        let view = View {
            child: self,
            today,
            rules,
        };
        let situation = view.situation_on(today, Bound::Last);
        Standing {
            situation,
            carer: Some(self.carer(today, rules)),
            since: self.decided_since(situation, view.since(situation)),
        }
    }

    /// Whether the child is under age on `day`. Of an inexact date of birth the last day counts,
    /// which protects longest; without any date nobody is a child.
    pub fn is_minor_on(&self, day: Date) -> bool {
        self.birth_date
            .latest()
            .is_some_and(|birth| age_on(birth, day) < ADULT_AGE)
    }

    /// Whether the child was under age at somebody's death. Of an inexact date the first day
    /// counts; without any date it is taken to be so.
    pub(super) fn was_minor_at(&self, died_on: PartialDate) -> bool {
        died_on.earliest().is_none_or(|day| self.is_minor_on(day))
    }

    /// Whether the child itself died under age.
    pub fn died_as_minor(&self) -> bool {
        self.own
            .life
            .died_on()
            .is_some_and(|died_on| self.was_minor_at(died_on))
    }

    /// The recorded parents.
    pub(super) fn parents(&self) -> impl Iterator<Item = &Relative> {
        self.relatives
            .values()
            .filter(|relative| relative.is_parent())
    }

    fn carer(&self, today: Date, rules: &Rules) -> Carer {
        let parent = |relative: &Relative| {
            relative.is_parent()
                && !relative.heard.life.is_dead()
                && !relative.lacks_on(today, rules)
        };
        let grandparent = |relative: &Relative| relative.relations.contains(&Relation::Grandparent);
        let sibling = |relative: &Relative| {
            relative.relations.contains(&Relation::Sibling) && relative.is_adult_on(today)
        };
        let anybody = |may: &dyn Fn(&Relative) -> bool| {
            self.relatives
                .values()
                .any(|relative| !relative.is_parent() && relative.may_care() && may(relative))
        };
        if self.relatives.values().any(parent) {
            return Carer::Parent;
        }
        if anybody(&|relative| relative.is_guardian_on(today) && !relative.is_child_on(today)) {
            return Carer::Guardian;
        }
        if anybody(&grandparent) {
            return Carer::Grandparent;
        }
        if anybody(&sibling) {
            return Carer::AdultSibling;
        }
        Carer::Nobody
    }

    /// Puts a person's decision in the place of a month that cannot be computed.
    fn decided_since(&self, situation: Situation, computed: Since) -> Since {
        let Some(decided) = &self.start_month else {
            return computed;
        };
        let applies = computed == Since::Unknown
            && decided.situation == situation
            && decided.causes == self.undated_deaths();
        if !applies {
            return computed;
        }
        decided.month.map_or(Since::NotCounted, Since::Month)
    }
}

impl Relative {
    /// Whether the person is known to be under age on `day`.
    pub(super) fn is_child_on(&self, day: Date) -> bool {
        self.birth_date
            .earliest()
            .is_some_and(|birth| age_on(birth, day) < ADULT_AGE)
    }
}

fn inactive(situation: Situation) -> Standing {
    Standing {
        situation,
        carer: None,
        since: Since::NotCounted,
    }
}

/// A child seen on one day.
struct View<'a> {
    child: &'a Child,
    today: Date,
    rules: &'a Rules,
}

impl View<'_> {
    fn situation_on(&self, day: Date, bound: Bound) -> Situation {
        let states: Vec<ParentState> = self
            .child
            .parents()
            .map(|parent| self.parent_state_on(parent, day, bound))
            .collect();
        let sought = self
            .child
            .file
            .and_then(|file| file.parents_not_found_since);
        situation_of(&states, sought.is_some_and(|since| since <= day))
    }

    fn parent_state_on(&self, parent: &Relative, day: Date, bound: Bound) -> ParentState {
        let dead = self
            .dead_from(parent, bound)
            .is_some_and(|turn| turn.day <= day);
        let missing = parent.spells.iter().any(|spell| {
            spell.kind == ParentSituationKind::DeclaredMissing && spell.counts_on(day, self.rules)
        });
        if dead || missing {
            return ParentState::Gone;
        }
        if parent.lacks_on(day, self.rules) {
            return ParentState::Lacking;
        }
        ParentState::Able
    }

    /// The day from which a parent is dead; never after today, since the death is a fact.
    fn dead_from(&self, parent: &Relative, bound: Bound) -> Option<Turn> {
        let died_on = parent.heard.life.died_on()?;
        let day = match bound {
            Bound::First => died_on.earliest().unwrap_or(Date::MIN),
            Bound::Last => died_on.latest().unwrap_or(self.today),
        };
        Some(Turn {
            day: day.min(self.today),
            exact: died_on.month().is_some(),
        })
    }

    /// The month after the one in which the situation of today began.
    ///
    /// Deaths of which the month is unknown are assumed at their first and at their last possible
    /// day; where the answer does not depend on them, it stands.
    fn since(&self, situation: Situation) -> Since {
        match situation {
            Situation::Unknown | Situation::TwoParents | Situation::Closed | Situation::Grown => {
                return Since::NotCounted;
            }
            Situation::OneParent | Situation::DeFactoUnsupported | Situation::Orphan => {}
        }
        match (
            self.began(situation, Bound::First),
            self.began(situation, Bound::Last),
        ) {
            (None, None) => Since::NotCounted,
            (Some(first), Some(last)) if first.exact && last.exact => {
                let month = Month::of(first.day);
                if month == Month::of(last.day) {
                    Since::Month(month.next())
                } else {
                    Since::Unknown
                }
            }
            (Some(_), Some(_)) | (Some(_), None) | (None, Some(_)) => Since::Unknown,
        }
    }

    /// The day from which the situation of today holds without a break; never before the birth.
    fn began(&self, situation: Situation, bound: Bound) -> Option<Turn> {
        let mut turns = self.turns(bound);
        turns.sort_by_key(|turn| (turn.day, turn.exact));
        let begin = turns.into_iter().rev().find(|turn| {
            turn.day
                .yesterday()
                .map_or(true, |before| self.situation_on(before, bound) != situation)
        })?;
        match self.child.birth_date.earliest() {
            Some(birth) if begin.day < birth => Some(Turn {
                day: birth,
                exact: true,
            }),
            _ => Some(begin),
        }
    }

    fn turns(&self, bound: Bound) -> Vec<Turn> {
        let mut turns = Vec::new();
        for parent in self.child.parents() {
            turns.extend(self.dead_from(parent, bound));
            for spell in &parent.spells {
                turns.push(Turn {
                    day: spell.counts_from(self.rules),
                    exact: true,
                });
                turns.extend(spell.over_on().map(|day| Turn { day, exact: true }));
            }
        }
        let sought = self
            .child
            .file
            .and_then(|file| file.parents_not_found_since);
        turns.extend(sought.map(|day| Turn { day, exact: true }));
        turns.retain(|turn| turn.day <= self.today);
        turns
    }
}
