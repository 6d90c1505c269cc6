//! What holds whatever happens, in whatever order. The desk checks after every step that fact
//! versions rise by one, a case is settled exactly when its latest questions are answered, and
//! the open items are those that its state needs, one of each kind.

use proptest::prelude::*;
use uuid::Uuid;

use super::desk::*;
use crate::domain::death::*;

const P: Uuid = Uuid::from_u128(1);
const Q: Uuid = Uuid::from_u128(2);

const DATES: &[&str] = &[
    "2026-03-02",
    "2026-03-05",
    "2026-03",
    "2026-02",
    "2026",
    "unknown",
    "2025-12-31",
];
const CLERKS: &[&str] = &["clerk-1", "clerk-2"];
const DEPARTMENTS: &[&str] = &["residents", "elderly-care", "child-welfare", "nobody"];

/// One thing that happens, in numbers that the desk gives a meaning.
#[derive(Clone, Debug)]
enum Event {
    Report {
        source: usize,
        reference: usize,
        date: usize,
        matched: bool,
        dated: bool,
    },
    Review {
        document: bool,
        decision: usize,
    },
    Conflict(usize),
    Verified {
        dead: bool,
    },
    Correct {
        date: usize,
        cause: usize,
    },
    Prepare {
        clerk: usize,
    },
    Decide {
        clerk: usize,
        approved: bool,
    },
    Receipt {
        back: usize,
        department: usize,
        outcome: usize,
    },
    AllAnswer(usize),
    Time {
        days: i32,
    },
    Close(usize),
    MergeOther,
    Move {
        back: bool,
    },
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (0..Source::ALL.len(), 0..6usize, 0..DATES.len(), prop::bool::weighted(0.9), any::<bool>())
            .prop_map(|(source, reference, date, matched, dated)| {
                Event::Report { source, reference, date, matched, dated }
            }),
        2 => (any::<bool>(), 0..3usize)
            .prop_map(|(document, decision)| Event::Review { document, decision }),
        2 => (0..6usize).prop_map(Event::Conflict),
        1 => any::<bool>().prop_map(|dead| Event::Verified { dead }),
        2 => (0..DATES.len(), 0..3usize).prop_map(|(date, cause)| Event::Correct { date, cause }),
        2 => (0..2usize).prop_map(|clerk| Event::Prepare { clerk }),
        2 => (0..2usize, prop::bool::weighted(0.8))
            .prop_map(|(clerk, approved)| Event::Decide { clerk, approved }),
        12 => (0..3usize, 0..DEPARTMENTS.len(), 0..Outcome::ALL.len())
            .prop_map(|(back, department, outcome)| Event::Receipt { back, department, outcome }),
        6 => (0..Outcome::ALL.len()).prop_map(Event::AllAnswer),
        2 => (0..30i32).prop_map(|days| Event::Time { days }),
        1 => (0..ItemKind::ALL.len()).prop_map(Event::Close),
        1 => Just(Event::MergeOther),
        1 => any::<bool>().prop_map(|back| Event::Move { back }),
    ]
}

fn happen(desk: &mut Desk, event: &Event) {
    let input = match event {
        Event::Report {
            source,
            reference,
            date,
            matched,
            dated,
        } => {
            let mut report = said(Source::ALL[*source], &reference.to_string(), DATES[*date]);
            // One organisation, so that documents are told again with other content.
            report.document.organisation = "o".to_owned();
            report.identity = if *matched {
                Match::Matched
            } else {
                Match::PendingReview
            };
            report.statement.document_date = dated.then(|| super::desk::date("2026-03-01"));
            let _ = desk.file(P, report);
            return;
        }
        Event::MergeOther => return merge_other(desk),
        Event::Time { days } => {
            desk.today = desk.today.saturating_add(jiff::Span::new().days(*days));
            let cases: Vec<Uuid> = desk.cases.iter().map(|case| case.id).collect();
            for case in cases {
                desk.give_case(case, &Input::AnswersOverdue).unwrap();
                desk.give_case(case, &Input::VerificationLapsed).unwrap();
            }
            return;
        }
        Event::AllAnswer(outcome) => {
            if desk.facts.iter().any(|fact| fact.person_id == P) {
                desk.answer_all(P, Outcome::ALL[*outcome]);
            }
            return;
        }
        Event::Receipt {
            back,
            department,
            outcome,
        } => {
            return receive(
                desk,
                *back,
                DEPARTMENTS[*department],
                Outcome::ALL[*outcome],
            );
        }
        Event::Review { document, decision } => Input::ReviewDecided {
            doubt: if *document {
                Doubt::Document
            } else {
                Doubt::Identity
            },
            decision: match decision {
                0 => ReviewDecision::Counts {
                    divisions: divisions(),
                },
                1 => ReviewDecision::KnownPerson { survivor: id(5) },
                _ => ReviewDecision::Refused,
            },
        },
        Event::Conflict(index) => {
            let known = desk.latest(P).and_then(|case| case.evidence.get(*index));
            Input::ConflictDecided {
                evidence_id: known.map_or(Uuid::nil(), |item| item.id),
            }
        }
        Event::Verified { dead: false } => Input::Verified(Finding::Alive),
        Event::Verified { dead: true } => Input::Verified(Finding::Dead(Box::new(proof(desk)))),
        Event::Correct { date, cause } => Input::Corrected {
            died_on: super::desk::date(DATES[*date]),
            ruling: Ruling::default(),
            cause: [
                CorrectionCause::Formal,
                CorrectionCause::QualityAssurance,
                CorrectionCause::Typographical,
            ][*cause],
        },
        Event::Prepare { clerk } => Input::ReversalPrepared(ReversalRequest {
            id: id(77),
            prepared_by: CLERKS[*clerk].to_owned(),
            reason: "seen alive".to_owned(),
            revoked_on: None,
        }),
        Event::Decide { clerk, approved } => Input::ReversalDecided(ReversalDecision {
            reversal_id: id(77),
            decided_by: CLERKS[*clerk].to_owned(),
            approved: *approved,
        }),
        Event::Close(kind) => Input::ItemClosed(ItemKind::ALL[*kind]),
        Event::Move { back } => Input::Moved {
            divisions: if *back { divisions() } else { elsewhere() },
        },
    };
    if desk.latest(P).is_some() {
        let before = desk.case(P).clone();
        if desk.give(P, &input).is_err() {
            assert_eq!(*desk.case(P), before, "a refusal changes nothing");
        }
    }
}

