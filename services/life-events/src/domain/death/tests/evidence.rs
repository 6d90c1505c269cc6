//! What reports do to a case.

use jiff::ToSpan;
use minzheng_chassis::person::FactKind::{Confirmed, Corrected, Lifted, Suspected};
use uuid::Uuid;

use super::desk::*;
use crate::domain::death::*;

const P: Uuid = Uuid::from_u128(1);

fn desk_with(told: &[(Source, &str, &str)]) -> Desk {
    let mut desk = Desk::new();
    for (source, reference, died_on) in told {
        desk.file(P, said(*source, reference, died_on)).unwrap();
    }
    desk
}

#[test]
fn the_rank_decides_where_a_case_begins() {
    let expected = [
        (1, Phase::Notifying, &[Confirmed][..]),
        (2, Phase::Notifying, &[Confirmed]),
        (3, Phase::Notifying, &[Confirmed]),
        (4, Phase::Suspected, &[Suspected]),
        (5, Phase::Suspected, &[Suspected]),
        (6, Phase::Reported, &[]),
    ];
    for source in Source::ALL {
        let desk = desk_with(&[(*source, "1", "2026-03-02")]);
        let (_, phase, kinds) = expected[usize::from(source.rank()) - 1];
        assert_eq!(desk.phase(P), phase, "{source:?}");
        assert_eq!(desk.kinds(P), kinds, "{source:?}");
        let verified = desk.open_items(P) == [ItemKind::VerifyDeath];
        assert_eq!(verified, source.rank() > 3);
    }
}

#[test]
fn stronger_evidence_raises_a_case_and_closes_the_verification() {
    let mut desk = desk_with(&[(Source::DataHint, "1", "unknown")]);
    assert_eq!(desk.case(P).fact_version, 0);
    desk.today = START + 1.day();
    desk.file(P, said(Source::Family, "2", "2026-03-02"))
        .unwrap();
    assert_eq!(desk.phase(P), Phase::Suspected);
    assert_eq!(desk.case(P).due_at(), Some(due(desk.today, 15)));
    desk.file(P, said(Source::CremationCertificate, "3", "2026-03-02"))
        .unwrap();
    assert_eq!(desk.kinds(P), [Suspected, Confirmed]);
    assert_eq!(
        desk.last_closed(),
        Some((ItemKind::VerifyDeath, ItemEnd::NoLongerNeeded))
    );
    assert_eq!(desk.case(P).due_at(), None);
}

#[test]
fn a_hint_only_opens_a_verification() {
    for source in [Source::Village, Source::MedicalCertificate] {
        let mut desk = desk_with(&[(source, "1", "2026-03")]);
        let before = desk.fingerprint(P);
        let step = desk
            .file(P, said(Source::DataHint, "2", "2026-02-02"))
            .unwrap();
        assert_eq!(step.effects, []);
        assert_eq!(desk.fingerprint(P), before);
        assert_eq!(step.case.evidence.len(), 2);
    }
}

#[test]
fn the_same_document_with_the_same_content_is_known() {
    let mut desk = desk_with(&[(Source::Village, "1", "2026-03")]);
    let before = desk.case(P).clone();
    let step = desk.file(P, said(Source::Village, "1", "2026-03")).unwrap();
    assert_eq!(step.case, before);
    assert_eq!(step.effects, [Effect::Noted(Note::Duplicate)]);
}

#[test]
fn the_same_document_with_another_content_is_a_new_revision() {
    let mut desk = desk_with(&[(Source::MedicalCertificate, "1", "2026-03-02")]);
    let step = desk
        .file(P, said(Source::MedicalCertificate, "1", "2026-02-02"))
        .unwrap();
    let fact = step.fact().unwrap();
    assert_eq!(
        (fact.kind, fact.cause),
        (Corrected, Some(Cause::FormalCorrection))
    );
    assert_eq!(fact.died_on, date("2026-02-02"));
    let revisions: Vec<_> = step
        .case
        .evidence
        .iter()
        .map(|item| (item.revision, item.standing))
        .collect();
    assert_eq!(
        revisions,
        [(1, Standing::Superseded), (2, Standing::Current)]
    );
    assert_eq!(step.case.conflict, None);
    // The first revision, told once more, is no third one.
    desk.file(P, said(Source::MedicalCertificate, "1", "2026-03-02"))
        .unwrap();
    assert_eq!(desk.case(P).evidence.len(), 2);
    assert_eq!(desk.case(P).died_on, date("2026-02-02"));
}

