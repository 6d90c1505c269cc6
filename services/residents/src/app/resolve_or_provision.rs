//! Finding the person of a report, or making a provisional record of it.

use minzheng_chassis::audit::AuditEntry;
use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::crypto::KeyRing;
use minzheng_chassis::seam::{Command, Failure, NothingAsked, UnitOfWork};
use minzheng_proto::residents::v1 as pb;
use uuid::Uuid;

use super::effects::carry_out;
use super::show::{answer_to_wire, count_to_wire};
use crate::domain::matching::MatchAnswer;
use crate::domain::person::Person;
use crate::domain::provision::{Report, Resolution, resolve};
use crate::storage::numbers::{self, Index};
use crate::storage::person::Persons;
use crate::storage::provision::{self, Note};

/// Resolves the person of a report.
#[derive(Debug)]
pub struct ResolveOrProvision {
    /// The report.
    pub report: Report,
}

impl Command for ResolveOrProvision {
    const NAME: &'static str = "ResidentsService/ResolveOrProvision";
    type Asked = NothingAsked;
    type Answer = pb::ResolveOrProvisionResponse;

    async fn ask(&self, _cx: &Context, _caller: &Caller) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<Self::Answer, Failure> {
        let identity = &self.report.identity;
        let reference = numbers::of_reference(uow.context().keys(), &self.report);
        let mut found = self.look(uow, reference).await?;
        if found.is_nobody() {
            // Two reports of one stranger make one record: the second one waits, and looks again.
            numbers::lock(uow, &identity.document).await?;
            found = self.look(uow, reference).await?;
        }
        match found.resolution {
            Resolution::Stands {
                person_id,
                answer,
                candidates,
            } => {
                let is_new_reference = found.is_new_reference;
                let person = found.person(uow, person_id).await?;
                if is_new_reference {
                    let note = self.note(uow.context().keys(), person_id);
                    provision::note(uow, &[note]);
                }
                Ok(answer_of(&person, answer, candidates))
            }
            Resolution::Provision { candidates } => {
                let person = self.provision(uow).await?;
                Ok(answer_of(&person, MatchAnswer::PendingReview, candidates))
            }
        }
    }
}

/// Whose report it is, and what that was found from.
struct Found {
    records: Vec<Person>,
    is_new_reference: bool,
    resolution: Resolution,
}

impl Found {
    fn is_nobody(&self) -> bool {
        match self.resolution {
            Resolution::Provision { .. } => true,
            Resolution::Stands { .. } => false,
        }
    }

    /// The record that stands; most often among those of the number.
    async fn person(self, uow: &UnitOfWork, id: Uuid) -> Result<Person, Failure> {
        let found = self.records.into_iter().find(|record| record.id == id);
        if let Some(person) = found {
            return Ok(person);
        }
        let stored = Persons::within(uow).find_anywhere(id).await?;
        let stored = stored.ok_or_else(|| Failure::internal("the record found is gone"))?;
        Ok(stored.person)
    }
}

impl ResolveOrProvision {
    async fn look(&self, uow: &UnitOfWork, reference: Index) -> Result<Found, Failure> {
        let identity = &self.report.identity;
        let prior = provision::prior(uow, reference, identity).await?;
        let records = Persons::within(uow)
            .with_number_anywhere(&identity.document)
            .await?;
        let resolution = resolve(identity, prior.as_ref(), &records)?;
        Ok(Found {
            records,
            is_new_reference: prior.is_none(),
            resolution,
        })
    }

    /// What its reference is resolved to.
    pub(super) fn note(&self, keys: &KeyRing, person_id: Uuid) -> Note {
        Note {
            reference: numbers::of_reference(keys, &self.report),
            identity: numbers::of_identity(keys, &self.report.identity),
            person_id,
            due_rule: None,
        }
    }

    async fn provision(&self, uow: &mut UnitOfWork) -> Result<Person, Failure> {
        let identity = self.report.identity.clone();
        let (person, effects) = Person::provision(uow.new_id(), identity, self.report.reporter);
        Persons::within(uow).add(&person, uow.now()).await?;
        let due_rule = carry_out(uow, &effects).await?;
        let note = Note {
            due_rule,
            ..self.note(uow.context().keys(), person.id)
        };
        provision::note(uow, &[note]);
        let division = Some(person.places.domicile);
        let rule = due_rule.as_ref().map(Uuid::to_string).unwrap_or_default();
        uow.audit(
            AuditEntry::new("ResolveOrProvision", "person", person.id, division)
                .with("due_rule", rule),
        );
        Ok(person)
    }
}

pub(super) fn answer_of(
    person: &Person,
    answer: MatchAnswer,
    candidates: usize,
) -> pb::ResolveOrProvisionResponse {
    pb::ResolveOrProvisionResponse {
        person_id: person.id.to_string(),
        answer: answer_to_wire(answer).into(),
        candidates: count_to_wire(candidates),
        domicile_division: person.places.domicile.to_string(),
        residence_division: person.places.residence.to_string(),
    }
}