fn proof(desk: &mut Desk) -> Report {
    let mut report = said(Source::MedicalCertificate, "verified", "2026-03-02");
    report.evidence_id = desk.next_id();
    report
}

fn receive(desk: &mut Desk, back: usize, department: &str, outcome: Outcome) {
    let Some(fact) = desk.facts.iter().rev().nth(back).cloned() else {
        return;
    };
    let receipt = desk.receipt(&fact, department, outcome);
    desk.give_case(fact.case_id, &receipt).unwrap();
    // Told twice: the second time nothing happens.
    let before = desk.cases.clone();
    desk.give_case(fact.case_id, &receipt).unwrap();
    assert_eq!(desk.cases, before);
}

fn merge_other(desk: &mut Desk) {
    let reference = desk.next_id().to_string();
    let mut report = said(Source::Village, &reference, "2026-03");
    report.identity = Match::PendingReview;
    if desk.file(Q, report).is_err() {
        return; // Merged before: storage would find the survivor.
    }
    let evidence = desk.case(Q).evidence.clone();
    if let Ok(step) = desk.absorb(P, evidence) {
        desk.give(
            Q,
            &Input::Merged {
                survivor: step.case.id,
            },
        )
        .unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_happens_a_case_stays_whole(events in prop::collection::vec(event(), 1..60)) {
        let mut desk = Desk::new();
        for event in &events {
            happen(&mut desk, event);
        }
    }

    #[test]
    fn any_order_of_reports_ends_alike(
        // At most one document of each source: no two of one rank but those that agree.
        told in prop::sample::subsequence(
            vec![
                Source::MedicalCertificate, Source::HouseholdCancellation,
                Source::CremationCertificate, Source::CareFacility, Source::Village,
                Source::DataHint,
            ],
            1..=6,
        ),
        dates in prop::collection::vec(0..DATES.len(), 6),
        matched in prop::collection::vec(prop::bool::weighted(0.8), 6),
        seed in any::<u64>(),
    ) {
        let reports: Vec<Report> = told
            .iter()
            .enumerate()
            .map(|(index, source)| {
                let mut report = said(*source, "1", DATES[dates[index]]);
                if !matched[index] {
                    report.identity = Match::PendingReview;
                }
                report
            })
            .collect();
        let mut dice = Dice::new(seed);
        let mut ends = Vec::new();
        for _ in 0..4 {
            let mut order: Vec<usize> = (0..reports.len()).collect();
            dice.shuffle(&mut order);
            let mut desk = Desk::new();
            for index in order.iter().flat_map(|index| [*index, *index]).chain(order.clone()) {
                desk.file(P, reports[index].clone()).unwrap();
            }
            let end = desk.fingerprint(P);
            // Which fact was the last depends on the way; that all is asked, does not.
            ends.push((end.phase, end.died_on, end.conflict, end.items));
        }
        ends.dedup();
        prop_assert_eq!(ends.len(), 1);
    }

    #[test]
    fn a_case_waits_exactly_until_it_is_finished(outcomes in prop::collection::vec(0..4usize, 3)) {
        let mut desk = Desk::new();
        desk.file(P, said(Source::MedicalCertificate, "1", "2026-03-02")).unwrap();
        let fact = desk.facts[0].clone();
        for (step, outcome) in PLAN.steps.iter().zip(&outcomes) {
            prop_assert!(!waiting(desk.case(P)).is_empty());
            let receipt = desk.receipt(&fact, step.department, Outcome::ALL[*outcome]);
            desk.give(P, &receipt).unwrap();
        }
        let finished = desk.phase(P) == Phase::Finished;
        prop_assert_eq!(waiting(desk.case(P)).is_empty(), finished);
        let asked = outcomes.iter().any(|outcome| Outcome::ALL[*outcome] == Outcome::NeedsHuman);
        prop_assert_eq!(finished, !asked);
    }
}
