//! What evidence does to a case: it joins, and the whole of it is weighed anew.

use std::collections::BTreeMap;

use minzheng_chassis::civil::PartialDate;
use minzheng_chassis::person::FactKind;
use uuid::Uuid;

use super::Rejection;
use super::case::{Case, Correction, Divisions, Phase, Verification};
use super::dating;
use super::effect::{Cause, Note};
use super::evidence::{DocumentKey, Evidence, Standing, Strength, plausible};
use super::input::{Absorption, Begins, CorrectionCause, Finding, Match, Report, Ruling};
use super::turn::Turn;

/// A report joins the case.
pub(super) fn join(turn: &mut Turn<'_>, report: &Report) -> Result<(), Rejection> {
    if turn.case.knows(&report.document, &report.statement) {
        turn.note(Note::Duplicate);
        return Ok(());
    }
    report.statement.check(turn.at.today())?;
    locate(&mut turn.case, report.opening.divisions);
    let evidence = evidence_of(turn, report);
    let reissued = add(&mut turn.case, evidence);
    weigh(
        turn,
        if reissued {
            Cause::FormalCorrection
        } else {
            Cause::QualityAssurance
        },
    );
    Ok(())
}

/// A report after a reversal or a rejection opens the next episode.
pub(super) fn reopen(turn: &mut Turn<'_>, report: &Report) -> Result<(), Rejection> {
    if turn.case.knows(&report.document, &report.statement) {
        turn.note(Note::Duplicate);
        return Ok(());
    }
    turn.begin_next_episode(&report.opening);
    join(turn, report)
}

/// Evidence of a merged record joins the case. Whom it is about is no longer in doubt.
pub(super) fn absorb(turn: &mut Turn<'_>, absorption: &Absorption) {
    locate(&mut turn.case, absorption.opening.divisions);
    for moved in &absorption.evidence {
        if turn.case.evidence.iter().any(|known| known.id == moved.id) {
            continue;
        }
        let mut moved = moved.clone();
        if moved.standing == Standing::IdentityInDoubt {
            moved.standing = identified(&turn.case, &moved);
        }
        turn.case.evidence.push(moved);
    }
    supersede_older(&mut turn.case);
    weigh(turn, Cause::QualityAssurance);
}

/// Evidence of a merged record opens the next episode.
pub(super) fn reopen_absorbing(turn: &mut Turn<'_>, absorption: &Absorption) {
    let known = |moved: &Evidence| turn.case.evidence.iter().any(|known| known.id == moved.id);
    if absorption.evidence.iter().all(known) {
        turn.note(Note::Duplicate);
        return;
    }
    turn.begin_next_episode(&absorption.opening);
    absorb(turn, absorption);
}

/// A verification found the person dead, with proof, or alive.
pub(super) fn verified(turn: &mut Turn<'_>, finding: &Finding) -> Result<(), Rejection> {
    match finding {
        Finding::Dead(report) if report.statement.source.strength() < Strength::Confirms => {
            Err(Rejection::ProofNeeded)
        }
        Finding::Dead(report) => join(turn, report),
        Finding::Alive => {
            lift(turn);
            Ok(())
        }
    }
}

/// The verification's deadline passed: a suspicion lapses and what was held is free again; where
/// nothing was suspended, somebody is told.
pub(super) fn lapse(turn: &mut Turn<'_>) {
    match turn.case.due_at() {
        None => turn.note(Note::NothingWaits),
        Some(due_at) if due_at > turn.at.now => turn.note(Note::NotYetDue),
        Some(_) if turn.case.phase == Phase::Suspected => lift(turn),
        Some(_) => {
            if let Some(verification) = &mut turn.case.verification {
                verification.escalated = true;
            }
        }
    }
}

