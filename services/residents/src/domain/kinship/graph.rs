//! What follows from the links that stand.

use std::collections::BTreeSet;

use minzheng_chassis::civil::PartialDate;
use uuid::Uuid;

use super::{Bond, Kin, Link, Relation};
use crate::domain::errors::ResidentsError;

/// The links that stand, as far as they were loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KinGraph {
    links: BTreeSet<Link>,
}

impl FromIterator<Link> for KinGraph {
    fn from_iter<I: IntoIterator<Item = Link>>(links: I) -> Self {
        Self {
            links: links.into_iter().collect(),
        }
    }
}

impl Extend<Link> for KinGraph {
    fn extend<I: IntoIterator<Item = Link>>(&mut self, links: I) {
        self.links.extend(links);
    }
}

impl KinGraph {
    /// Parents of a person.
    pub fn parents(&self, person: Uuid) -> BTreeSet<Uuid> {
        self.links
            .iter()
            .filter(|link| link.bond == Bond::Parent && link.person_id == person)
            .map(|link| link.relative_id)
            .collect()
    }

    /// Children of a person.
    pub fn children(&self, person: Uuid) -> BTreeSet<Uuid> {
        self.links
            .iter()
            .filter(|link| link.bond == Bond::Parent && link.relative_id == person)
            .map(|link| link.person_id)
            .collect()
    }

    /// All kin of a person that stand now, each with every relation it has, except that a parent
    /// is not named as guardian too (民法典 Art. 27: parents are the guardians).
    pub fn kin(&self, person: Uuid) -> BTreeSet<Kin> {
        let parents = self.parents(person);
        let mut guardians = self.guardians(person);
        guardians.retain(|guardian| !parents.contains(guardian));
        let sets = [
            (Relation::Spouse, self.mates(person, Bond::Spouse)),
            (Relation::Child, self.children(person)),
            (Relation::Guardian, guardians),
            (Relation::Sibling, self.siblings(person, &parents)),
            (Relation::Grandparent, self.grandparents(person, &parents)),
            (Relation::Parent, parents),
        ];
        sets.into_iter()
            .flat_map(|(relation, ids)| {
                ids.into_iter().map(move |person_id| Kin {
                    relation,
                    person_id,
                })
            })
            .collect()
    }

    /// Everybody who has this person among their kin, and as what.
    pub fn holders(&self, person: Uuid) -> BTreeSet<Kin> {
        let children = self.children(person);
        let grandchildren = children.iter().flat_map(|child| self.children(*child));
        let mut reached: BTreeSet<Uuid> = grandchildren.collect();
        reached.extend(self.kin(person).into_iter().map(|kin| kin.person_id));
        reached.extend(self.wards(person));
        reached
            .into_iter()
            .flat_map(|holder| self.as_seen_by(holder, person))
            .collect()
    }

    /// Everybody who has this person as parent, guardian, grandparent or sibling: whom a death of
    /// this person may leave without care.
    pub fn dependants(&self, person: Uuid) -> BTreeSet<Uuid> {
        self.holders(person)
            .into_iter()
            .filter(|holder| match holder.relation {
                Relation::Parent
                | Relation::Guardian
                | Relation::Grandparent
                | Relation::Sibling => true,
                Relation::Spouse | Relation::Child => false,
            })
            .map(|holder| holder.person_id)
            .collect()
    }

    /// Everybody whose kin may differ once this link is recorded or ended. The graph may hold the
    /// link or not.
    pub fn affected(&self, link: &Link) -> BTreeSet<Uuid> {
        let mut affected = BTreeSet::from([link.person_id]);
        match link.bond {
            // A guardian's own kin do not name the ward.
            Bond::Guardian => {}
            Bond::Spouse | Bond::Sibling => {
                affected.insert(link.relative_id);
            }
            Bond::Parent => {
                affected.insert(link.relative_id);
                // Siblings, by the parent that they share …
                affected.extend(self.children(link.relative_id));
                // … and those who have a grandparent by it.
                affected.extend(self.children(link.person_id));
            }
        }
        affected
    }

