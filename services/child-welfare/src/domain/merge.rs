//! A person's record turned out to be somebody else's.

use std::collections::btree_map::Entry;

use uuid::Uuid;

use super::{Ability, Change, Child, Heard, Moment, PersonFact, Relative};

impl Child {
    /// What was known of the record that goes is from now on known of the survivor, who lives or not
    /// as the guard row says. Where the child's own record goes, nobody is left around it: its kin
    /// are told anew under the survivor.
    pub fn merge_person(
        &mut self,
        gone: Uuid,
        survivor: &PersonFact,
        at: &Moment,
        ids: &mut dyn FnMut() -> Uuid,
    ) -> Change {
        self.change(at, ids, |child| {
            if gone == child.id {
                child.relatives.clear();
                return;
            }
            child.repoint(gone, survivor.person_id);
            child.hear_all(std::slice::from_ref(survivor));
        })
    }

    fn repoint(&mut self, gone: Uuid, survivor: Uuid) {
        let Some(mut relative) = self.relatives.remove(&gone) else {
            return;
        };
        // Versions count the facts of one person: those of the record that goes say nothing here.
        relative.heard = Heard::default();
        if survivor == self.id {
            return;
        }
        match self.relatives.entry(survivor) {
            Entry::Vacant(place) => {
                place.insert(relative);
            }
            Entry::Occupied(mut known) => known.get_mut().absorb(relative),
        }
    }
}

impl Relative {
    /// Adds what was recorded of the same person under another record; what is known stands.
    fn absorb(&mut self, other: Relative) {
        self.relations.extend(other.relations);
        self.appointment = self.appointment.take().or(other.appointment);
        if self.ability == Ability::Unknown {
            self.ability = other.ability;
        }
        for spell in other.spells {
            if !self.spells.contains(&spell) {
                self.spells.push(spell);
            }
        }
        self.spells.sort_by_key(|spell| (spell.since, spell.kind));
    }
}
