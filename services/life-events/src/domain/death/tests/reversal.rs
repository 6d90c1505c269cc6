//! Undoing a death that did not happen.

use minzheng_chassis::person::FactKind;
use uuid::Uuid;

use super::desk::*;
use crate::domain::death::*;

const P: Uuid = Uuid::from_u128(1);
const REVERSAL: Uuid = Uuid::from_u128(77);

fn prepare(revoked_on: Option<&str>) -> Input {
    Input::ReversalPrepared(ReversalRequest {
        id: REVERSAL,
        prepared_by: "clerk-1".to_owned(),
        reason: "seen alive".to_owned(),
        revoked_on: revoked_on.map(date),
    })
}

fn decide(by: &str, approved: bool) -> Input {
    let decided_by = by.to_owned();
    Input::ReversalDecided(ReversalDecision {
        reversal_id: REVERSAL,
        decided_by,
        approved,
    })
}

fn desk() -> Desk {
    let mut desk = Desk::new();
    desk.file(P, said(Source::MedicalCertificate, "1", "2026-03-02"))
        .unwrap();
    desk
}

#[test]
fn a_prepared_reversal_holds_the_case() {
    let mut desk = desk();
    desk.answer_all(P, Outcome::Done);
    desk.give(P, &prepare(None)).unwrap();
    assert_eq!(
        desk.phase(P),
        Phase::Settled,
        "something waits for a person again"
    );
    assert_eq!(clearance(desk.case(P), 1), [Blocking::Hold]);
    assert_eq!(desk.open_items(P), [ItemKind::ApproveReversal]);
    assert_eq!(
        desk.give(P, &prepare(None)).unwrap_err(),
        Rejection::ReversalPending
    );

    desk.give(P, &decide("clerk-2", false)).unwrap();
    assert_eq!(desk.phase(P), Phase::Finished);
    assert_eq!(
        desk.last_closed(),
        Some((ItemKind::ApproveReversal, ItemEnd::Decided))
    );
    assert_eq!(clearance(desk.case(P), 1), []);
}

#[test]
fn another_official_decides() {
    for approved in [true, false] {
        let mut desk = desk();
        assert_eq!(
            desk.give(P, &decide("clerk-2", approved)).unwrap_err(),
            Rejection::NoSuchReversal
        );
        desk.give(P, &prepare(None)).unwrap();
        let before = desk.case(P).clone();
        assert_eq!(
            desk.give(P, &decide("clerk-1", approved)).unwrap_err(),
            Rejection::FourEyes
        );
        assert_eq!(*desk.case(P), before);
        let other = Input::ReversalDecided(ReversalDecision {
            reversal_id: id(78),
            decided_by: "clerk-2".to_owned(),
            approved,
        });
        assert_eq!(desk.give(P, &other).unwrap_err(), Rejection::NoSuchReversal);
        desk.give(P, &decide("clerk-2", approved)).unwrap();
        let again = desk.give(P, &decide("clerk-2", approved)).unwrap_err();
        assert_eq!(again, Rejection::NoSuchReversal);
    }
}

#[test]
fn an_approved_reversal_supersedes_what_was_asked_and_closes_what_was_open() {
    let mut desk = desk();
    desk.file(P, said(Source::PoliceCertificate, "2", "2026-03-04"))
        .unwrap();
    desk.give(P, &prepare(None)).unwrap();
    assert_eq!(
        desk.open_items(P),
        [ItemKind::DecideConflict, ItemKind::ApproveReversal]
    );
    let step = desk.give(P, &decide("clerk-2", true)).unwrap();
    let fact = step.fact().unwrap();
    assert_eq!(
        (fact.kind, fact.cause),
        (FactKind::Reversed, Some(Cause::Cancelled))
    );
    assert_eq!(fact.fact_version, 2);
    assert!(desk.open_items(P).is_empty());
    assert_eq!(step.case.conflict, None);
    assert_eq!(step.case.reversed_on, Some(START));
    let first = step
        .case
        .questions
        .iter()
        .filter(|question| question.fact_version == 1);
    assert!(
        first
            .into_iter()
            .all(|question| question.state == QuestionState::Superseded)
    );
    assert_eq!(clearance(desk.case(P), 2), [Blocking::NotConfirmed]);
}

#[test]
fn it_is_reversed_when_everybody_has_answered_and_takes_second_receipts() {
    let mut desk = desk();
    desk.give(P, &prepare(None)).unwrap();
    desk.give(P, &decide("clerk-2", true)).unwrap();
    let fact = desk.facts[1].clone();
    for (department, phase) in [
        ("child-welfare", Phase::Reversing),
        ("residents", Phase::Reversing),
        ("elderly-care", Phase::Reversed),
    ] {
        let receipt = desk.receipt(&fact, department, Outcome::NeedsHuman);
        desk.give(P, &receipt).unwrap();
        assert_eq!(desk.phase(P), phase);
    }
    assert_eq!(waiting(desk.case(P)).len(), 4);
    desk.answer_all(P, Outcome::Done);
    assert_eq!(desk.phase(P), Phase::Reversed);
    assert!(waiting(desk.case(P)).is_empty());
}

#[test]
fn a_declared_death_is_reversed_by_a_court_alone() {
    let mut desk = Desk::new();
    let mut judgment = said(Source::CourtJudgment, "1", "2024-05-01");
    judgment.statement.declared_on = Some(date("2026-02-01"));
    let step = desk.file(P, judgment).unwrap();
    assert_eq!(step.fact().unwrap().declared_on, Some(date("2026-02-01")));
    assert_eq!(
        desk.give(P, &prepare(None)).unwrap_err(),
        Rejection::RevocationNeeded
    );
    let future = desk.give(P, &prepare(Some("2026-03-10"))).unwrap_err();
    assert_eq!(
        future,
        Rejection::FutureDate {
            field: "revoked_on"
        }
    );
    desk.give(P, &prepare(Some("2026-03-06"))).unwrap();
    let step = desk.give(P, &decide("clerk-2", true)).unwrap();
    assert_eq!(step.fact().unwrap().revoked_on, Some(date("2026-03-06")));

    let mut natural = self::desk();
    let refused = natural.give(P, &prepare(Some("2026-03-06"))).unwrap_err();
    assert_eq!(refused, Rejection::NotDeclared);
}

#[test]
fn a_reversal_reaches_back_over_unanswered_facts() {
    // A department that was down answers the reversal alone, and the case ends the same.
    let mut down = desk();
    let confirmed = down.facts[0].clone();
    down.give(P, &prepare(None)).unwrap();
    down.give(P, &decide("clerk-2", true)).unwrap();
    let late = down.receipt(&confirmed, "elderly-care", Outcome::Done);
    down.give(P, &late).unwrap();
    assert!(down.notes.contains(&Note::OlderFact));
    down.answer_all(P, Outcome::NothingToDo);
    let mut up = desk();
    up.answer_all(P, Outcome::Done);
    up.give(P, &prepare(None)).unwrap();
    up.give(P, &decide("clerk-2", true)).unwrap();
    up.answer_all(P, Outcome::NothingToDo);
    assert_eq!(down.fingerprint(P), up.fingerprint(P));
}
