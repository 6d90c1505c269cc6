//! The table of the death case: what happens to a case in each phase. Every pair is listed; a new
//! phase or input does not compile until it is.

use super::Rejection;
use super::answers::{close_item, escalate, escalate_decisions, receive};
use super::case::{Case, Phase};
use super::effect::{ItemKind, Note};
use super::input::{Absorption, Input, Moment, Report};
use super::reversal;
use super::review::{decide_beside, decide_case, merge, merge_ended};
use super::turn::{Step, Turn};
use super::weigh::{
    absorb as absorb_evidence, correct, decide_conflict, join, lapse, relocate, reopen,
    reopen_absorbing, verified,
};

/// A report about a person, whose latest case is given; a first one opens a case.
///
/// # Errors
/// A date lies in the future, a declaration comes from no court, or the person's record was
/// merged.
pub fn report(latest: Option<&Case>, report: &Report, at: &Moment<'_>) -> Result<Step, Rejection> {
    let Some(case) = latest else {
        let mut turn = Turn::first(&report.opening, at);
        join(&mut turn, report)?;
        return Ok(turn.end(None));
    };
    react(case, &Input::Evidence(report.clone()), at)
}

/// Evidence of a merged record moves to the survivor, whose latest case is given. The record's
/// own case then gets [`Input::Merged`] (or [`super::ReviewDecision::KnownPerson`]).
///
/// # Errors
/// The survivor's record was merged itself.
pub fn absorb(
    latest: Option<&Case>,
    absorption: &Absorption,
    at: &Moment<'_>,
) -> Result<Step, Rejection> {
    let Some(case) = latest else {
        let mut turn = Turn::first(&absorption.opening, at);
        absorb_evidence(&mut turn, absorption);
        return Ok(turn.end(None));
    };
    react(case, &Input::Absorbed(absorption.clone()), at)
}

/// The case after something happened to it, and what follows.
///
/// Events and timers that do not apply are noted and change nothing.
///
/// # Errors
/// Why a command is refused.
pub fn react(case: &Case, input: &Input, at: &Moment<'_>) -> Result<Step, Rejection> {
    let mut turn = Turn::on(case, at);
    apply(&mut turn, input)?;
    Ok(turn.end(decides(input)))
}

