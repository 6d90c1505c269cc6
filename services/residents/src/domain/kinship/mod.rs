//! Kinship: what is recorded between two persons, and the complete circle of kin that follows.
//!
//! Recorded are spouse, parent, guardian and sibling, each once, in one direction (a [`Link`]).
//! Children, siblings by a shared parent and grandparents follow. Whom a person depends on is
//! published complete, for everyone whose circle a link touches.
//!
//! A caller loads a part of all links. [`KinGraph::kin`] of a person is right when the links of the
//! person and of all its parents are loaded; [`KinGraph::holders`] when those of the person, its
//! parents and its children are; [`KinGraph::affected`] when those of the link's two ends are.

mod circle;
mod graph;

use uuid::Uuid;

use super::errors::ResidentsError;
use super::person::Person;

pub use circle::{CircleMember, KinCircle, PersonCard};
pub use graph::KinGraph;

/// What a relative is to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Relation {
    /// Spouse.
    Spouse,
    /// Parent.
    Parent,
    /// Child.
    Child,
    /// Guardian who is not a parent.
    Guardian,
    /// Brother or sister: recorded, or by a shared parent.
    Sibling,
    /// Parent of a parent.
    Grandparent,
}

/// A relation that is recorded, rather than following from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bond {
    /// The relative is the person's spouse; so the other way round.
    Spouse,
    /// The relative is the person's parent.
    Parent,
    /// The relative is the person's guardian.
    Guardian,
    /// The relative is the person's sibling; so the other way round.
    Sibling,
}

/// A recorded relation in its one canonical form: two equal links say the same, whichever end
/// they were recorded from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link {
    /// The person; of spouses and siblings the one with the smaller id.
    pub person_id: Uuid,
    /// The relative.
    pub relative_id: Uuid,
    /// What the relative is to the person.
    pub bond: Bond,
}

impl Link {
    /// The link that says `relative` is `relation` to `person`.
    ///
    /// Errors: a person is no kin of oneself; grandparents follow from parents.
    pub fn new(person: Uuid, relation: Relation, relative: Uuid) -> Result<Self, ResidentsError> {
        if person == relative {
            return Err(ResidentsError::KinshipWithOneself);
        }
        let (person_id, relative_id, bond) = match relation {
            Relation::Spouse => (person.min(relative), person.max(relative), Bond::Spouse),
            Relation::Sibling => (person.min(relative), person.max(relative), Bond::Sibling),
            Relation::Parent => (person, relative, Bond::Parent),
            Relation::Child => (relative, person, Bond::Parent),
            Relation::Guardian => (person, relative, Bond::Guardian),
            Relation::Grandparent => return Err(ResidentsError::KinshipFollows),
        };
        Ok(Self {
            person_id,
            relative_id,
            bond,
        })
    }

    /// Whether these two are its ends.
    fn joins(&self, one: Uuid, other: Uuid) -> bool {
        (self.person_id, self.relative_id) == (one, other)
            || (self.person_id, self.relative_id) == (other, one)
    }

    /// The other end of a bond that has no direction.
    fn mate(&self, person: Uuid, bond: Bond) -> Option<Uuid> {
        if self.bond != bond {
            return None;
        }
        if self.person_id == person {
            return Some(self.relative_id);
        }
        (self.relative_id == person).then_some(self.person_id)
    }
}

/// The link by which `relative` becomes `relation` to `person`, where it may be recorded.
///
/// Errors: one of the two is not an established person; those of [`Link::new`] and
/// [`KinGraph::check`].
pub fn record(
    graph: &KinGraph,
    person: &Person,
    relation: Relation,
    relative: &Person,
) -> Result<Link, ResidentsError> {
    person.expect_established()?;
    relative.expect_established()?;
    let link = Link::new(person.id, relation, relative.id)?;
    let births = if link.person_id == person.id {
        (person.birth_date, relative.birth_date)
    } else {
        (relative.birth_date, person.birth_date)
    };
    graph.check(&link, births)?;
    Ok(link)
}

/// One relative of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kin {
    /// What the relative is to the person.
    pub relation: Relation,
    /// The relative.
    pub person_id: Uuid,
}

#[cfg(test)]
mod tests;
