//! What the story ends in, for programs and for people.

use serde::Serialize;

use super::family::Family;
use crate::client::case_show::CaseView;
use crate::client::dates::Instant;
use crate::client::words;

/// The whole story.
#[derive(Clone, Debug, Serialize)]
pub struct Story {
    /// Whether everything came as told.
    pub holds: bool,
    /// Who is in it; opaque ids.
    pub family: FamilyView,
    /// Its steps.
    pub steps: Vec<StepView>,
    /// Fingerprints of every service, before step 3 and after the reversal.
    pub fingerprints: Vec<FingerprintView>,
    /// Whether the reversal brought back what stood before.
    pub fingerprints_equal: bool,
}

/// Ids of the family.
#[derive(Clone, Debug, Serialize)]
pub struct FamilyView {
    /// The father.
    pub father: String,
    /// The mother.
    pub mother: String,
    /// The children of 9 and 15.
    pub children: Vec<String>,
    /// The father's mother.
    pub grandmother: String,
    /// Who waits for a bed.
    pub waiting: String,
    /// The facility.
    pub facility_id: String,
    /// Bed 3-12.
    pub bed_id: String,
    /// Where they live, 12 digits.
    pub village: String,
}

impl FamilyView {
    pub(super) fn of(family: &Family) -> Self {
        Self {
            father: family.father.person_id.clone(),
            mother: family.mother.person_id.clone(),
            children: vec![
                family.younger.person_id.clone(),
                family.elder.person_id.clone(),
            ],
            grandmother: family.grandmother.person_id.clone(),
            waiting: family.waiting.person_id.clone(),
            facility_id: family.facility_id.clone(),
            bed_id: family.bed_id.clone(),
            village: family.village.clone(),
        }
    }
}

/// One step.
#[derive(Clone, Debug, Serialize)]
pub struct StepView {
    /// From 1.
    pub number: u8,
    /// What happens.
    pub title: String,
    /// The case.
    pub case_id: String,
    /// Episode of the person.
    pub episode: i32,
    /// Where it stands at the end of the step.
    pub phase: String,
    /// Latest fact version.
    pub fact_version: i64,
    /// Date of death as it stands.
    pub died_on: Option<String>,
    /// Reports in the case.
    pub evidence: usize,
    /// What each department answered to the latest fact.
    pub answers: Vec<AnswerView>,
    /// The children at the end of the step.
    pub children: Vec<ChildView>,
    /// Bed 3-12 at the end of the step.
    pub bed: BedView,
    /// What had to be so.
    pub checks: Vec<CheckView>,
    /// Trace that the step belongs to.
    pub trace_id: String,
    /// How long the step took.
    pub milliseconds: u64,
}

/// One answer.
#[derive(Clone, Debug, Serialize)]
pub struct AnswerView {
    /// The department.
    pub department: String,
    /// Code of the action.
    pub action: String,
    /// The answer, or how the question stands without one.
    pub answer: String,
    /// Its stable reason.
    pub reason: String,
}

/// One child.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChildView {
    /// Opaque id.
    pub child_id: String,
    /// Derived situation.
    pub situation: String,
    /// Who is left to care.
    pub carer: String,
    /// Month from which it counts.
    pub since_month: String,
    /// A visit is open.
    pub visit: bool,
    /// The visit is an urgent placement.
    pub urgent: bool,
    /// When the visit is due.
    pub visit_due_at: Option<Instant>,
}

/// Bed 3-12.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BedView {
    /// State.
    pub state: String,
    /// What it is kept for; empty unless held.
    pub held_for: String,
    /// Whose it is; empty if nobody's.
    pub person_id: String,
    /// To whom it is offered; empty if to nobody.
    pub offered_to: String,
}

/// One thing that had to be so.
#[derive(Clone, Debug, Serialize)]
pub struct CheckView {
    /// What.
    pub what: String,
    /// Whether it is.
    pub holds: bool,
}

/// What stood in one service.
#[derive(Clone, Debug, Serialize)]
pub struct FingerprintView {
    /// The service.
    pub service: String,
    /// Before step 3.
    pub before: String,
    /// After the reversal.
    pub after: String,
    /// Whether they are equal.
    pub equal: bool,
}

/// The answers of a case's latest fact, by department.
pub(super) fn answers(case: &CaseView) -> Vec<AnswerView> {
    let mut answers: Vec<AnswerView> = case
        .latest_questions()
        .map(|question| AnswerView {
            department: question.department.clone(),
            action: question.action.clone(),
            answer: question.answer().to_owned(),
            reason: question.reason.clone(),
        })
        .collect();
    answers.sort_by(|a, b| (&a.department, &a.action).cmp(&(&b.department, &b.action)));
    answers
}

/// The story for people.
pub(super) fn lines(story: &Story) -> Vec<String> {
    let mut lines = Vec::new();
    for step in &story.steps {
        lines.push(format!("{}. {}", step.number, step.title));
        lines.push(format!(
            "   case {}  {}  {} ms",
            step.case_id, step.phase, step.milliseconds
        ));
        for answer in &step.answers {
            let department = words::department(&answer.department);
            lines.push(format!(
                "     {department}: {} {}",
                answer.action, answer.answer
            ));
        }
        for check in &step.checks {
            lines.push(format!(
                "   {} {}",
                if check.holds { "ok    " } else { "WRONG " },
                check.what
            ));
        }
        lines.push(String::new());
    }
    lines.extend(summary(story));
    lines
}

/// How it ended, for people who have watched.
pub(super) fn summary(story: &Story) -> Vec<String> {
    let equal = if story.fingerprints_equal {
        "equal"
    } else {
        "DIFFERENT"
    };
    let ending = if story.holds {
        "Everything came as told."
    } else {
        "Something did not come as told."
    };
    vec![
        format!("What stands before step 3 and after the reversal: {equal}"),
        ending.to_owned(),
    ]
}