    /// Whether the link may be recorded.
    ///
    /// `births` are the dates of birth of the link's person and relative. Errors: it stands
    /// already; a parent is not older; it contradicts what stands.
    pub fn check(
        &self,
        link: &Link,
        births: (PartialDate, PartialDate),
    ) -> Result<(), ResidentsError> {
        if self.links.contains(link) {
            return Err(ResidentsError::KinshipExists);
        }
        match link.bond {
            Bond::Parent => self.check_parent(link, births),
            Bond::Spouse | Bond::Sibling | Bond::Guardian => self.check_not_parent(link),
        }
    }

    fn check_parent(
        &self,
        link: &Link,
        (child, parent): (PartialDate, PartialDate),
    ) -> Result<(), ResidentsError> {
        if !may_be_older(parent, child) {
            return Err(ResidentsError::ParentNotOlder);
        }
        let other_bond = self.links.iter().any(|known| {
            known.joins(link.person_id, link.relative_id) && known.bond != Bond::Guardian
        });
        if other_bond || self.descends(link.relative_id, link.person_id) {
            return Err(ResidentsError::KinshipContradicts);
        }
        Ok(())
    }

    /// Nobody is spouse or sibling of a parent or a child, and parents need not be made guardians.
    fn check_not_parent(&self, link: &Link) -> Result<(), ResidentsError> {
        let parent_and_child = self.links.iter().any(|known| {
            known.bond == Bond::Parent && known.joins(link.person_id, link.relative_id)
        });
        let ward_is_the_parent = self.parents(link.relative_id).contains(&link.person_id);
        if parent_and_child && !(link.bond == Bond::Guardian && ward_is_the_parent) {
            return Err(ResidentsError::KinshipContradicts);
        }
        Ok(())
    }

    /// Whether `ancestor` is among the ancestors of `person` that are loaded.
    fn descends(&self, person: Uuid, ancestor: Uuid) -> bool {
        let mut seen = BTreeSet::new();
        let mut next = vec![person];
        while let Some(current) = next.pop() {
            if current == ancestor {
                return true;
            }
            if seen.insert(current) {
                next.extend(self.parents(current));
            }
        }
        false
    }

    fn as_seen_by(&self, holder: Uuid, person: Uuid) -> impl Iterator<Item = Kin> {
        self.kin(holder)
            .into_iter()
            .filter(move |kin| kin.person_id == person)
            .map(move |kin| Kin {
                relation: kin.relation,
                person_id: holder,
            })
    }

    fn guardians(&self, person: Uuid) -> BTreeSet<Uuid> {
        self.links
            .iter()
            .filter(|link| link.bond == Bond::Guardian && link.person_id == person)
            .map(|link| link.relative_id)
            .collect()
    }

    fn wards(&self, person: Uuid) -> BTreeSet<Uuid> {
        self.links
            .iter()
            .filter(|link| link.bond == Bond::Guardian && link.relative_id == person)
            .map(|link| link.person_id)
            .collect()
    }

    fn mates(&self, person: Uuid, bond: Bond) -> BTreeSet<Uuid> {
        self.links
            .iter()
            .filter_map(|link| link.mate(person, bond))
            .collect()
    }

    fn siblings(&self, person: Uuid, parents: &BTreeSet<Uuid>) -> BTreeSet<Uuid> {
        let mut siblings = self.mates(person, Bond::Sibling);
        siblings.extend(parents.iter().flat_map(|parent| self.children(*parent)));
        siblings.remove(&person);
        siblings
    }

    fn grandparents(&self, person: Uuid, parents: &BTreeSet<Uuid>) -> BTreeSet<Uuid> {
        let mut grandparents: BTreeSet<Uuid> = parents
            .iter()
            .flat_map(|parent| self.parents(*parent))
            .collect();
        grandparents.remove(&person);
        grandparents
    }
}

/// Whether one can be born before another; what is unknown of the dates is in favour.
fn may_be_older(older: PartialDate, younger: PartialDate) -> bool {
    match (older.earliest(), younger.latest()) {
        (Some(earliest), Some(latest)) => earliest < latest,
        (None, _) | (_, None) => true,
    }
}
