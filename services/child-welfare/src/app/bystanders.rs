//! The many of whose deaths no child here knows: loaded, and saved, all at once.

use std::collections::{BTreeMap, BTreeSet};

use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::seam::{Failure, UnitOfWork};
use uuid::Uuid;

use crate::domain::{AskedFact, DeathAnswer};
use crate::storage::{answers, children, events};

/// Which persons of some facts are no child here and stand around none, and what is answered on
/// their deaths.
///
/// Whoever follows a child anew locks the guard rows of those around it, or was told of them when it
/// asked and heals with the stream of kinship; so it makes no difference whether this is read before
/// each fact or before all of them.
#[derive(Debug)]
pub struct Bystanders {
    /// Persons with whom a child here has to do.
    named: BTreeSet<Uuid>,
    /// The answers as they stand, those not yet saved included.
    answers: BTreeMap<Uuid, DeathAnswer>,
    unsaved: BTreeSet<Uuid>,
}

impl Bystanders {
    /// Those among these persons.
    ///
    /// # Errors
    /// The database's.
    pub(super) async fn among(uow: &UnitOfWork, persons: &BTreeSet<Uuid>) -> Result<Self, Failure> {
        let db = uow.connection();
        Ok(Self {
            named: children::named_of(db, persons).await?,
            answers: answers::of_persons(db, persons).await?,
            unsaved: BTreeSet::new(),
        })
    }

    /// Whether a fact about the person changes its own answer and nothing else: no child, and no work
    /// item that the answer named until now.
    pub(super) fn include(&self, person_id: Uuid) -> bool {
        let row = self.answers.get(&person_id);
        let named_item = row.and_then(DeathAnswer::named_item);
        !self.named.contains(&person_id) && named_item.is_none()
    }

    /// From now on a child has to do with these.
    pub(super) fn exclude(&mut self, persons: impl IntoIterator<Item = Uuid>) {
        self.named.extend(persons);
    }

    /// Takes a fact about one of them and answers it; the answer is not saved yet.
    ///
    /// # Errors
    /// As [`UnitOfWork::publish`].
    pub(super) fn hear(
        &mut self,
        uow: &mut UnitOfWork,
        fact: AskedFact,
        division: Option<DivisionCode>,
    ) -> Result<(), Failure> {
        let person_id = fact.person_id;
        let row = self.answers.remove(&person_id);
        let (row, receipt) = DeathAnswer::hear(row, fact, false, BTreeMap::new());
        self.answers.insert(person_id, row);
        self.unsaved.insert(person_id);
        match receipt {
            Some(receipt) => events::answered(uow, &receipt, division),
            None => Ok(()),
        }
    }

    /// Has what is not saved yet written when the unit of work settles.
    ///
    /// # Errors
    /// What cannot be kept.
    pub(super) fn save(&mut self, uow: &mut UnitOfWork) -> Result<(), Failure> {
        let unsaved = std::mem::take(&mut self.unsaved);
        let rows: Vec<&DeathAnswer> = unsaved
            .iter()
            .filter_map(|person_id| self.answers.get(person_id))
            .collect();
        answers::save(uow, &rows)?;
        for person_id in unsaved {
            if let Some(row) = self.answers.get_mut(&person_id) {
                row.version += 1;
            }
        }
        Ok(())
    }
}
