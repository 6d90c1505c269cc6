//! What departments answer, and what they leave unanswered.

use std::cmp::Ordering;

use super::Rejection;
use super::case::Case;
use super::effect::{ItemKind, Note};
use super::input::Receipt;
use super::question::Answer;
use super::turn::Turn;

/// Matches a receipt to the questions it answers. What matches none is noted, never applied.
pub(super) fn receive(turn: &mut Turn<'_>, receipt: &Receipt) {
    for (code, answer) in &receipt.answers {
        if let Err(note) = take(&mut turn.case, receipt, code, answer) {
            turn.note(note);
        }
    }
}

/// Somebody is told of every answer that is overdue.
pub(super) fn escalate(turn: &mut Turn<'_>) {
    let now = turn.at.now;
    let late = turn
        .case
        .questions
        .iter_mut()
        .filter(|question| question.lapsed(now));
    let told = late.map(|question| question.escalated = true).count();
    if told == 0 {
        turn.note(Note::NothingWaits);
    }
}

/// Decisions that nobody made in time become urgent.
pub(super) fn escalate_decisions(turn: &mut Turn<'_>) {
    match turn.case.decision_due_at() {
        None => turn.note(Note::NothingWaits),
        Some(due_at) if due_at > turn.at.now => turn.note(Note::NotYetDue),
        Some(_) => turn.case.told_until = Some(turn.at.now),
    }
}

/// A person looked after late departments: they get their time once more, then it is escalated
/// again. Other items end by the command that decides them.
pub(super) fn close_item(turn: &mut Turn<'_>, kind: ItemKind) -> Result<(), Rejection> {
    match kind {
        ItemKind::OverdueAnswer => {
            remind(turn);
            Ok(())
        }
        ItemKind::DecideReview
        | ItemKind::VerifyDeath
        | ItemKind::DecideConflict
        | ItemKind::ApproveReversal => Err(Rejection::ItemNeedsDecision),
    }
}

fn remind(turn: &mut Turn<'_>) {
    let plan = turn.case.plan;
    if !turn
        .case
        .questions
        .iter()
        .any(|question| question.escalated)
    {
        turn.note(Note::NothingWaits);
    }
    for question in turn
        .case
        .questions
        .iter_mut()
        .filter(|question| question.escalated)
    {
        let days = plan
            .step(question.action.department)
            .map_or(1, |step| step.answer_within.0);
        question.escalated = false;
        let due = turn.at.after_working_days(days);
        question.due_at = due.over_at();
        question.due_provisional = due.provisional;
    }
}

fn take(case: &mut Case, receipt: &Receipt, code: &str, answer: &Answer) -> Result<(), Note> {
    match receipt.fact_version.cmp(&case.fact_version) {
        Ordering::Less => return Err(Note::OlderFact),
        Ordering::Greater => return Err(Note::UnknownFact),
        Ordering::Equal => {}
    }
    let asked = case.questions.iter_mut().find(|question| {
        question.fact_version == receipt.fact_version
            && question.action.department == receipt.department
            && question.action.code == code
    });
    asked.ok_or(Note::UnknownQuestion)?.take(answer)
}
