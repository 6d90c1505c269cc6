//! What is in doubt waits for a person: whom evidence is about, and whether a document counts
//! that was issued before the person's latest reversal.

use uuid::Uuid;

use super::Rejection;
use super::case::{Divisions, Phase};
use super::effect::{Cause, Note};
use super::evidence::{Doubt, Standing};
use super::input::ReviewDecision;
use super::turn::Turn;
use super::weigh::{identified, locate, weigh};

/// Decides a case of which all evidence is in doubt.
pub(super) fn decide_case(
    turn: &mut Turn<'_>,
    doubt: Doubt,
    decision: ReviewDecision,
) -> Result<(), Rejection> {
    match decision {
        ReviewDecision::KnownPerson { survivor } => {
            expect(turn, doubt)?;
            merge(turn, survivor);
            Ok(())
        }
        ReviewDecision::Counts { .. } | ReviewDecision::Refused => decide(turn, doubt, decision),
    }
}

/// Decides evidence in doubt of a case that stands without it.
pub(super) fn decide_beside(
    turn: &mut Turn<'_>,
    doubt: Doubt,
    decision: ReviewDecision,
) -> Result<(), Rejection> {
    match decision {
        ReviewDecision::KnownPerson { .. } => Err(Rejection::NotInReview),
        ReviewDecision::Counts { .. } | ReviewDecision::Refused => decide(turn, doubt, decision),
    }
}

/// The record was merged into another, whose case has taken the evidence. Only provisional
/// records are merged, and their cases have published nothing, so no fact is left standing.
pub(super) fn merge(turn: &mut Turn<'_>, survivor: Uuid) {
    turn.supersede_questions();
    turn.case.evidence.clear();
    turn.case.merged_into = Some(survivor);
    turn.case.phase = Phase::MergedInto;
}

/// A merge that comes after the case has ended changes nothing.
pub(super) fn merge_ended(turn: &mut Turn<'_>) {
    turn.note(Note::NothingWaits);
}

fn decide(turn: &mut Turn<'_>, doubt: Doubt, decision: ReviewDecision) -> Result<(), Rejection> {
    expect(turn, doubt)?;
    match decision {
        ReviewDecision::Counts { divisions } => count(turn, doubt, divisions),
        ReviewDecision::Refused | ReviewDecision::KnownPerson { .. } => refuse(turn, doubt),
    }
    Ok(())
}

fn expect(turn: &Turn<'_>, doubt: Doubt) -> Result<(), Rejection> {
    let doubted = turn
        .case
        .evidence
        .iter()
        .any(|item| item.doubt() == Some(doubt));
    if doubted {
        Ok(())
    } else {
        Err(Rejection::NothingInDoubt)
    }
}

/// It counts: about this person, or although it is older than the reversal. Evidence whose
/// identity was in doubt may still be an old document.
fn count(turn: &mut Turn<'_>, doubt: Doubt, divisions: Divisions) {
    locate(&mut turn.case, divisions);
    for index in 0..turn.case.evidence.len() {
        if turn.case.evidence[index].doubt() == Some(doubt) {
            let standing = match doubt {
                Doubt::Identity => identified(&turn.case, &turn.case.evidence[index]),
                Doubt::Document => Standing::Current,
            };
            turn.case.evidence[index].standing = standing;
        }
    }
    weigh(turn, Cause::QualityAssurance);
}

/// It does not count; a case that has nothing else ends.
fn refuse(turn: &mut Turn<'_>, doubt: Doubt) {
    for item in &mut turn.case.evidence {
        if item.doubt() == Some(doubt) {
            item.standing = Standing::Refused;
        }
    }
    if turn.case.phase == Phase::InReview && turn.case.doubt().is_none() {
        turn.case.phase = Phase::Rejected;
    }
}
