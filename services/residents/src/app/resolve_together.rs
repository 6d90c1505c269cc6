//! Reports that arrive at once: those of a new reference about one known person share a transaction. A record that
//! has to be made, or was merged, is found by itself.

use std::collections::{BTreeMap, BTreeSet};

use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::crypto::KeyRing;
use minzheng_chassis::seam::{Failure, NothingAsked, SetCommand, UnitOfWork};
use minzheng_proto::residents::v1 as pb;

use super::resolve_or_provision::{ResolveOrProvision, answer_of};
use crate::domain::person::{Person, RecordState};
use crate::domain::provision::{Resolution, resolve};
use crate::storage::numbers::{self, Index};
use crate::storage::person::Persons;
use crate::storage::provision::{self, Note};

/// What is known of the reports of a transaction.
pub struct Known {
    /// References that were resolved, here included.
    references: BTreeSet<Index>,
    by_number: BTreeMap<Index, Vec<Person>>,
    notes: Vec<Note>,
}

impl SetCommand for ResolveOrProvision {
    type Heard = NothingAsked;
    type Set = Known;

    async fn hear(&self, _cx: &Context, _caller: &Caller) -> Result<(), Failure> {
        Ok(())
    }

    async fn load(uow: &mut UnitOfWork, commands: &[(&Self, &())]) -> Result<Known, Failure> {
        let keys = uow.context().keys();
        let reports = || commands.iter().map(|(command, ())| &command.report);
        let references = reports().map(|report| numbers::of_reference(keys, report));
        let numbers: BTreeSet<Index> = reports()
            .filter_map(|report| numbers::of_number(keys, &report.identity.document))
            .collect();
        Ok(Known {
            references: provision::known(uow, &references.collect()).await?,
            by_number: Persons::within(uow).with_numbers_anywhere(&numbers).await?,
            notes: Vec::new(),
        })
    }

    async fn apply_in(
        &self,
        uow: &mut UnitOfWork,
        _heard: &(),
        known: &mut Known,
    ) -> Result<Option<pb::ResolveOrProvisionResponse>, Failure> {
        let keys = uow.context().keys();
        let reference = numbers::of_reference(keys, &self.report);
        let records = known.records_of(keys, self);
        if known.references.contains(&reference) || records.iter().any(is_merged) {
            return Ok(None);
        }
        let Resolution::Stands {
            person_id,
            answer,
            candidates,
        } = resolve(&self.report.identity, None, records)?
        else {
            return Ok(None);
        };
        let Some(person) = records.iter().find(|record| record.id == person_id) else {
            return Ok(None);
        };
        let answer = answer_of(person, answer, candidates);
        known.references.insert(reference);
        known.notes.push(self.note(keys, person_id));
        Ok(Some(answer))
    }

    async fn save(uow: &mut UnitOfWork, mut known: Known) -> Result<(), Failure> {
        known.notes.sort_by_key(|note| note.reference);
        provision::note(uow, &known.notes);
        Ok(())
    }
}

impl Known {
    /// The records that have, or had, the report's number.
    fn records_of(&self, keys: &KeyRing, command: &ResolveOrProvision) -> &[Person] {
        let number = numbers::of_number(keys, &command.report.identity.document);
        let records = number.and_then(|number| self.by_number.get(&number));
        records.map_or(&[], Vec::as_slice)
    }
}

fn is_merged(record: &Person) -> bool {
    matches!(record.state, RecordState::Merged { .. })
}