fn apply(turn: &mut Turn<'_>, input: &Input) -> Result<(), Rejection> {
    use Phase::{
        Finished, InReview, MergedInto, Notifying, Rejected, Reported, Reversed, Reversing,
        Settled, Suspected,
    };
    match (input, turn.case.phase) {
        (
            Input::Evidence(report),
            InReview | Reported | Suspected | Notifying | Settled | Finished,
        ) => join(turn, report)?,
        (Input::Evidence(report), Reversing | Reversed | Rejected) => reopen(turn, report)?,
        (Input::Evidence(_), MergedInto) => return Err(Rejection::CaseMerged),

        (
            Input::Absorbed(absorption),
            InReview | Reported | Suspected | Notifying | Settled | Finished,
        ) => absorb_evidence(turn, absorption),
        (Input::Absorbed(absorption), Reversing | Reversed | Rejected) => {
            reopen_absorbing(turn, absorption)
        }
        (Input::Absorbed(_), MergedInto) => return Err(Rejection::CaseMerged),

        (Input::ReviewDecided { doubt, decision }, InReview) => {
            decide_case(turn, *doubt, *decision)?
        }
        (
            Input::ReviewDecided { doubt, decision },
            Reported | Suspected | Notifying | Settled | Finished,
        ) => decide_beside(turn, *doubt, *decision)?,
        (Input::ReviewDecided { .. }, Reversing | Reversed | Rejected | MergedInto) => {
            return Err(Rejection::NothingInDoubt);
        }

        (
            Input::ConflictDecided { evidence_id },
            Reported | Suspected | Notifying | Settled | Finished,
        ) => decide_conflict(turn, *evidence_id)?,
        (
            Input::ConflictDecided { .. },
            InReview | Reversing | Reversed | Rejected | MergedInto,
        ) => return Err(Rejection::NoConflict),

        (Input::Verified(finding), Reported | Suspected) => verified(turn, finding)?,
        (
            Input::Verified(_),
            InReview | Notifying | Settled | Finished | Reversing | Reversed | Rejected
            | MergedInto,
        ) => return Err(Rejection::NotUnderVerification),

        (Input::VerificationLapsed, Reported | Suspected) => lapse(turn),
        (
            Input::VerificationLapsed,
            InReview | Notifying | Settled | Finished | Reversing | Reversed | Rejected
            | MergedInto,
        ) => turn.note(Note::NothingWaits),

        // A lifted suspicion and a reversal are answered too, and a second receipt may come
        // after the case has ended.
        (
            Input::ReceiptArrived(receipt),
            Suspected | Notifying | Settled | Finished | Reversing | Reversed | Rejected,
        ) => receive(turn, receipt),
        (Input::ReceiptArrived(receipt), InReview | Reported | MergedInto) => {
            receive(turn, receipt)
        }

        (
            Input::Corrected {
                died_on,
                cause,
                ruling,
            },
            Notifying | Settled | Finished,
        ) => correct(turn, *died_on, *cause, ruling)?,
        (
            Input::Corrected { .. },
            InReview | Reported | Suspected | Reversing | Reversed | Rejected | MergedInto,
        ) => return Err(Rejection::NotConfirmed),

        (Input::ReversalPrepared(request), Notifying | Settled | Finished) => {
            reversal::prepare(turn, request)?
        }
        (
            Input::ReversalPrepared(_),
            InReview | Reported | Suspected | Reversing | Reversed | Rejected | MergedInto,
        ) => return Err(Rejection::NotConfirmed),

        (Input::ReversalDecided(decision), Notifying | Settled | Finished) => {
            reversal::decide(turn, decision)?
        }
        (
            Input::ReversalDecided(_),
            InReview | Reported | Suspected | Reversing | Reversed | Rejected | MergedInto,
        ) => return Err(Rejection::NoSuchReversal),

        (
            Input::AnswersOverdue,
            Suspected | Notifying | Settled | Finished | Reversing | Reversed | Rejected,
        ) => escalate(turn),
        (Input::AnswersOverdue, InReview | Reported | MergedInto) => turn.note(Note::NothingWaits),

        (
            Input::DecisionsOverdue,
            InReview | Reported | Suspected | Notifying | Settled | Finished,
        ) => escalate_decisions(turn),
        (Input::DecisionsOverdue, Reversing | Reversed | Rejected | MergedInto) => {
            turn.note(Note::NothingWaits)
        }

        (
            Input::ItemClosed(kind),
            InReview | Reported | Suspected | Notifying | Settled | Finished | Reversing | Reversed
            | Rejected | MergedInto,
        ) => close_item(turn, *kind)?,

        (
            Input::Merged { survivor },
            InReview | Reported | Suspected | Notifying | Settled | Finished,
        ) => merge(turn, *survivor),
        (Input::Merged { .. }, Reversing | Reversed | Rejected | MergedInto) => merge_ended(turn),

        // While something is decided or asked, it is the business of the county where the person
        // is registered now. What has ended stays where it was decided.
        (
            Input::Moved { divisions },
            InReview | Reported | Suspected | Notifying | Settled | Finished | Reversing,
        ) => relocate(turn, *divisions),
        (Input::Moved { .. }, Reversed | Rejected | MergedInto) => turn.note(Note::NothingWaits),

        (Input::Overtaken { fact_version }, Reversing | Reversed | Rejected) => {
            reversal::overtaken(turn, *fact_version)
        }
        (
            Input::Overtaken { .. },
            InReview | Reported | Suspected | Notifying | Settled | Finished | MergedInto,
        ) => turn.note(Note::NothingWaits),
    }
    Ok(())
}

/// The kind of work item that an input decides.
fn decides(input: &Input) -> Option<ItemKind> {
    match input {
        Input::ReviewDecided { .. } => Some(ItemKind::DecideReview),
        Input::ConflictDecided { .. } | Input::Corrected { .. } => Some(ItemKind::DecideConflict),
        Input::Verified(_) => Some(ItemKind::VerifyDeath),
        Input::ReversalDecided(_) => Some(ItemKind::ApproveReversal),
        Input::ItemClosed(kind) => Some(*kind),
        Input::Evidence(_)
        | Input::Absorbed(_)
        | Input::VerificationLapsed
        | Input::ReceiptArrived(_)
        | Input::ReversalPrepared(_)
        | Input::AnswersOverdue
        | Input::DecisionsOverdue
        | Input::Merged { .. }
        | Input::Moved { .. }
        | Input::Overtaken { .. } => None,
    }
}
