//! A person reported again after a reversal or a rejection.

use jiff::ToSpan;
use minzheng_chassis::person::FactKind::{Confirmed, Lifted, Reversed, Suspected};
use uuid::Uuid;

use super::desk::*;
use crate::domain::death::*;

const P: Uuid = Uuid::from_u128(1);

fn reverse(desk: &mut Desk) {
    let request = ReversalRequest {
        id: id(77),
        prepared_by: "clerk-1".to_owned(),
        reason: "seen alive".to_owned(),
        revoked_on: None,
    };
    let decision = ReversalDecision {
        reversal_id: id(77),
        decided_by: "clerk-2".to_owned(),
        approved: true,
    };
    desk.give(P, &Input::ReversalPrepared(request)).unwrap();
    desk.give(P, &Input::ReversalDecided(decision)).unwrap();
}

fn reversing() -> Desk {
    let mut desk = Desk::new();
    desk.file(P, said(Source::MedicalCertificate, "1", "2026-03-02"))
        .unwrap();
    reverse(&mut desk);
    desk.today = START + 30.days();
    desk
}

fn document(reference: &str, dated: &str) -> Report {
    let mut report = said(Source::MedicalCertificate, reference, "2026-03-02");
    report.statement.document_date = Some(date(dated));
    report
}

#[test]
fn a_report_after_a_rejection_opens_the_next_episode_and_versions_go_on() {
    let mut desk = Desk::new();
    desk.file(P, said(Source::Village, "1", "2026-03")).unwrap();
    desk.give(P, &Input::Verified(Finding::Alive)).unwrap();
    let first = desk.case(P).id;
    let step = desk
        .file(P, said(Source::MedicalCertificate, "2", "2026-03-08"))
        .unwrap();
    assert_eq!((step.case.episode, step.case.fact_version), (2, 3));
    assert_ne!(step.case.id, first);
    assert_eq!(desk.kinds(P), [Suspected, Lifted, Confirmed]);
    // What the first episode still asked will never be answered, and nobody is asked to.
    let earlier = desk.cases.iter().find(|case| case.id == first).unwrap();
    assert!(earlier.all_answered());
    assert_eq!(earlier.phase, Phase::Rejected);
    assert!(desk.open_items(P).is_empty());
}

#[test]
fn a_report_while_departments_still_undo_ends_the_reversal() {
    let mut desk = reversing();
    let first = desk.case(P).id;
    desk.file(P, said(Source::MedicalCertificate, "2", "2026-04-01"))
        .unwrap();
    assert_eq!(desk.kinds(P), [Confirmed, Reversed, Confirmed]);
    assert_eq!(
        desk.cases
            .iter()
            .find(|case| case.id == first)
            .unwrap()
            .phase,
        Phase::Reversed
    );
    desk.answer_all(P, Outcome::Done);
    assert_eq!(desk.phase(P), Phase::Finished);
}

#[test]
fn what_an_ended_case_knows_opens_nothing() {
    let mut desk = reversing();
    desk.answer_all(P, Outcome::Done);
    let step = desk
        .file(P, said(Source::MedicalCertificate, "1", "2026-03-02"))
        .unwrap();
    assert_eq!(step.effects, [Effect::Noted(Note::Duplicate)]);
    assert_eq!(desk.cases.len(), 1);
}

#[test]
fn a_document_older_than_the_reversal_waits_for_a_person() {
    let mut desk = reversing();
    let step = desk.file(P, document("2", "2026-03-03")).unwrap();
    assert_eq!((step.case.phase, step.case.episode), (Phase::InReview, 2));
    assert_eq!(
        (step.fact(), step.case.doubt()),
        (None, Some(Doubt::Document))
    );
    assert_eq!(desk.open_items(P), [ItemKind::DecideReview]);

    let review = |decision| Input::ReviewDecided {
        doubt: Doubt::Document,
        decision,
    };
    let mut refused = desk.clone();
    refused.give(P, &review(ReviewDecision::Refused)).unwrap();
    assert_eq!(refused.phase(P), Phase::Rejected);
    assert_eq!(refused.kinds(P), [Confirmed, Reversed]);

    let counts = ReviewDecision::Counts {
        divisions: divisions(),
    };
    let step = desk.give(P, &review(counts)).unwrap();
    let fact = step.fact().unwrap();
    assert_eq!((fact.kind, fact.fact_version), (Confirmed, 3));
    assert_eq!(
        fact.cause,
        Some(Cause::CancellationRemoved),
        "that same death is restored"
    );
    assert_eq!(
        desk.last_closed(),
        Some((ItemKind::DecideReview, ItemEnd::Decided))
    );
}

#[test]
fn doubt_about_one_document_does_not_depend_on_the_order() {
    let reports = [document("2", "2026-03-03"), document("3", "2026-04-05")];
    let mut ends = Vec::new();
    for order in orders(2) {
        let mut desk = reversing();
        for index in order {
            desk.file(P, reports[index].clone()).unwrap();
        }
        assert_eq!(desk.kinds(P), [Confirmed, Reversed, Confirmed]);
        assert_eq!(desk.facts[2].cause, None, "the death is proven anew");
        assert_eq!(clearance(desk.case(P), 3), [Blocking::Conflict]);
        ends.push(desk.fingerprint(P));
    }
    assert_eq!(ends[0], ends[1]);
    assert_eq!(ends[0].items, [(ItemKind::DecideReview, Urgency::Normal)]);
}

#[test]
fn an_earlier_reversal_is_remembered_through_a_rejected_episode() {
    let mut desk = reversing();
    desk.file(P, said(Source::Village, "2", "2026-04")).unwrap();
    desk.give(P, &Input::Verified(Finding::Alive)).unwrap();
    let step = desk.file(P, document("3", "2026-03-03")).unwrap();
    assert_eq!((step.case.phase, step.case.episode), (Phase::InReview, 3));
}
