//! What residents does about a fact: row 23 of the death plan.

use minzheng_chassis::audit::AuditEntry;
use minzheng_chassis::context::Context;
use minzheng_chassis::inbox::{Event, Reaction};
use minzheng_chassis::person::Fact;
use minzheng_chassis::receipt::{Answer, FactRef, Outcome, Undo};
use minzheng_chassis::seam::{Failure, NothingAsked, UnitOfWork};

use crate::domain::life::{self, ActionAnswer, FactOutcome, asked};
use crate::storage::person::{Changed, Persons, StoredPerson};

/// Marks the life status that a fact announces, and answers.
#[derive(Debug)]
pub struct MarkLifeStatus;

impl Reaction<Fact> for MarkLifeStatus {
    type Asked = NothingAsked;

    async fn ask(&self, _cx: &Context, _event: &Event<Fact>) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(
        &self,
        uow: &mut UnitOfWork,
        event: &Event<Fact>,
        _asked: &(),
    ) -> Result<(), Failure> {
        let fact = &event.body;
        let stored = Persons::within(uow).find_anywhere(fact.person_id).await?;
        let Some(stored) = stored else {
            return uow.answer(FactRef::from(fact), &[unknown(fact)], fact.domicile);
        };
        mark(uow, stored, fact).await
    }
}

async fn mark(uow: &mut UnitOfWork, mut stored: StoredPerson, fact: &Fact) -> Result<(), Failure> {
    let before = stored.person.life;
    let FactOutcome::Answered(answers) = stored.person.apply(fact) else {
        return Ok(());
    };
    let domicile = Some(stored.person.places.domicile);
    if stored.person.life != before {
        Persons::within(uow)
            .save(&mut stored, Changed::Life)
            .await?;
        uow.audit(
            AuditEntry::new("MarkLifeStatus", "person", stored.person.id, domicile)
                .with("status", stored.person.life.status.name())
                .with("fact_version", fact.fact_version),
        );
    }
    let answers: Vec<Answer> = answers.iter().map(to_receipt).collect();
    uow.answer(FactRef::from(fact), &answers, domicile)
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
