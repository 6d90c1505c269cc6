//! What departments answer, in every order, and what they leave unanswered.

use jiff::ToSpan;
use minzheng_chassis::person::FactKind;
use uuid::Uuid;

use super::desk::*;
use crate::domain::death::*;

const P: Uuid = Uuid::from_u128(1);

fn confirmed() -> (Desk, Fact) {
    let mut desk = Desk::new();
    desk.file(P, said(Source::MedicalCertificate, "1", "2026-03-02"))
        .unwrap();
    let fact = desk.facts[0].clone();
    (desk, fact)
}

/// One receipt per action of the plan: each subscription answers its own.
fn receipts(desk: &mut Desk, fact: &Fact, outcome: Outcome) -> Vec<Input> {
    let asked: Vec<_> = PLAN.asks(fact.kind).collect();
    let one = |(step, action): (&plan::Step, minzheng_proto::death_plan::Action)| {
        let event = desk.next_id().as_u128();
        Input::ReceiptArrived(Receipt {
            fact_version: fact.fact_version,
            department: step.department.to_owned(),
            answers: vec![(action.code.to_owned(), answer(event, outcome))],
        })
    };
    asked.into_iter().map(one).collect()
}

#[test]
fn every_order_of_receipts_settles_with_the_last_one() {
    let (mut desk, fact) = confirmed();
    let receipts = receipts(&mut desk, &fact, Outcome::Done);
    for order in orders(receipts.len()) {
        let mut desk = desk.clone();
        for (count, index) in (1..).zip(&order) {
            // Each told twice: the second time nothing happens.
            desk.give(P, &receipts[*index]).unwrap();
            let before = desk.case(P).clone();
            let again = desk.give(P, &receipts[*index]).unwrap();
            assert_eq!(again.effects, [Effect::Noted(Note::Duplicate)]);
            assert_eq!(*desk.case(P), before);
            let expected = if count == order.len() {
                Phase::Finished
            } else {
                Phase::Notifying
            };
            assert_eq!(desk.phase(P), expected);
        }
    }
}

#[test]
fn every_order_of_mixed_answers_ends_alike() {
    let outcomes = [
        ("residents", Outcome::Done),
        ("elderly-care", Outcome::NothingToDo),
        ("child-welfare", Outcome::NeedsHuman),
    ];
    let mut ends = Vec::new();
    for order in orders(outcomes.len()) {
        let (mut desk, fact) = confirmed();
        for index in order {
            let (department, outcome) = outcomes[index];
            let receipt = desk.receipt(&fact, department, outcome);
            desk.give(P, &receipt).unwrap();
        }
        assert_eq!(desk.phase(P), Phase::Settled);
        ends.push(desk.fingerprint(P));
    }
    ends.dedup();
    assert_eq!(ends.len(), 1);
}

#[test]
fn a_second_receipt_stands_in_place_of_the_first() {
    let (mut desk, fact) = confirmed();
    desk.answer_all(P, Outcome::NeedsHuman);
    assert_eq!(desk.phase(P), Phase::Settled);
    desk.answer_all(P, Outcome::Done);
    assert_eq!(desk.phase(P), Phase::Finished);
    let back = desk.receipt(&fact, "elderly-care", Outcome::NeedsHuman);
    desk.give(P, &back).unwrap();
    assert_eq!(desk.phase(P), Phase::Settled, "a new answer goes back");
    let rejected = desk.receipt(&fact, "elderly-care", Outcome::Rejected);
    desk.give(P, &rejected).unwrap();
    assert_eq!(desk.phase(P), Phase::Finished, "a refusal is an answer");
}

#[test]
fn what_matches_no_question_is_noted_and_never_applied() {
    let (mut desk, fact) = confirmed();
    let newer = Fact {
        fact_version: 7,
        ..fact.clone()
    };
    let older = Fact {
        fact_version: 0,
        ..fact.clone()
    };
    let other = Fact {
        kind: FactKind::Reversed,
        ..fact.clone()
    };
    let unasked = [
        (
            desk.receipt(&newer, "residents", Outcome::Done),
            Note::UnknownFact,
        ),
        (
            desk.receipt(&older, "residents", Outcome::Done),
            Note::OlderFact,
        ),
        (
            desk.receipt(&other, "residents", Outcome::Done),
            Note::UnknownQuestion,
        ),
    ];
    let before = desk.case(P).clone();
    for (receipt, note) in &unasked {
        let step = desk.give(P, receipt).unwrap();
        assert_eq!(step.effects, [Effect::Noted(*note)]);
        assert_eq!(step.case, before);
    }
    let Input::ReceiptArrived(mut itemless) = desk.receipt(&fact, "residents", Outcome::NeedsHuman)
    else {
        unreachable!()
    };
    itemless.answers[0].1.work_item_id = None;
    let step = desk.give(P, &Input::ReceiptArrived(itemless)).unwrap();
    assert_eq!(
        step.effects,
        [Effect::Noted(Note::NeedsHumanWithoutWorkItem)]
    );
    assert_eq!(
        step.case, before,
        "a promise without a work item is no answer"
    );
}