#[test]
fn a_reissue_without_another_date_moves_no_date() {
    let mut desk = desk_with(&[
        (Source::MedicalCertificate, "1", "2026-03-02"),
        (Source::PoliceCertificate, "2", "2026-03-04"),
    ]);
    assert!(desk.case(P).conflict.is_some());
    let mut reissued = said(Source::MedicalCertificate, "1", "2026-03-02");
    reissued.statement.place = Some("520102".parse().unwrap());
    let step = desk.file(P, reissued).unwrap();
    assert_eq!(step.case.died_on, date("2026-03-02"));
    assert_eq!(step.fact(), None);
}

#[test]
fn better_evidence_corrects_what_was_announced() {
    let mut desk = desk_with(&[(Source::HouseholdCancellation, "1", "2026-03")]);
    let step = desk
        .file(P, said(Source::MedicalCertificate, "2", "2026-03-02"))
        .unwrap();
    let fact = step.fact().unwrap();
    assert_eq!(
        (fact.kind, fact.cause),
        (Corrected, Some(Cause::QualityAssurance))
    );
    assert_eq!(step.case.conflict, None);
    let mut desk = desk_with(&[(Source::Village, "1", "2026-03")]);
    desk.file(P, said(Source::CareFacility, "2", "2026-03-02"))
        .unwrap();
    assert_eq!(desk.kinds(P), [Suspected, Suspected]);
    assert_eq!(desk.case(P).died_on, date("2026-03-02"));
    assert_eq!(
        desk.case(P).due_at(),
        Some(due(START, 15)),
        "the deadline is the first one's"
    );
}

#[test]
fn a_conflict_stands_beside_the_phase_and_takes_nothing_back() {
    let mut desk = desk_with(&[(Source::MedicalCertificate, "1", "2026-03-02")]);
    desk.answer_all(P, Outcome::Done);
    assert_eq!(desk.phase(P), Phase::Finished);
    assert_eq!(clearance(desk.case(P), 1), []);
    desk.file(P, said(Source::PoliceCertificate, "2", "2026-03-04"))
        .unwrap();
    assert_eq!(desk.kinds(P), [Confirmed]);
    assert_eq!(desk.phase(P), Phase::Settled);
    assert_eq!(desk.open_items(P), [ItemKind::DecideConflict]);
    assert_eq!(clearance(desk.case(P), 1), [Blocking::Conflict]);
    assert_eq!(desk.case(P).conflict.unwrap().due_at, due(START, 5));

    let police = desk.case(P).evidence[1].id;
    let step = desk
        .give(
            P,
            &Input::ConflictDecided {
                evidence_id: police,
            },
        )
        .unwrap();
    let fact = step.fact().unwrap();
    assert_eq!((fact.kind, fact.died_on), (Corrected, date("2026-03-04")));
    assert_eq!(step.case.evidence[0].standing, Standing::Overruled);
    assert_eq!(
        desk.last_closed(),
        Some((ItemKind::DecideConflict, ItemEnd::Decided))
    );
    desk.answer_all(P, Outcome::Done);
    assert_eq!(desk.phase(P), Phase::Finished);
    assert_eq!(clearance(desk.case(P), 2), []);
    assert_eq!(clearance(desk.case(P), 1), [Blocking::FactVersionOld]);

    // What a person ruled is disputed only by what contradicts it.
    desk.file(P, said(Source::Village, "3", "2026-03")).unwrap();
    assert_eq!(desk.case(P).conflict, None);
    desk.file(P, said(Source::Village, "4", "2026-03-02"))
        .unwrap();
    assert!(desk.case(P).conflict.is_some());
    let again = desk
        .give(
            P,
            &Input::ConflictDecided {
                evidence_id: police,
            },
        )
        .unwrap();
    assert_eq!((again.fact(), again.case.phase), (None, Phase::Finished));
}

#[test]
fn a_conflict_is_decided_by_evidence_that_counts_and_states_a_date() {
    let mut desk = desk_with(&[
        (Source::MedicalCertificate, "1", "2026-03-02"),
        (Source::PoliceCertificate, "2", "2026-03-04"),
        (Source::Village, "3", "unknown"),
    ]);
    let by = |evidence_id| Input::ConflictDecided { evidence_id };
    assert_eq!(
        desk.give(P, &by(id(9))).unwrap_err(),
        Rejection::NoSuchEvidence
    );
    let silent = desk.case(P).evidence[2].id;
    assert_eq!(
        desk.give(P, &by(silent)).unwrap_err(),
        Rejection::EvidenceStatesNoDate
    );
    let chosen = desk.case(P).evidence[0].id;
    let step = desk.give(P, &by(chosen)).unwrap();
    assert_eq!(step.fact(), None, "the date stood already");
    assert_eq!(
        desk.give(P, &by(chosen)).unwrap_err(),
        Rejection::NoConflict
    );
}

