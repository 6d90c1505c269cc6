//! Publishing whose kin changed: complete circles, for everyone whom a change touches.

use std::collections::BTreeSet;

use minzheng_chassis::seam::{Failure, UnitOfWork};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::domain::effect::Event;
use crate::domain::kinship::{KinCircle, KinGraph, Link};
use crate::storage::{events, kinship};

/// Grandchildren are two links away, and their circles need the links of their other parent.
pub const ROUNDS: usize = 4;

/// Readings of the links before a change gives way to those who keep changing them.
const MAX_READINGS: usize = 5;

/// What changed.
#[derive(Clone, Copy, Debug)]
pub enum Touched {
    /// A link was recorded or ended.
    Link(Link),
    /// What is published of a person in the circles of others.
    Person(Uuid),
    /// What is published of a person in their own circle only.
    Residence(Uuid),
}

impl Touched {
    fn around(&self) -> Vec<Uuid> {
        match self {
            Self::Link(link) => vec![link.person_id, link.relative_id],
            Self::Person(person) | Self::Residence(person) => vec![*person],
        }
    }

    fn circles(&self, graph: &KinGraph) -> BTreeSet<Uuid> {
        match self {
            Self::Link(link) => graph.affected(link),
            Self::Person(person) => {
                let holders = graph.holders(*person).into_iter();
                holders.map(|kin| kin.person_id).chain([*person]).collect()
            }
            Self::Residence(person) => BTreeSet::from([*person]),
        }
    }

    /// Whether an empty circle says something: that the last kin went.
    fn tells_of_none(&self) -> bool {
        match self {
            Self::Link(_) => true,
            Self::Person(_) | Self::Residence(_) => false,
        }
    }
}

/// Publishes the circles that a change touches, as they stand in this unit of work.
///
/// # Errors
/// The database's; others keep changing the same family.
pub async fn republish(uow: &mut UnitOfWork, touched: Touched) -> Result<(), Failure> {
    let mut locked = BTreeSet::new();
    for _ in 0..MAX_READINGS {
        let links = kinship::around(uow.connection(), &touched.around(), ROUNDS).await?;
        let graph = kinship::graph(&links);
        let needed = touched.circles(&graph);
        if needed.is_subset(&locked) {
            return publish(uow, &graph, &needed, touched.tells_of_none()).await;
        }
        // Whoever held one of these may have changed the links: read them again.
        let missing = needed.difference(&locked).copied().collect();
        kinship::lock_circles(uow, &missing).await?;
        locked.extend(needed);
    }
    Err(Failure::Conflict("circles of kin".to_owned()))
}

async fn publish(
    uow: &mut UnitOfWork,
    graph: &KinGraph,
    persons: &BTreeSet<Uuid>,
    empty_too: bool,
) -> Result<(), Failure> {
    for circle in circles(uow.connection(), graph, persons).await? {
        if empty_too || !circle.kin.is_empty() {
            events::publish(uow, &Event::KinshipChanged(circle))?;
        }
    }
    Ok(())
}

/// The circles of some persons.
///
/// # Errors
/// The graph or the database lacks one of them.
pub async fn circles(
    db: &impl ConnectionTrait,
    graph: &KinGraph,
    persons: &BTreeSet<Uuid>,
) -> Result<Vec<KinCircle>, Failure> {
    let mut members = persons.clone();
    for person in persons {
        members.extend(graph.kin(*person).into_iter().map(|kin| kin.person_id));
    }
    let cards = kinship::cards(db, members).await?;
    persons
        .iter()
        .map(|person| Ok(graph.circle(*person, |id| cards.get(&id).copied())?))
        .collect()
}
