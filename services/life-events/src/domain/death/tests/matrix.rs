//! Every input in every phase: what happens, or why not.

use jiff::ToSpan;
use minzheng_chassis::person::FactKind;
use minzheng_chassis::problem::DomainError;
use uuid::Uuid;

use super::desk::*;
use crate::domain::death::*;

const P: Uuid = Uuid::from_u128(1);
const REVERSAL: Uuid = Uuid::from_u128(77);

/// A case in a phase. NOTIFYING and SETTLED have a conflict and a pending reversal, FINISHED
/// cannot have either.
fn in_phase(phase: Phase) -> Desk {
    let mut desk = Desk::new();
    let alive = Input::Verified(Finding::Alive);
    match phase {
        Phase::InReview | Phase::MergedInto => {
            let mut report = said(Source::Village, "1", "2026-03");
            report.identity = Match::PendingReview;
            desk.file(P, report).unwrap();
            if phase == Phase::MergedInto {
                desk.give(P, &Input::Merged { survivor: id(5) }).unwrap();
            }
        }
        Phase::Reported => {
            desk.file(P, said(Source::DataHint, "1", "2026-03"))
                .unwrap();
        }
        Phase::Suspected | Phase::Rejected => {
            desk.file(P, said(Source::Village, "1", "2026-03")).unwrap();
            if phase == Phase::Rejected {
                desk.give(P, &alive).unwrap();
            }
        }
        Phase::Notifying | Phase::Settled => {
            confirm(&mut desk);
            desk.file(P, said(Source::Village, "2", "2026-01")).unwrap();
            desk.give(P, &prepared()).unwrap();
            if phase == Phase::Settled {
                desk.answer_all(P, Outcome::Done);
            }
        }
        Phase::Finished => {
            confirm(&mut desk);
            desk.answer_all(P, Outcome::Done);
        }
        Phase::Reversing | Phase::Reversed => {
            confirm(&mut desk);
            desk.give(P, &prepared()).unwrap();
            desk.give(P, &approved()).unwrap();
            if phase == Phase::Reversed {
                desk.answer_all(P, Outcome::Done);
            }
        }
    }
    assert_eq!(desk.phase(P), phase);
    desk.today = START + 60.days();
    desk
}

fn confirm(desk: &mut Desk) {
    desk.file(P, said(Source::MedicalCertificate, "1", "2026-03-02"))
        .unwrap();
}

fn prepared() -> Input {
    Input::ReversalPrepared(ReversalRequest {
        id: REVERSAL,
        prepared_by: "clerk-1".to_owned(),
        reason: "seen alive".to_owned(),
        revoked_on: None,
    })
}

fn approved() -> Input {
    Input::ReversalDecided(ReversalDecision {
        reversal_id: REVERSAL,
        decided_by: "clerk-2".to_owned(),
        approved: true,
    })
}

fn reported(source: Source) -> Report {
    let mut report = said(source, "9", "2026-03-03");
    report.evidence_id = id(0x91);
    report.opening.case_id = id(0x92);
    report.opening.person_id = P;
    report
}

