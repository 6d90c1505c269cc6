//! What residents does about a fact: row 23 of the death plan.

use std::collections::{BTreeMap, BTreeSet};

use minzheng_chassis::audit::AuditEntry;
use minzheng_chassis::context::Context;
use minzheng_chassis::inbox::{Event, SetReaction};
use minzheng_chassis::person::Fact;
use minzheng_chassis::receipt::{Answer, FactRef, Outcome, Undo};
use minzheng_chassis::seam::{Failure, NothingAsked, UnitOfWork};
use uuid::Uuid;

use crate::domain::life::{self, ActionAnswer, FactOutcome, asked};
use crate::storage::person::{Persons, StoredPerson, lives};

/// Marks the life status that a fact announces, and answers.
#[derive(Debug)]
pub struct MarkLifeStatus;

/// The records that the facts of one transaction are about.
#[derive(Debug)]
pub struct Records {
    stored: BTreeMap<Uuid, StoredPerson>,
    /// Those whose life status a fact has changed.
    changed: BTreeSet<Uuid>,
}

impl SetReaction<Fact> for MarkLifeStatus {
    type Asked = NothingAsked;
    type Set = Records;

    async fn ask(&self, _cx: &Context, _event: &Event<Fact>) -> Result<(), Failure> {
        Ok(())
    }

    async fn load(
        &self,
        uow: &mut UnitOfWork,
        events: &[&Event<Fact>],
    ) -> Result<Records, Failure> {
        let ids: BTreeSet<Uuid> = events.iter().map(|event| event.body.person_id).collect();
        let ids: Vec<Uuid> = ids.into_iter().collect();
        let found = Persons::within(uow).all_anywhere(&ids).await?;
        Ok(Records {
            stored: found.into_iter().map(|it| (it.person.id, it)).collect(),
            changed: BTreeSet::new(),
        })
    }

    async fn apply(
        &self,
        uow: &mut UnitOfWork,
        event: &Event<Fact>,
        _asked: &(),
        records: &mut Records,
    ) -> Result<(), Failure> {
        let fact = &event.body;
        let Some(stored) = records.stored.get_mut(&fact.person_id) else {
            return uow.answer(FactRef::from(fact), &[unknown(fact)], fact.domicile);
        };
        if mark(uow, stored, fact)? {
            records.changed.insert(fact.person_id);
        }
        Ok(())
    }

    async fn save(&self, uow: &mut UnitOfWork, records: Records) -> Result<(), Failure> {
        let changed: Vec<&StoredPerson> = records
            .changed
            .iter()
            .filter_map(|id| records.stored.get(id))
            .collect();
        if !changed.is_empty() {
            uow.write(lives(uow.backend(), &changed));
        }
        Ok(())
    }
}

/// Applies a fact and answers it; whether the record is to be saved.
fn mark(uow: &mut UnitOfWork, stored: &mut StoredPerson, fact: &Fact) -> Result<bool, Failure> {
    let before = stored.person.life;
    let FactOutcome::Answered(answers) = stored.person.apply(fact) else {
        return Ok(false);
    };
    let domicile = Some(stored.person.places.domicile);
    let changed = stored.person.life != before;
    if changed {
        uow.audit(
            AuditEntry::new("MarkLifeStatus", "person", stored.person.id, domicile)
                .with("status", stored.person.life.status.name())
                .with("fact_version", fact.fact_version),
        );
    }
    let answers: Vec<Answer> = answers.iter().map(to_receipt).collect();
    uow.answer(FactRef::from(fact), &answers, domicile)?;
    Ok(changed)
}

fn to_receipt(answer: &ActionAnswer) -> Answer {
    let outcome = match answer.answer {
        life::Answer::Done => Outcome::Done,
        life::Answer::Rejected { reason } => Outcome::Rejected { reason },
    };
    Answer {
        action: answer.action,
        outcome,
        legal_basis: answer.legal_basis,
        undo: Undo::Machine,
    }
}

/// Nobody by that id was ever recorded here.
fn unknown(fact: &Fact) -> Answer {
    let (action, legal_basis) = asked(fact.kind);
    let reason = "PERSON_UNKNOWN";
    Answer {
        action,
        outcome: Outcome::Rejected { reason },
        legal_basis,
        undo: Undo::Machine,
    }
}
