//! Undoing a death that did not happen: prepared by one official, approved by another.

use minzheng_chassis::person::FactKind;

use super::Rejection;
use super::case::{PendingReversal, Phase};
use super::effect::{Cause, Note};
use super::evidence::plausible;
use super::input::{Begins, ReversalDecision, ReversalRequest};
use super::turn::Turn;

/// One official prepares it; from here on the case is held.
pub(super) fn prepare(turn: &mut Turn<'_>, request: &ReversalRequest) -> Result<(), Rejection> {
    if turn.case.pending_reversal.is_some() {
        return Err(Rejection::ReversalPending);
    }
    match (turn.case.declared_on, request.revoked_on) {
        (Some(_), None) => return Err(Rejection::RevocationNeeded),
        (None, Some(_)) => return Err(Rejection::NotDeclared),
        (Some(_), Some(_)) | (None, None) => {}
    }
    plausible("revoked_on", request.revoked_on, turn.at.today())?;
    turn.case.pending_reversal = Some(PendingReversal {
        id: request.id,
        prepared_by: request.prepared_by.clone(),
        reason: request.reason.clone(),
        revoked_on: request.revoked_on,
        pending: turn.at.pending(Begins::Decision),
    });
    Ok(())
}

/// Another official approves it, or turns it down.
pub(super) fn decide(turn: &mut Turn<'_>, decision: &ReversalDecision) -> Result<(), Rejection> {
    let held = turn
        .case
        .pending_reversal
        .take_if(|held| held.id == decision.reversal_id);
    let held = held.ok_or(Rejection::NoSuchReversal)?;
    if held.prepared_by == decision.decided_by {
        return Err(Rejection::FourEyes);
    }
    if decision.approved {
        turn.case.revoked_on = held.revoked_on;
        turn.case.reversed_on = Some(turn.at.today());
        turn.case.phase = Phase::Reversing;
        turn.publish(FactKind::Reversed, Some(Cause::Cancelled));
    }
    Ok(())
}

/// A later episode announced a newer fact: departments that have not answered yet will answer
/// that one, and only that one.
pub(super) fn overtaken(turn: &mut Turn<'_>, fact_version: i64) {
    if fact_version <= turn.case.fact_version {
        turn.note(Note::NothingWaits);
        return;
    }
    turn.supersede_questions();
}
