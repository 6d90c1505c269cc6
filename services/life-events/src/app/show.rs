//! Cases as the API shows them.

use minzheng_chassis::authz::Caller;
use minzheng_chassis::convert::{date_to_wire, instant_to_wire};
use minzheng_chassis::grpc::etag;
use minzheng_proto::life_events::v1 as pb;

use super::names::{outcome, phase, question_state, source, standing, undo};
use crate::domain::death::{
    Correction, Evidence, ItemKind, PendingReversal, Question, Standing, Waiting, waiting,
};
use crate::storage::cases::StoredCase;
use crate::storage::events;

/// A run of so many digits may be an ID number or a telephone.
const TELLING_DIGITS: usize = 11;

/// How many characters stay legible at each end of a masked reference.
const LEGIBLE: usize = 4;

/// A case with its evidence, questions and what it waits for, as a caller may see it.
pub fn whole(stored: &StoredCase, caller: &Caller) -> pb::DeathCase {
    let case = &stored.case;
    let questions = case
        .questions
        .iter()
        .filter(|question| question.fact_version == case.fact_version || question.answer.is_some());
    pb::DeathCase {
        evidence: case
            .evidence
            .iter()
            .map(|item| evidence_to_wire(item, caller))
            .collect(),
        questions: questions.map(question_to_wire).collect(),
        waiting: waiting(case).into_iter().map(waiting_to_wire).collect(),
        corrections: case.corrections.iter().map(correction_to_wire).collect(),
        ..summary(stored)
    }
}

/// A case without its evidence and questions.
pub fn summary(stored: &StoredCase) -> pb::DeathCase {
    let case = &stored.case;
    let held = case.pending_reversal.as_ref();
    pb::DeathCase {
        id: case.id.to_string(),
        person_id: case.person_id.to_string(),
        episode: case.episode,
        phase: phase(case.phase).into(),
        plan_version: case.plan.version,
        fact_version: case.fact_version,
        died_on: Some(date_to_wire(case.died_on)),
        declared_on: case.declared_on.map(date_to_wire),
        division: case.divisions.standing.to_string(),
        conflict: case.conflict.is_some(),
        hold: held
            .map_or("", |_| ItemKind::ApproveReversal.name())
            .to_owned(),
        merged_into: case
            .merged_into
            .map(|id| id.to_string())
            .unwrap_or_default(),
        opened_at: Some(instant_to_wire(case.opened_at)),
        changed_at: Some(instant_to_wire(case.changed_at)),
        etag: etag::of(stored.version),
        pending_reversal: held.map(reversal_to_wire),
        ..Default::default()
    }
}

fn correction_to_wire(correction: &Correction) -> pb::Correction {
    pb::Correction {
        corrected_at: Some(instant_to_wire(correction.at)),
        corrected_by: correction.ruling.by.clone(),
        cause: events::cause_to_wire(Some(correction.cause.into())).into(),
        reason: correction.ruling.reason.clone(),
        died_on_before: Some(date_to_wire(correction.before)),
        died_on: Some(date_to_wire(correction.died_on)),
        fact_version: correction.fact_version,
    }
}

fn reversal_to_wire(held: &PendingReversal) -> pb::PendingReversal {
    pb::PendingReversal {
        id: held.id.to_string(),
        prepared_by: held.prepared_by.clone(),
        reason: held.reason.clone(),
        prepared_at: Some(instant_to_wire(held.pending.since)),
        revoked_on: held.revoked_on.map(date_to_wire),
    }
}

fn evidence_to_wire(evidence: &Evidence, caller: &Caller) -> pb::Evidence {
    let statement = &evidence.statement;
    pb::Evidence {
        id: evidence.id.to_string(),
        source_organisation: evidence.document.organisation.clone(),
        reference: reference(evidence, caller),
        revision: evidence.revision,
        source: source(statement.source).into(),
        rank: i32::from(evidence.rank()),
        died_on: Some(date_to_wire(statement.died_on)),
        place_division: statement
            .place
            .map(|place| place.to_string())
            .unwrap_or_default(),
        received_at: Some(instant_to_wire(evidence.received_at)),
        superseded: evidence.standing == Standing::Superseded,
        standing: standing(evidence.standing).into(),
        declared_on: statement.declared_on.map(date_to_wire),
        document_date: statement.document_date.map(date_to_wire),
    }
}

/// Whoever told the reference knows it; others need not read an ID number in it.
fn reference(evidence: &Evidence, caller: &Caller) -> String {
    let document = &evidence.document;
    let own = evidence.reporter == caller.subject
        || (!caller.department.is_empty() && document.organisation == caller.department);
    if own {
        return document.reference.clone();
    }
    masked(&document.reference)
}

fn masked(reference: &str) -> String {
    let digits = reference.chars().filter(|c| c.is_numeric()).count();
    if digits < TELLING_DIGITS {
        return reference.to_owned();
    }
    let length = reference.chars().count();
    let hidden = LEGIBLE..length.saturating_sub(LEGIBLE);
    let mask = |(place, c)| if hidden.contains(&place) { '*' } else { c };
    reference.chars().enumerate().map(mask).collect()
}

fn question_to_wire(question: &Question) -> pb::Question {
    let answer = question.answer.as_ref();
    pb::Question {
        fact_version: question.fact_version,
        department: question.action.department.to_owned(),
        action: question.action.code.to_owned(),
        state: question_state(question.state).into(),
        due_at: Some(instant_to_wire(question.due_at)),
        outcome: answer
            .map_or(pb::Outcome::Unspecified, |answer| outcome(answer.outcome))
            .into(),
        legal_basis: answer
            .map(|answer| answer.legal_basis.clone())
            .unwrap_or_default(),
        undo: answer
            .map_or(pb::Undo::Unspecified, |answer| undo(answer.undo))
            .into(),
        work_item_id: answer
            .and_then(|answer| answer.work_item_id)
            .map(|id| id.to_string())
            .unwrap_or_default(),
        reason: answer
            .and_then(|answer| answer.reason.clone())
            .unwrap_or_default(),
        asked_at: Some(instant_to_wire(question.asked_at)),
        answered_at: answer.map(|answer| instant_to_wire(answer.answered_at)),
        due_provisional: question.due_provisional,
    }
}

fn waiting_to_wire(waiting: Waiting) -> pb::Waiting {
    pb::Waiting {
        on: waiting.on.to_owned(),
        what: waiting.what.to_owned(),
        since: Some(instant_to_wire(waiting.since)),
        due_at: Some(instant_to_wire(waiting.due_at)),
        advice: waiting.advice,
        due_provisional: waiting.due_provisional,
    }
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn a_reference_that_may_be_an_id_number_is_masked() {
        let rows = [
            ("R-2026-0017", "R-2026-0017"),
            ("529900198001010010", "5299**********0010"),
            ("D529900198001010010-1", "D529*************10-1"),
            ("13800000000", "1380***0000"),
        ];
        for (reference, expected) in rows {
            assert_eq!(masked(reference), expected);
        }
    }
}
