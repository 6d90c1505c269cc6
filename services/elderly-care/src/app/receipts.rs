//! The domain's answers as receipts.

use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::receipt::{Answer, FactRef, Outcome, Undo};
use minzheng_chassis::seam::{Failure, UnitOfWork};
use minzheng_chassis::work::{self, Question};
use minzheng_proto::death_plan::{
    Action, END_STAY, HOLD_BED, RECOUNT_DAYS, RELEASE_BED, RESTORE_STAY,
};
use uuid::Uuid;

use super::desk::Items;
use crate::domain::{self, AnswerOutcome, CareAction};

/// Answers a fact. The questions that a person must answer are noted with the work item, so that
/// closing it answers them; they stand in place of those of older facts.
///
/// # Errors
/// A person must act and no work item is open: our own fault.
pub(super) async fn answer(
    uow: &mut UnitOfWork,
    fact: FactRef,
    answers: &[domain::Answer],
    items: &Items,
    division: Option<DivisionCode>,
) -> Result<(), Failure> {
    let mut given = Vec::with_capacity(answers.len());
    let mut waiting: Vec<(Uuid, Question)> = Vec::new();
    for answer in answers {
        let answer = Answer {
            action: action(answer.action),
            outcome: outcome(answer, items)?,
            legal_basis: answer.action.legal_basis(),
            undo: match answer.undo {
                domain::Undo::Machine => Undo::Machine,
            },
        };
        if let Outcome::NeedsHuman { work_item_id, .. } = answer.outcome {
            waiting.push((work_item_id, Question::of(fact, &answer)));
        }
        given.push(answer);
    }
    waiting.sort();
    for of_item in waiting.chunk_by(|one, other| one.0 == other.0) {
        let questions: Vec<Question> = of_item.iter().map(|(_, it)| it.clone()).collect();
        work::set_questions(uow, of_item[0].0, &questions).await?;
    }
    uow.answer(fact, &given, division)
}

fn outcome(answer: &domain::Answer, items: &Items) -> Result<Outcome, Failure> {
    match answer.outcome {
        AnswerOutcome::Done => Ok(match answer.reason {
            Some(reason) => Outcome::DoneBut { reason },
            None => Outcome::Done,
        }),
        AnswerOutcome::NothingToDo => Ok(Outcome::NothingToDo),
        AnswerOutcome::NeedsHuman { kind, subject_id } => {
            let item = items.get(&(kind, subject_id)).copied();
            let item =
                item.ok_or_else(|| Failure::internal("a person must act without an item"))?;
            Ok(Outcome::NeedsHuman {
                work_item_id: item,
                reason: answer.reason.unwrap_or(kind.name()),
            })
        }
    }
}

/// The plan's code of an action.
fn action(action: CareAction) -> Action {
    match action {
        CareAction::HoldBed => HOLD_BED,
        CareAction::EndStay => END_STAY,
        CareAction::ReleaseBed => RELEASE_BED,
        CareAction::RecountDays => RECOUNT_DAYS,
        CareAction::RestoreStay => RESTORE_STAY,
    }
}