#[test]
fn a_newer_fact_asks_anew_and_late_answers_to_the_older_are_noted() {
    let (mut desk, first) = confirmed();
    let residents = desk.receipt(&first, "residents", Outcome::Done);
    desk.give(P, &residents).unwrap();
    let correction = Input::Corrected {
        died_on: date("2026-03-01"),
        cause: CorrectionCause::Typographical,
        ruling: Ruling::default(),
    };
    desk.give(P, &correction).unwrap();
    let states: Vec<_> = desk
        .case(P)
        .questions
        .iter()
        .map(|question| (question.fact_version, question.action.code, question.state))
        .collect();
    assert_eq!(states[0], (1, "mark-deceased", QuestionState::Answered));
    assert_eq!(states[1], (1, "end-stay", QuestionState::Superseded));
    assert_eq!(states[5], (2, "correct-date", QuestionState::Open));
    let late = desk.receipt(&first, "elderly-care", Outcome::Done);
    let step = desk.give(P, &late).unwrap();
    assert_eq!(
        step.effects,
        [
            Effect::Noted(Note::OlderFact),
            Effect::Noted(Note::OlderFact)
        ]
    );
    assert_eq!(desk.phase(P), Phase::Notifying);
    desk.answer_all(P, Outcome::Done);
    assert_eq!(desk.phase(P), Phase::Finished);
}

#[test]
fn late_answers_are_escalated_until_they_come() {
    let (mut desk, fact) = confirmed();
    let receipt = desk.receipt(&fact, "residents", Outcome::Done);
    desk.give(P, &receipt).unwrap();
    let early = desk.give(P, &Input::AnswersOverdue).unwrap();
    assert_eq!(early.effects, [Effect::Noted(Note::NothingWaits)]);

    desk.today = START + 2.days();
    let step = desk.give(P, &Input::AnswersOverdue).unwrap();
    let overdue = items(&step.case)[0];
    assert_eq!(
        (overdue.kind, overdue.due_at),
        (ItemKind::OverdueAnswer, due(START, 1))
    );
    assert_eq!(
        step.case
            .questions
            .iter()
            .filter(|question| question.escalated)
            .count(),
        4
    );
    let again = desk.give(P, &Input::AnswersOverdue).unwrap();
    assert_eq!(again.effects, [Effect::Noted(Note::NothingWaits)]);

    // Somebody rang them up: they have a day again.
    desk.give(P, &Input::ItemClosed(ItemKind::OverdueAnswer))
        .unwrap();
    assert_eq!(
        desk.last_closed(),
        Some((ItemKind::OverdueAnswer, ItemEnd::Decided))
    );
    assert_eq!(desk.phase(P), Phase::Notifying);
    desk.today = START + 4.days();
    desk.give(P, &Input::AnswersOverdue).unwrap();
    assert_eq!(desk.open_items(P), [ItemKind::OverdueAnswer]);

    desk.answer_all(P, Outcome::NothingToDo);
    assert_eq!(
        desk.last_closed(),
        Some((ItemKind::OverdueAnswer, ItemEnd::NoLongerNeeded))
    );
    assert_eq!(desk.phase(P), Phase::Finished);
}

#[test]
fn items_that_need_a_decision_are_not_closed_by_hand() {
    let (mut desk, _) = confirmed();
    for kind in ItemKind::ALL {
        let result = desk
            .give(P, &Input::ItemClosed(*kind))
            .map(|step| step.effects);
        let expected = match kind {
            ItemKind::OverdueAnswer => Ok(vec![Effect::Noted(Note::NothingWaits)]),
            _ => Err(Rejection::ItemNeedsDecision),
        };
        assert_eq!(result, expected);
    }
}

#[test]
fn a_step_misses_its_terms_only_where_something_begins_to_wait() {
    let mut desk = Desk::new();
    let certificate = said(Source::MedicalCertificate, "1", "2026-03-02");
    let taken = |report: &Report, latest: Option<&Case>| {
        let terms = Terms::unread();
        let at = Moment {
            terms: &terms,
            ..at(START)
        };
        super::super::report(latest, report, &at).unwrap();
        terms.are_missed()
    };
    assert!(!taken(&certificate, None), "a certificate confirms");
    assert!(
        taken(&said(Source::Village, "2", "2026-03"), None),
        "a suspicion is to be verified"
    );
    desk.file(P, certificate).unwrap();
    let other = said(Source::PoliceCertificate, "3", "2026-02-02");
    assert!(
        taken(&other, Some(desk.case(P))),
        "a conflict is to be decided"
    );
}
