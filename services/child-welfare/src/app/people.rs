//! What the guard rows know of persons, in the domain's words; a merged record is its survivor.

use std::collections::BTreeMap;

use minzheng_chassis::person::{self, FactKind, KnownPerson, LifeStatus};
use minzheng_chassis::seam::{Failure, UnitOfWork};
use uuid::Uuid;

use crate::domain::{self, AskedFact, Life, PersonFact};

/// Persons by the id under which they were named.
#[derive(Debug, Default)]
pub(super) struct People(BTreeMap<Uuid, PersonFact>);

impl People {
    /// Locks the guard rows of the persons that a request or event names. Before any other lock.
    pub(super) async fn named(uow: &mut UnitOfWork, ids: &[Uuid]) -> Result<Self, Failure> {
        let known = uow.know_all(ids).await?;
        let facts = ids.iter().copied().zip(known.iter().map(person_fact));
        Ok(Self(facts.collect()))
    }

    /// Reads the guard rows of persons whom a neighbour named meanwhile, without a lock: locks were
    /// taken already. Who misses a fact so is told it by the stream of kinship, or meets it in the
    /// child's version.
    pub(super) async fn found(uow: &UnitOfWork, ids: &[Uuid]) -> Result<Self, Failure> {
        let known = person::look_up(uow.connection(), ids).await?;
        let survivors: Vec<Uuid> = known.iter().filter_map(|it| it.merged_into).collect();
        let survivors = person::look_up(uow.connection(), &survivors).await?;
        let survivor = |known: &KnownPerson| {
            let into = known.merged_into?;
            survivors.iter().find(|it| it.person_id == into)
        };
        let facts = known.iter().map(|known| {
            let stands = survivor(known).unwrap_or(known);
            (known.person_id, person_fact(stands))
        });
        Ok(Self(facts.collect()))
    }

    /// What is known of somebody; of a stranger, nothing.
    pub(super) fn fact(&self, id: Uuid) -> PersonFact {
        let known = self.0.get(&id).copied();
        known.unwrap_or_else(|| person_fact(&KnownPerson::stranger(id)))
    }
}

fn person_fact(known: &KnownPerson) -> PersonFact {
    PersonFact {
        person_id: known.person_id,
        life: match known.status {
            LifeStatus::Alive => Life::Alive,
            LifeStatus::Suspected => Life::Suspected,
            LifeStatus::Dead => Life::Dead {
                died_on: known.died_on,
            },
        },
        fact_version: known.fact_version,
        case_id: known.case_id,
    }
}

/// A fact as it arrives, in the domain's words.
pub(super) fn asked_fact(fact: &person::Fact) -> AskedFact {
    AskedFact {
        person_id: fact.person_id,
        case_id: fact.case_id,
        fact_version: fact.fact_version,
        kind: match fact.kind {
            FactKind::Suspected => domain::FactKind::Suspected,
            FactKind::Lifted => domain::FactKind::Lifted,
            FactKind::Confirmed => domain::FactKind::Confirmed,
            FactKind::Corrected => domain::FactKind::Corrected,
            FactKind::Reversed => domain::FactKind::Reversed,
        },
        died_on: fact.died_on,
    }
}
