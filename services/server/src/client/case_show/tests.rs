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
