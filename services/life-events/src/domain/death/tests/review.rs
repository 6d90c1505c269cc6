//! Reports on somebody nobody knows, or who may be two people.

use jiff::ToSpan;
use minzheng_chassis::person::FactKind::{Confirmed, Suspected};
use uuid::Uuid;

use super::desk::*;
use crate::domain::death::*;

/// A provisional record.
const NOBODY: Uuid = Uuid::from_u128(8);
/// A person known all along.
const KNOWN: Uuid = Uuid::from_u128(9);

fn unmatched(source: Source, reference: &str, died_on: &str) -> Report {
    let mut report = said(source, reference, died_on);
    report.identity = Match::PendingReview;
    report.opening.divisions.domicile = None;
    report.opening.divisions.residence = None;
    report
}

fn decided(decision: ReviewDecision) -> Input {
    Input::ReviewDecided {
        doubt: Doubt::Identity,
        decision,
    }
}

fn in_review() -> Desk {
    let mut desk = Desk::new();
    desk.file(NOBODY, unmatched(Source::Village, "1", "2026-03"))
        .unwrap();
    desk.file(
        NOBODY,
        unmatched(Source::MedicalCertificate, "2", "2026-03-02"),
    )
    .unwrap();
    desk
}

#[test]
fn nothing_is_published_until_somebody_decides() {
    let desk = in_review();
    assert_eq!(desk.phase(NOBODY), Phase::InReview);
    assert_eq!(desk.case(NOBODY).evidence.len(), 2);
    assert_eq!(desk.case(NOBODY).review.unwrap().due_at, due(START, 5));
    assert!(desk.facts.is_empty());
}

#[test]
fn a_new_person_is_confirmed_by_what_was_told() {
    let mut desk = in_review();
    let counts = decided(ReviewDecision::Counts {
        divisions: divisions(),
    });
    let step = desk.give(NOBODY, &counts).unwrap();
    let fact = step.fact().unwrap();
    assert_eq!((fact.kind, fact.died_on), (Confirmed, date("2026-03-02")));
    assert_eq!(fact.domicile, divisions().domicile);
    assert_eq!(
        desk.give(NOBODY, &counts).unwrap_err(),
        Rejection::NothingInDoubt
    );
}

#[test]
fn a_refused_report_ends_the_case_silently() {
    let mut desk = in_review();
    let step = desk
        .give(NOBODY, &decided(ReviewDecision::Refused))
        .unwrap();
    assert_eq!((step.case.phase, step.fact()), (Phase::Rejected, None));
    assert!(desk.open_items(NOBODY).is_empty());
}

#[test]
fn the_evidence_moves_to_the_known_person() {
    // Whether that person has an open case, an ended one, or none.
    for reported_before in [false, true] {
        let mut desk = in_review();
        if reported_before {
            desk.file(KNOWN, said(Source::Family, "3", "2026-03"))
                .unwrap();
        }
        let evidence = desk.case(NOBODY).evidence.clone();
        let survivor = desk.absorb(KNOWN, evidence.clone()).unwrap().case.id;
        desk.give(NOBODY, &decided(ReviewDecision::KnownPerson { survivor }))
            .unwrap();
        assert_eq!(desk.phase(NOBODY), Phase::MergedInto);
        assert_eq!(desk.case(NOBODY).merged_into, Some(survivor));
        assert!(desk.case(NOBODY).evidence.is_empty() && desk.open_items(NOBODY).is_empty());
        assert_eq!(desk.phase(KNOWN), Phase::Notifying);
        let expected = if reported_before {
            vec![Suspected, Confirmed]
        } else {
            vec![Confirmed]
        };
        assert_eq!(desk.kinds(KNOWN), expected);
        assert!(desk.kinds(NOBODY).is_empty());

        // The event of the merge, after the command: nothing is left to do.
        let again = desk.absorb(KNOWN, evidence).unwrap();
        assert_eq!(again.effects, []);
        let merged = desk.give(NOBODY, &Input::Merged { survivor }).unwrap();
        assert_eq!(merged.effects, [Effect::Noted(Note::NothingWaits)]);
        let late = desk
            .file(NOBODY, said(Source::Family, "4", "2026-03"))
            .unwrap_err();
        assert_eq!(late, Rejection::CaseMerged);
    }
}

