//! A case as commands show it.

use super::*;

#[test]
fn a_reason_is_shown_beside_the_answer() {
    let question = |outcome: pb::Outcome, reason: &str| pb::Question {
        fact_version: 2,
        department: "elderly-care".to_owned(),
        action: "restore-stay".to_owned(),
        state: pb::QuestionState::Answered.into(),
        outcome: outcome.into(),
        reason: reason.to_owned(),
        ..Default::default()
    };
    let case = pb::DeathCase {
        fact_version: 2,
        questions: vec![
            question(pb::Outcome::Done, "BED_RELET"),
            question(pb::Outcome::NothingToDo, ""),
        ],
        ..Default::default()
    };
    let view = CaseView::of(&case);
    let shown = lines(&view);
    let has = |text: &str| shown.iter().any(|line| line.contains(text));
    assert!(has("done BED_RELET "), "{shown:#?}");
    assert!(has("nothing_to_do  "), "{shown:#?}");
    assert_eq!(view.questions[0].reason, "BED_RELET");
}

#[test]
fn a_deadline_that_holidays_may_move_says_so() {
    let waiting = |due_provisional| pb::Waiting {
        on: "county_clerk".to_owned(),
        what: "decide-review".to_owned(),
        due_provisional,
        ..Default::default()
    };
    for (provisional, marks) in [(true, 1), (false, 0)] {
        let case = pb::DeathCase {
            waiting: vec![waiting(provisional)],
            ..Default::default()
        };
        let shown = lines(&CaseView::of(&case)).join("\n");
        assert_eq!(
            shown.matches("(provisional 暂定)").count(),
            marks,
            "{shown}"
        );
    }
}

#[test]
fn a_corrected_case_says_when_why_and_by_whom() {
    let day = |day| {
        Some(minzheng_proto::common::v1::PartialDate {
            year: 2026,
            month: 3,
            day,
        })
    };
    let case = pb::DeathCase {
        corrections: vec![pb::Correction {
            corrected_at: Some(Default::default()),
            corrected_by: "demo.clerk".to_owned(),
            cause: pb::Cause::FormalCorrection.into(),
            reason: "certificate reissued".to_owned(),
            died_on_before: day(4),
            died_on: day(5),
            fact_version: 2,
        }],
        ..Default::default()
    };
    let shown = lines(&CaseView::of(&case)).join("\n");
    for part in [
        "Corrections 更正",
        "demo.clerk",
        "2026-03-04",
        "2026-03-05",
        "v2",
        "formal_correction",
        "certificate reissued",
        "1970-01-01",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
}