#[test]
fn a_verification_finds_the_person_dead_or_alive() {
    let dead = |source| Input::Verified(Finding::Dead(Box::new(said(source, "9", "2026-03-02"))));
    for weak in [Source::DataHint, Source::Village] {
        let mut desk = desk_with(&[(weak, "1", "2026-03")]);
        assert_eq!(
            desk.give(P, &dead(Source::Family)).unwrap_err(),
            Rejection::ProofNeeded
        );
        desk.give(P, &dead(Source::MedicalCertificate)).unwrap();
        assert_eq!(desk.phase(P), Phase::Notifying);
        assert_eq!(
            desk.last_closed(),
            Some((ItemKind::VerifyDeath, ItemEnd::Decided))
        );
        let again = desk.give(P, &dead(Source::MedicalCertificate)).unwrap_err();
        assert_eq!(again, Rejection::NotUnderVerification);
    }
    let alive = Input::Verified(Finding::Alive);
    let mut suspected = desk_with(&[(Source::Village, "1", "2026-03")]);
    let step = suspected.give(P, &alive).unwrap();
    let fact = step.fact().unwrap();
    assert_eq!((fact.kind, fact.cause), (Lifted, Some(Cause::Cancelled)));
    assert_eq!(
        (step.case.phase, step.case.fact_version),
        (Phase::Rejected, 2)
    );
    let mut hinted = desk_with(&[(Source::DataHint, "1", "2026-03")]);
    assert_eq!(
        hinted.give(P, &alive).unwrap().fact(),
        None,
        "nothing to lift"
    );
    assert_eq!(hinted.phase(P), Phase::Rejected);
}

#[test]
fn a_suspicion_lapses_at_its_deadline_and_not_before() {
    let mut desk = desk_with(&[(Source::CareFacility, "1", "2026-03-08")]);
    desk.answer_all(P, Outcome::Done);
    assert_eq!(desk.phase(P), Phase::Suspected, "a suspicion never settles");
    desk.today = START + 20.days();
    let early = desk.give(P, &Input::VerificationLapsed).unwrap();
    assert_eq!(early.effects, [Effect::Noted(Note::NotYetDue)]);
    desk.today = START + 23.days();
    desk.give(P, &Input::VerificationLapsed).unwrap();
    assert_eq!(desk.kinds(P), [Suspected, Lifted]);
    assert_eq!(desk.phase(P), Phase::Rejected);
    assert!(desk.open_items(P).is_empty());
    let again = desk.give(P, &Input::VerificationLapsed).unwrap();
    assert_eq!(again.effects, [Effect::Noted(Note::NothingWaits)]);
    // What was held is answered as freed.
    desk.answer_all(P, Outcome::Done);
    assert!(waiting(desk.case(P)).is_empty());
}

#[test]
fn a_hint_that_nobody_verified_is_escalated_once() {
    let mut desk = desk_with(&[(Source::DataHint, "1", "unknown")]);
    desk.today = START + 40.days();
    let step = desk.give(P, &Input::VerificationLapsed).unwrap();
    assert_eq!(step.case.phase, Phase::Reported);
    assert!(matches!(
        step.effects[..],
        [Effect::ChangeItem(Item {
            kind: ItemKind::VerifyDeath,
            urgency: Urgency::Alarm,
            ..
        })]
    ));
    assert_eq!(step.case.due_at(), None);
    let again = desk.give(P, &Input::VerificationLapsed).unwrap();
    assert_eq!(again.effects, [Effect::Noted(Note::NothingWaits)]);
}