#[test]
fn the_event_of_a_merge_alone_does_the_same() {
    let mut by_command = in_review();
    let mut by_event = in_review();
    for (desk, input) in [
        (
            &mut by_command,
            decided(ReviewDecision::KnownPerson { survivor: id(5) }),
        ),
        (&mut by_event, Input::Merged { survivor: id(5) }),
    ] {
        let evidence = desk.case(NOBODY).evidence.clone();
        desk.absorb(KNOWN, evidence).unwrap();
        desk.give(NOBODY, &input).unwrap();
    }
    assert_eq!(by_command.cases, by_event.cases);
    assert_eq!(
        by_command.last_closed(),
        Some((ItemKind::DecideReview, ItemEnd::Decided))
    );
    assert_eq!(
        by_event.last_closed(),
        Some((ItemKind::DecideReview, ItemEnd::NoLongerNeeded))
    );
}

#[test]
fn a_merge_after_an_end_opens_the_survivors_next_episode() {
    let mut desk = in_review();
    desk.file(KNOWN, said(Source::Family, "3", "2026-03"))
        .unwrap();
    desk.give(KNOWN, &Input::Verified(Finding::Alive)).unwrap();
    let evidence = desk.case(NOBODY).evidence.clone();
    let step = desk.absorb(KNOWN, evidence).unwrap();
    assert_eq!((step.case.episode, step.case.fact_version), (2, 3));
}

#[test]
fn a_case_that_stands_is_not_given_to_somebody_else() {
    let mut desk = Desk::new();
    desk.file(KNOWN, said(Source::MedicalCertificate, "1", "2026-03-02"))
        .unwrap();
    desk.file(KNOWN, unmatched(Source::Village, "2", "2026-01"))
        .unwrap();
    assert_eq!(desk.phase(KNOWN), Phase::Notifying);
    assert_eq!(desk.open_items(KNOWN), [ItemKind::DecideReview]);
    assert_eq!(
        desk.case(KNOWN).conflict,
        None,
        "what is in doubt contradicts nobody"
    );
    let given = decided(ReviewDecision::KnownPerson { survivor: id(5) });
    assert_eq!(
        desk.give(KNOWN, &given).unwrap_err(),
        Rejection::NotInReview
    );
    desk.give(KNOWN, &decided(ReviewDecision::Refused)).unwrap();
    assert!(desk.open_items(KNOWN).is_empty());
    assert_eq!(desk.phase(KNOWN), Phase::Notifying);
}

#[test]
fn of_a_document_told_of_both_records_the_newest_revision_counts() {
    let mut desk = in_review();
    let older = desk.case(NOBODY).evidence.clone();
    let mut reissued = said(Source::MedicalCertificate, "2", "2026-03-05");
    reissued.revisions_elsewhere = 1;
    desk.file(KNOWN, reissued).unwrap();
    let case = desk.absorb(KNOWN, older).unwrap().case;
    let standings: Vec<_> = case
        .evidence
        .iter()
        .map(|item| {
            (
                item.document.reference.as_str(),
                item.revision,
                item.standing,
            )
        })
        .collect();
    assert_eq!(
        standings,
        [
            ("2", 2, Standing::Current),
            ("1", 1, Standing::Current),
            ("2", 1, Standing::Superseded),
        ]
    );
    assert_eq!(case.died_on, date("2026-03-05"));
    assert_eq!(case.conflict, None);
}

#[test]
fn a_decision_that_nobody_makes_in_time_becomes_urgent() {
    let mut desk = in_review();
    let urgency = |desk: &Desk| items(desk.case(NOBODY))[0].urgency;
    let early = desk.give(NOBODY, &Input::DecisionsOverdue).unwrap();
    assert_eq!(early.effects, [Effect::Noted(Note::NotYetDue)]);
    assert_eq!(urgency(&desk), Urgency::Normal);
    assert_eq!(desk.case(NOBODY).decision_due_at(), Some(due(START, 5)));
    desk.today = START + 8.days();
    desk.give(NOBODY, &Input::DecisionsOverdue).unwrap();
    assert_eq!(urgency(&desk), Urgency::Alarm);
    assert_eq!(desk.case(NOBODY).decision_due_at(), None);
    let again = desk.give(NOBODY, &Input::DecisionsOverdue).unwrap();
    assert_eq!(again.effects, [Effect::Noted(Note::NothingWaits)]);
}