/// Every input, in a form that fits where any does.
fn input(name: &str, desk: &mut Desk) -> Input {
    let case = desk.case(P).clone();
    let review = |decision| Input::ReviewDecided {
        doubt: Doubt::Identity,
        decision,
    };
    match name {
        "certificate" => Input::Evidence(reported(Source::MedicalCertificate)),
        "facility" => Input::Evidence(reported(Source::CareFacility)),
        "hint" => Input::Evidence(reported(Source::DataHint)),
        "absorbed" => {
            let mut other = Desk::new();
            let mut evidence = other
                .file(id(8), reported(Source::Village))
                .unwrap()
                .case
                .evidence;
            evidence[0].id = id(0x94);
            Input::Absorbed(Absorption {
                evidence,
                opening: reported(Source::Village).opening,
            })
        }
        "review: counts" => review(ReviewDecision::Counts {
            divisions: divisions(),
        }),
        "review: known" => review(ReviewDecision::KnownPerson { survivor: id(5) }),
        "review: refused" => review(ReviewDecision::Refused),
        "conflict decided" => Input::ConflictDecided {
            evidence_id: case.evidence.last().map_or(Uuid::nil(), |item| item.id),
        },
        "verified dead" => Input::Verified(Finding::Dead(Box::new(reported(
            Source::MedicalCertificate,
        )))),
        "verified alive" => Input::Verified(Finding::Alive),
        "verification lapsed" => Input::VerificationLapsed,
        "receipt" => match desk.facts.last().cloned() {
            Some(fact) => desk.receipt(&fact, "residents", Outcome::NeedsHuman),
            None => Input::ReceiptArrived(Receipt {
                fact_version: 1,
                department: "residents".to_owned(),
                answers: vec![("mark-deceased".to_owned(), answer(0x93, Outcome::Done))],
            }),
        },
        "corrected" => Input::Corrected {
            died_on: date("2026-02-01"),
            cause: CorrectionCause::Formal,
            ruling: Ruling::default(),
        },
        "reversal prepared" => prepared(),
        "reversal approved" => approved(),
        "answers overdue" => Input::AnswersOverdue,
        "decisions overdue" => Input::DecisionsOverdue,
        "overdue closed" => Input::ItemClosed(ItemKind::OverdueAnswer),
        "review closed" => Input::ItemClosed(ItemKind::DecideReview),
        "merged" => Input::Merged { survivor: id(5) },
        "moved" => Input::Moved {
            divisions: elsewhere(),
        },
        "overtaken" => Input::Overtaken { fact_version: 9 },
        name => panic!("no input {name}"),
    }
}

/// In short: the phase and the fact announced, an item opened or closed, a note, a refusal.
fn told(before: &Case, result: Result<Step, Rejection>) -> String {
    let step = match result {
        Ok(step) => step,
        Err(rejection) => return rejection.reason().to_owned(),
    };
    if let [Effect::Noted(note)] = step.effects[..] {
        assert_eq!(step.case, *before, "what is noted changes nothing");
        return note.name().to_owned();
    }
    if step.case == *before {
        return "nothing".to_owned();
    }
    let episode = if step.case.id == before.id {
        ""
    } else {
        "next "
    };
    let fact = step.fact().map_or("", |fact| match fact.kind {
        FactKind::Suspected => "+suspected",
        FactKind::Lifted => "+lifted",
        FactKind::Confirmed => "+confirmed",
        FactKind::Corrected => "+corrected",
        FactKind::Reversed => "+reversed",
    });
    format!("{episode}{}{fact}", step.case.phase.name())
}

