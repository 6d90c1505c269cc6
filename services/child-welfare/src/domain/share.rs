//! What one child contributes to the answer on the death of somebody around it.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{Child, Life, Relative};

/// One child's part of the answer to "assess the dependants" of one person. The answer takes the
/// greatest part of all children.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Share {
    /// The child asks for nothing.
    #[default]
    Nothing,
    /// The child was assessed.
    Done,
    /// An item of the child is open.
    NeedsHuman {
        /// That item: the visit before the month.
        work_item_id: Uuid,
    },
}

impl Child {
    /// What the child contributes to the answers on the deaths of those around it.
    pub fn shares(&self) -> BTreeMap<Uuid, Share> {
        self.relatives
            .iter()
            .map(|(person_id, relative)| (*person_id, self.share_of(relative)))
            .collect()
    }

    /// Whether the person's own file is one that a death closes: followed, and under age then.
    pub fn is_tracked(&self) -> bool {
        match self.own.life {
            Life::Dead { died_on } => self.was_minor_at(died_on),
            Life::Alive | Life::Suspected => self.standing.situation.is_active(),
        }
    }

    pub(super) fn shares_changed(&self, before: &BTreeMap<Uuid, Share>) -> BTreeMap<Uuid, Share> {
        let mut after = self.shares();
        for person_id in before.keys() {
            after.entry(*person_id).or_default();
        }
        after.retain(|person_id, share| {
            // Of somebody who is no longer around it is not known here whether a fact was told.
            let told = self
                .relatives
                .get(person_id)
                .is_none_or(|relative| relative.heard.fact_version > 0);
            told && before.get(person_id).copied().unwrap_or_default() != *share
        });
        after
    }

    fn share_of(&self, relative: &Relative) -> Share {
        if relative.relations.is_empty() && relative.appointment.is_none() {
            return Share::Nothing;
        }
        let dead = relative.heard.life.died_on();
        if dead.is_some()
            && let Some(item) = self.visit.or(self.month_item)
        {
            return Share::NeedsHuman {
                work_item_id: item.id,
            };
        }
        let minor = dead.map_or(self.standing.situation.is_active(), |died_on| {
            self.was_minor_at(died_on)
        });
        if minor && (self.depended_on(relative) || self.was_visited_for(relative)) {
            return Share::Done;
        }
        Share::Nothing
    }

    /// Whether the person is (or was at death) the child's parent or guardian.
    fn depended_on(&self, relative: &Relative) -> bool {
        let appointed = relative.appointment.as_ref().is_some_and(|appointment| {
            // An appointment that ended before the death left nothing to assess.
            let death = relative
                .heard
                .life
                .died_on()
                .and_then(|died_on| died_on.earliest());
            match (appointment.until, death) {
                (None, _) => true,
                (Some(until), Some(death)) => death < until,
                (Some(_), None) => false,
            }
        });
        relative.is_parent() || relative.relations.contains(&super::Relation::Guardian) || appointed
    }

    /// Whether a person has visited the child in the alarm that stands, for this death too.
    fn was_visited_for(&self, relative: &Relative) -> bool {
        relative.heard.life.is_dead()
            && self.standing.situation.is_unsupported()
            && self.visited.is_some()
    }
}
