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