/// A person decided whose date counts.
pub(super) fn decide_conflict(turn: &mut Turn<'_>, evidence_id: Uuid) -> Result<(), Rejection> {
    if turn.case.conflict.is_none() {
        return Err(Rejection::NoConflict);
    }
    let chosen = turn
        .case
        .evidence
        .iter()
        .find(|item| item.id == evidence_id && item.proves());
    let date = chosen.ok_or(Rejection::NoSuchEvidence)?.statement.died_on;
    if date == PartialDate::UNKNOWN {
        return Err(Rejection::EvidenceStatesNoDate);
    }
    rule(turn, date, Cause::QualityAssurance);
    Ok(())
}

/// A person corrected the date.
pub(super) fn correct(
    turn: &mut Turn<'_>,
    died_on: PartialDate,
    cause: CorrectionCause,
    ruling: &Ruling,
) -> Result<(), Rejection> {
    plausible("died_on", Some(died_on), turn.at.today())?;
    let before = turn.case.died_on;
    if before == died_on {
        return Err(Rejection::NothingToCorrect);
    }
    rule(turn, died_on, cause.into());
    turn.case.corrections.push(Correction {
        at: turn.at.now,
        ruling: ruling.clone(),
        cause,
        before,
        died_on,
        fact_version: turn.case.fact_version,
    });
    Ok(())
}

/// Draws the conclusion from the evidence as it stands now. `cause` is why what was announced
/// changes, should it change.
pub(super) fn weigh(turn: &mut Turn<'_>, cause: Cause) {
    let announced = particulars(&turn.case);
    redate(&mut turn.case);
    let changed = particulars(&turn.case) != announced;
    match (turn.case.phase, turn.case.strength()) {
        (Phase::InReview, None) => {}
        (Phase::InReview | Phase::Reported, Some(Strength::Suspects)) => suspect(turn),
        (Phase::InReview | Phase::Reported | Phase::Suspected, Some(Strength::Confirms)) => {
            confirm(turn);
        }
        (Phase::InReview | Phase::Reported, None | Some(Strength::Hints)) => hint(turn),
        (Phase::Suspected, None | Some(Strength::Hints | Strength::Suspects)) => {
            if changed {
                turn.publish(FactKind::Suspected, Some(cause));
            }
        }
        (Phase::Notifying | Phase::Settled | Phase::Finished, _) => {
            if changed {
                turn.publish(FactKind::Corrected, Some(cause));
            }
        }
        (Phase::Reversing | Phase::Reversed | Phase::Rejected | Phase::MergedInto, _) => {}
    }
}

/// Rank 6: somebody should go and look. Nothing is published.
fn hint(turn: &mut Turn<'_>) {
    turn.case.phase = Phase::Reported;
    let at = turn.at;
    turn.case.verification.get_or_insert_with(|| Verification {
        pending: at.pending(Begins::Verification),
        escalated: false,
    });
}

/// Ranks 4 and 5: departments hold, until a verification or its deadline says more.
fn suspect(turn: &mut Turn<'_>) {
    turn.case.phase = Phase::Suspected;
    let pending = turn.at.pending(Begins::Verification);
    turn.case.verification = Some(Verification {
        pending,
        escalated: false,
    });
    turn.publish(FactKind::Suspected, None);
}

/// Ranks 1 to 3: departments act.
fn confirm(turn: &mut Turn<'_>) {
    turn.case.phase = Phase::Notifying;
    let cause = predates_reversal(&turn.case).then_some(Cause::CancellationRemoved);
    turn.publish(FactKind::Confirmed, cause);
}

/// The suspicion is over; it is announced as lifted where it was announced at all.
fn lift(turn: &mut Turn<'_>) {
    if turn.case.phase == Phase::Suspected {
        turn.publish(FactKind::Lifted, Some(Cause::Cancelled));
    }
    turn.case.phase = Phase::Rejected;
}