#[test]
fn dates_in_the_future_and_declarations_without_a_court_are_refused() {
    let mut desk = Desk::new();
    let future = desk
        .file(P, said(Source::Village, "1", "2026-03-10"))
        .unwrap_err();
    assert_eq!(future, Rejection::FutureDate { field: "died_on" });
    assert_eq!(
        desk.file(P, said(Source::Village, "1", "2026-04"))
            .unwrap_err(),
        future
    );
    // Not a year that anybody in the register can have died in; 130 years back is.
    for early in ["1800", "0001-01-01", "1895-12-31"] {
        let refused = desk.file(P, said(Source::Village, "1", early));
        let early = Rejection::DateTooEarly { field: "died_on" };
        assert_eq!(refused.unwrap_err(), early);
    }
    let mut undated = said(Source::Village, "1", "2026-03");
    undated.statement.document_date = Some(date("2026-03-10"));
    let refused = desk.file(P, undated).unwrap_err();
    assert_eq!(
        refused,
        Rejection::FutureDate {
            field: "document_date"
        }
    );
    // As coarse as they are given, a document is no older than the death that it states.
    for (died_on, issued_on, is_refused) in [
        ("2026-03-02", "2026-03-01", true),
        ("2026-03", "2026-02", true),
        ("2026-03-02", "2025", true),
        ("2026-03-02", "2026-03-02", false),
        ("2026-03-02", "2026-03", false),
        ("2026", "2026-01-01", false),
        ("unknown", "2026-01-01", false),
    ] {
        let mut issued = said(Source::MedicalCertificate, "1", died_on);
        issued.statement.document_date = Some(date(issued_on));
        let refused = issued.statement.check(desk.today).err();
        let expected = is_refused.then_some(Rejection::DocumentBeforeDeath);
        assert_eq!(refused, expected, "died {died_on}, issued {issued_on}");
    }
    let mut declared = said(Source::MedicalCertificate, "1", "2026-03");
    declared.statement.declared_on = Some(date("2026-03-01"));
    assert_eq!(
        desk.file(P, declared).unwrap_err(),
        Rejection::DeclarationNeedsJudgment
    );
    assert!(desk.cases.is_empty());
    desk.file(P, said(Source::Village, "1", "2026-03")).unwrap();
    desk.file(P, said(Source::MedicalCertificate, "2", "2026-03-09"))
        .unwrap();
}

#[test]
fn corrections_are_rulings() {
    let mut desk = desk_with(&[(Source::MedicalCertificate, "1", "2026-03-02")]);
    let to = |text: &str, cause| Input::Corrected {
        died_on: date(text),
        cause,
        ruling: Ruling::default(),
    };
    let future = desk
        .give(P, &to("2026-04-02", CorrectionCause::Formal))
        .unwrap_err();
    assert_eq!(future, Rejection::FutureDate { field: "died_on" });
    let early = desk
        .give(P, &to("1800", CorrectionCause::Formal))
        .unwrap_err();
    assert_eq!(early, Rejection::DateTooEarly { field: "died_on" });
    let same = desk
        .give(P, &to("2026-03-02", CorrectionCause::Formal))
        .unwrap_err();
    assert_eq!(same, Rejection::NothingToCorrect);
    let causes = [
        (
            CorrectionCause::Formal,
            Cause::FormalCorrection,
            "2026-03-03",
        ),
        (
            CorrectionCause::QualityAssurance,
            Cause::QualityAssurance,
            "2026-03-04",
        ),
        (
            CorrectionCause::Typographical,
            Cause::Typographical,
            "2026-03-05",
        ),
    ];
    for (version, (given, cause, text)) in (2..).zip(causes) {
        let step = desk.give(P, &to(text, given)).unwrap();
        let fact = step.fact().unwrap();
        assert_eq!((fact.kind, fact.cause), (Corrected, Some(cause)));
        assert_eq!((fact.fact_version, fact.died_on), (version, date(text)));
        assert_eq!(step.case.phase, Phase::Notifying);
    }
    // Told once more what was corrected, the case does not move.
    desk.file(P, said(Source::MedicalCertificate, "1", "2026-03-02"))
        .unwrap();
    assert_eq!(desk.case(P).died_on, date("2026-03-05"));
    assert_eq!(desk.case(P).conflict, None);
}

#[test]
fn clearance_needs_rank_1() {
    let mut desk = desk_with(&[(Source::HouseholdCancellation, "1", "2026-03-02")]);
    assert_eq!(clearance(desk.case(P), 1), [Blocking::NoRank1Evidence]);
    desk.file(P, said(Source::MedicalCertificate, "2", "2026-03-02"))
        .unwrap();
    assert_eq!(clearance(desk.case(P), 1), []);
    let suspected = desk_with(&[(Source::Village, "1", "2026-03")]);
    let reasons = [Blocking::NotConfirmed, Blocking::NoRank1Evidence];
    assert_eq!(clearance(suspected.case(P), 1), reasons);
}