/// Phases in the order of [`Phase::ALL`]; the same text for several phases is given once, with
/// how many it stands for.
type Row = (&'static str, &'static [(usize, &'static str)]);

const TABLE: &[Row] = &[
    (
        "certificate",
        &[
            (3, "notifying+confirmed"),
            (1, "notifying"),
            (2, "settled"),
            (3, "next notifying+confirmed"),
            (1, "CASE_MERGED"),
        ],
    ),
    (
        "facility",
        &[
            (3, "suspected+suspected"),
            (1, "notifying"),
            (2, "settled"),
            (3, "next suspected+suspected"),
            (1, "CASE_MERGED"),
        ],
    ),
    (
        "hint",
        &[
            (2, "reported"),
            (1, "suspected"),
            (1, "notifying"),
            (1, "settled"),
            (1, "finished"),
            (3, "next reported"),
            (1, "CASE_MERGED"),
        ],
    ),
    (
        "absorbed",
        &[
            (3, "suspected+suspected"),
            (1, "notifying"),
            (2, "settled"),
            (3, "next suspected+suspected"),
            (1, "CASE_MERGED"),
        ],
    ),
    (
        "review: counts",
        &[(1, "suspected+suspected"), (9, "NOTHING_IN_DOUBT")],
    ),
    (
        "review: known",
        &[
            (1, "merged_into"),
            (5, "NOT_IN_REVIEW"),
            (4, "NOTHING_IN_DOUBT"),
        ],
    ),
    (
        "review: refused",
        &[(1, "rejected"), (9, "NOTHING_IN_DOUBT")],
    ),
    (
        "conflict decided",
        &[
            (3, "NO_CONFLICT"),
            (2, "notifying+corrected"),
            (5, "NO_CONFLICT"),
        ],
    ),
    (
        "verified dead",
        &[
            (1, "NOT_UNDER_VERIFICATION"),
            (2, "notifying+confirmed"),
            (7, "NOT_UNDER_VERIFICATION"),
        ],
    ),
    (
        "verified alive",
        &[
            (1, "NOT_UNDER_VERIFICATION"),
            (1, "rejected"),
            (1, "rejected+lifted"),
            (7, "NOT_UNDER_VERIFICATION"),
        ],
    ),
    (
        "verification lapsed",
        &[
            (1, "nothing_waits"),
            (1, "reported"),
            (1, "rejected+lifted"),
            (7, "nothing_waits"),
        ],
    ),
    (
        "receipt",
        &[
            (2, "unknown_fact"),
            (1, "suspected"),
            (1, "notifying"),
            (2, "settled"),
            (1, "reversing"),
            (1, "reversed"),
            (1, "rejected"),
            (1, "unknown_fact"),
        ],
    ),
    (
        "corrected",
        &[
            (3, "NOT_CONFIRMED"),
            (3, "notifying+corrected"),
            (4, "NOT_CONFIRMED"),
        ],
    ),
    (
        "reversal prepared",
        &[
            (3, "NOT_CONFIRMED"),
            (2, "REVERSAL_PENDING"),
            (1, "settled"),
            (4, "NOT_CONFIRMED"),
        ],
    ),
    (
        "reversal approved",
        &[
            (3, "NO_SUCH_REVERSAL"),
            (2, "reversing+reversed"),
            (5, "NO_SUCH_REVERSAL"),
        ],
    ),
    (
        "answers overdue",
        &[
            (2, "nothing_waits"),
            (1, "suspected"),
            (1, "notifying"),
            (2, "nothing_waits"),
            (1, "reversing"),
            (1, "nothing_waits"),
            (1, "rejected"),
            (1, "nothing_waits"),
        ],
    ),
    (
        "decisions overdue",
        &[
            (1, "in_review"),
            (2, "nothing_waits"),
            (1, "notifying"),
            (1, "settled"),
            (5, "nothing_waits"),
        ],
    ),
    ("overdue closed", &[(10, "nothing_waits")]),
    ("review closed", &[(10, "ITEM_NEEDS_DECISION")]),
    ("merged", &[(6, "merged_into"), (4, "nothing_waits")]),
    (
        "moved",
        &[
            (1, "in_review"),
            (1, "reported"),
            (1, "suspected"),
            (1, "notifying"),
            (1, "settled"),
            (1, "finished"),
            (1, "reversing"),
            (3, "nothing_waits"),
        ],
    ),
    (
        "overtaken",
        &[
            (6, "nothing_waits"),
            (1, "reversed"),
            (1, "nothing"),
            (1, "rejected"),
            (1, "nothing_waits"),
        ],
    ),
];

#[test]
fn every_input_in_every_phase() {
    for (name, expected) in TABLE {
        let expected: Vec<&str> = expected
            .iter()
            .flat_map(|(count, text)| vec![*text; *count])
            .collect();
        let results: Vec<String> = Phase::ALL
            .iter()
            .map(|phase| {
                let mut desk = in_phase(*phase);
                let input = input(name, &mut desk);
                let before = desk.case(P).clone();
                let result = desk.give(P, &input);
                told(&before, result)
            })
            .collect();
        assert_eq!(results, expected, "{name}");
    }
}

/// Told again, an event has no effect and a command is refused or repeats itself idly: never a
/// second fact, a second item, a second case.
#[test]
fn every_input_twice() {
    for (name, _) in TABLE {
        for phase in Phase::ALL {
            let mut desk = in_phase(*phase);
            let input = input(name, &mut desk);
            let Ok(first) = desk.give(P, &input) else {
                continue;
            };
            let facts = desk.facts.len();
            let Ok(second) = desk.give_case(first.case.id, &input) else {
                continue;
            };
            assert_eq!(desk.facts.len(), facts, "{name} twice in {phase:?}");
            assert_eq!(second.case, first.case, "{name} twice in {phase:?}");
        }
    }
}
