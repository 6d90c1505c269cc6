//! Rows of `question` ↔ questions.

use minzheng_chassis::civil::micros;
use minzheng_chassis::seam::Failure;
use minzheng_proto::death_plan;
use uuid::Uuid;

use super::column::{instant, instant_opt, named};
use super::entity::question::Model;
use crate::domain::death::plan::action;
use crate::domain::death::{Answer, Outcome, Question, QuestionState, Undo};

/// The row of a question of a case.
pub(super) fn row_of(case_id: Uuid, question: &Question) -> Model {
    let answer = question.answer.as_ref();
    Model {
        case_id,
        fact_version: question.fact_version,
        department: question.action.department.to_owned(),
        action: question.action.code.to_owned(),
        state: question.state.name().to_owned(),
        asked_at: micros(question.asked_at),
        due_at: micros(question.due_at),
        due_provisional: question.due_provisional,
        escalated: question.escalated,
        outcome: answer.map(|answer| answer.outcome.name().to_owned()),
        legal_basis: answer.map(|answer| answer.legal_basis.clone()),
        undo: answer.map(|answer| answer.undo.name().to_owned()),
        work_item_id: answer.and_then(|answer| answer.work_item_id),
        reason: answer.and_then(|answer| answer.reason.clone()),
        receipt_event_id: answer.map(|answer| answer.receipt_event_id),
        answered_at: answer.map(|answer| micros(answer.answered_at)),
    }
}

/// Its place among the case's questions: the oldest fact first, and of one fact in the order in which
/// actions are declared.
pub(super) fn place(question: &Question) -> (i64, usize) {
    let declared = death_plan::ALL
        .iter()
        .position(|action| *action == question.action);
    (question.fact_version, declared.unwrap_or(usize::MAX))
}

/// The question of a row.
///
/// # Errors
/// A column holds what this program does not know.
pub(super) fn read(row: &Model) -> Result<Question, Failure> {
    let asked = action(&row.department, &row.action)
        .ok_or_else(|| Failure::internal(format!("no action {}/{}", row.department, row.action)))?;
    Ok(Question {
        fact_version: row.fact_version,
        action: asked,
        state: named("state", &row.state, QuestionState::from_name)?,
        asked_at: instant(row.asked_at)?,
        due_at: instant(row.due_at)?,
        due_provisional: row.due_provisional,
        escalated: row.escalated,
        answer: answer(row)?,
    })
}

fn answer(row: &Model) -> Result<Option<Answer>, Failure> {
    let answered_at = instant_opt(row.answered_at)?;
    let given = row.outcome.as_deref().zip(row.undo.as_deref());
    let Some(((outcome, undo), (receipt_event_id, answered_at))) =
        given.zip(row.receipt_event_id.zip(answered_at))
    else {
        return Ok(None);
    };
    Ok(Some(Answer {
        receipt_event_id,
        outcome: named("outcome", outcome, Outcome::from_name)?,
        legal_basis: row.legal_basis.clone().unwrap_or_default(),
        undo: named("undo", undo, Undo::from_name)?,
        work_item_id: row.work_item_id,
        reason: row.reason.clone(),
        answered_at,
    }))
}
