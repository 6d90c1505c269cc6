//! On whom a case waits.

use jiff::ToSpan;
use minzheng_proto::death_plan;

use super::super::tests::{Desk, START, due, id, said};
use super::action_chinese;
use crate::domain::death::{Input, Outcome, Source, waiting};

#[test]
fn every_action_has_a_name_for_people() {
    let is_chinese = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
    for action in death_plan::ALL {
        let name = action_chinese(action.code);
        assert!(name.chars().all(is_chinese), "{} has no name", action.code);
    }
}

#[test]
fn a_case_names_who_is_missing_since_when_and_what_to_do() {
    let mut desk = Desk::new();
    let person = id(1);
    desk.file(
        person,
        said(Source::MedicalCertificate, "H-1", "2026-03-02"),
    )
    .unwrap();
    let fact = desk.facts[0].clone();
    for department in ["residents", "elderly-care"] {
        let receipt = desk.receipt(&fact, department, Outcome::Done);
        desk.give(person, &receipt).unwrap();
    }
    let waits = waiting(desk.case(person));
    let whats: Vec<_> = waits
        .iter()
        .map(|waiting| (waiting.on, waiting.what))
        .collect();
    assert_eq!(
        whats,
        [
            ("child-welfare", "close-child-file"),
            ("child-welfare", "assess-dependants")
        ]
    );
    assert_eq!(waits[0].since, desk.case(person).opened_at);
    assert_eq!(waits[0].due_at, due(START, 1));
    assert_eq!(waits[0].advice, "等待儿童福利答复“关闭儿童档案”");

    desk.today = START + 3.days();
    desk.give(person, &Input::AnswersOverdue).unwrap();
    let waits = waiting(desk.case(person));
    assert_eq!(waits.len(), 2);
    assert!(waits[0].advice.starts_with("儿童福利逾期未答复"));

    let receipt = desk.receipt(&fact, "child-welfare", Outcome::NeedsHuman);
    desk.give(person, &receipt).unwrap();
    let waits = waiting(desk.case(person));
    assert_eq!(
        waits[1].advice,
        "儿童福利须人工办理“评估受抚养儿童”，请办结其待办"
    );
}

#[test]
fn a_suspicion_waits_for_its_verification_first() {
    let mut desk = Desk::new();
    let person = id(1);
    desk.file(person, said(Source::Village, "V-1", "2026-03"))
        .unwrap();
    let waits = waiting(desk.case(person));
    let whats: Vec<_> = waits
        .iter()
        .map(|waiting| (waiting.on, waiting.what))
        .collect();
    let expected = [
        ("township_worker", "verify-death"),
        ("residents", "pause-contact"),
        ("elderly-care", "hold-bed"),
    ];
    assert_eq!(whats, expected);
}
