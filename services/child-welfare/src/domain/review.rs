//! When time alone changes how a child stands.

use jiff::civil::Date;
use minzheng_chassis::civil::birthday;

use super::{ADULT_AGE, Child, Relation, Rules, Situation};

impl Child {
    /// The next day after `today` on which the child must be derived anew although nothing was
    /// told: the child or a sibling comes of age, a situation begins to count or ends. `None` where
    /// no day would show a difference.
    pub fn next_review_on(&self, today: Date, rules: &Rules) -> Option<Date> {
        match self.standing.situation {
            Situation::Closed | Situation::Grown => return None,
            Situation::Unknown
            | Situation::TwoParents
            | Situation::OneParent
            | Situation::DeFactoUnsupported
            | Situation::Orphan => {}
        }
        let spells = self
            .relatives
            .values()
            .flat_map(|relative| &relative.spells);
        let spells = spells.flat_map(|spell| [Some(spell.counts_from(rules)), spell.over_on()]);
        let guardians = self
            .relatives
            .values()
            .filter_map(|relative| relative.appointment.as_ref())
            .flat_map(|appointment| [Some(appointment.since), appointment.until]);
        spells
            .chain(guardians)
            .chain([self.comes_of_age()])
            .chain(self.siblings_come_of_age())
            .flatten()
            .filter(|day| *day > today)
            .min()
    }

    /// The eighteenth birthday, where anybody would see the difference.
    fn comes_of_age(&self) -> Option<Date> {
        let unseen = matches!(
            self.standing.situation,
            Situation::TwoParents | Situation::Unknown
        );
        if unseen && self.file.is_none() && self.visit.is_none() {
            return None;
        }
        Some(birthday(self.birth_date.latest()?, ADULT_AGE))
    }

    /// Siblings' eighteenth birthdays, where a sibling could be the one who cares.
    fn siblings_come_of_age(&self) -> impl Iterator<Item = Option<Date>> {
        let asked = self.standing.situation.is_unsupported()
            || self.standing.situation == Situation::Unknown;
        self.relatives
            .values()
            .filter(move |relative| asked && relative.relations.contains(&Relation::Sibling))
            .map(|relative| Some(birthday(relative.birth_date.latest()?, ADULT_AGE)))
    }
}