/// A person's ruling: this date stands, and evidence with another is overruled.
fn rule(turn: &mut Turn<'_>, date: PartialDate, cause: Cause) {
    turn.case.ruled_on = Some(date);
    for item in turn.case.evidence.iter_mut().filter(|item| item.proves()) {
        item.standing = match item.statement.died_on.compatible(date) {
            true => Standing::Current,
            false => Standing::Overruled,
        };
    }
    weigh(turn, cause);
}

/// What a fact says of when: a change of it is announced.
fn particulars(case: &Case) -> (PartialDate, Option<PartialDate>) {
    (case.died_on, case.declared_on)
}

fn redate(case: &mut Case) {
    let by_evidence = dating::died_on(&case.evidence, case.died_on);
    case.died_on = case.ruled_on.unwrap_or(by_evidence);
    case.declared_on = dating::declared_on(&case.evidence);
    case.divisions.place = dating::place(&case.evidence);
}

/// Adds evidence; says whether it is a newer revision of a document that the case has.
fn add(case: &mut Case, mut evidence: Evidence) -> bool {
    let mut reissued = false;
    for older in &mut case.evidence {
        if older.document == evidence.document {
            reissued = true;
            evidence.revision = evidence.revision.max(older.revision + 1);
            older.standing = Standing::Superseded;
        }
    }
    case.evidence.push(evidence);
    reissued
}

/// Of one document only the newest revision counts: it may have been told of the survivor before the
/// older one arrived from the record that goes.
fn supersede_older(case: &mut Case) {
    let newest: BTreeMap<DocumentKey, i32> = case
        .evidence
        .iter()
        .map(|item| (item.document.clone(), item.revision))
        .fold(BTreeMap::new(), |mut newest, (document, revision)| {
            let known = newest.entry(document).or_insert(revision);
            *known = revision.max(*known);
            newest
        });
    for item in &mut case.evidence {
        if item.revision < newest[&item.document] {
            item.standing = Standing::Superseded;
        }
    }
}

fn evidence_of(turn: &Turn<'_>, report: &Report) -> Evidence {
    let mut evidence = Evidence {
        id: report.evidence_id,
        document: report.document.clone(),
        revision: report.revisions_elsewhere + 1,
        statement: report.statement.clone(),
        reporter: report.reporter.clone(),
        received_at: turn.at.now,
        standing: Standing::IdentityInDoubt,
    };
    if report.identity == Match::Matched {
        evidence.standing = identified(&turn.case, &evidence);
    }
    evidence
}

/// What evidence counts for once it is certain whom it is about.
pub(super) fn identified(case: &Case, evidence: &Evidence) -> Standing {
    match case.reversed_on {
        Some(day) if evidence.statement.may_predate(day) => Standing::DocumentInDoubt,
        Some(_) | None => Standing::Current,
    }
}

/// Whether the death is proven by a document that was issued before the reversal and that a
/// person let count: then it is that death which is restored.
fn predates_reversal(case: &Case) -> bool {
    let confirms = |item: &&Evidence| item.statement.source.strength() == Strength::Confirms;
    case.reversed_on.is_some_and(|day| {
        let mut confirming = case
            .evidence
            .iter()
            .filter(|item| item.proves())
            .filter(confirms);
        confirming.any(|item| item.statement.may_predate(day))
    })
}

/// The person moved: the county of the new domicile sees and decides the case from now on. What was
/// announced stands; the next fact names the new divisions.
pub(super) fn relocate(turn: &mut Turn<'_>, known: Divisions) {
    let divisions = Divisions {
        place: turn.case.divisions.place,
        ..known
    };
    if turn.case.divisions == divisions {
        turn.note(Note::Duplicate);
    }
    turn.case.divisions = divisions;
}

/// The person's divisions, once they are known.
pub(super) fn locate(case: &mut Case, known: Divisions) {
    if case.divisions.domicile.is_none() && known.domicile.is_some() {
        case.divisions = Divisions {
            place: case.divisions.place,
            ..known
        };
    }
}
