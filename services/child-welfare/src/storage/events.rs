//! What leaves this service: the only place where a change becomes a message with a topic and a key.

use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::receipt::{self, FactRef, Undo};
use minzheng_chassis::seam::{Failure, UnitOfWork};
use minzheng_proto::child_welfare::v1 as pb;
use minzheng_proto::death_plan::{
    ASSESS_DEPENDANTS, Action, CLOSE_CHILD_FILE, CORRECT_CHILD_FILE, REOPEN_CHILD_FILE,
};

use crate::domain::{Answer, Carer, Child, Outcome, Question, Receipt, Since, Situation};

/// Announces how a child stands.
///
/// # Errors
/// As [`UnitOfWork::publish`].
pub fn standing_changed(uow: &mut UnitOfWork, child: &Child) -> Result<(), Failure> {
    let event = pb::ChildSituationChanged {
        child_id: child.id.to_string(),
        situation: situation(child.standing.situation).into(),
        carer: carer(child.standing.carer).into(),
        since_month: since_month(child.standing.since),
        division: child.division.to_string(),
    };
    uow.publish(&event, Some(child.division))
}

/// Answers the questions of a fact.
///
/// # Errors
/// As [`UnitOfWork::publish`].
pub fn answered(
    uow: &mut UnitOfWork,
    receipt: &Receipt,
    division: Option<DivisionCode>,
) -> Result<(), Failure> {
    let fact = FactRef {
        person_id: receipt.person_id,
        case_id: receipt.case_id,
        fact_version: receipt.fact_version,
    };
    let answers: Vec<receipt::Answer> = receipt.answers.iter().map(answer).collect();
    uow.answer(fact, &answers, division)
}

fn answer(answer: &Answer) -> receipt::Answer {
    let outcome = match answer.outcome {
        Outcome::Done => receipt::Outcome::Done,
        Outcome::NothingToDo => receipt::Outcome::NothingToDo,
        Outcome::NeedsHuman { work_item_id } => receipt::Outcome::NeedsHuman {
            work_item_id,
            reason: answer.reason.unwrap_or_default(),
        },
    };
    receipt::Answer {
        action: action(answer.question),
        outcome,
        legal_basis: answer.question.legal_basis(),
        undo: Undo::Machine,
    }
}

fn action(question: Question) -> Action {
    match question {
        Question::CloseFile => CLOSE_CHILD_FILE,
        Question::CorrectFile => CORRECT_CHILD_FILE,
        Question::ReopenFile => REOPEN_CHILD_FILE,
        Question::AssessDependants => ASSESS_DEPENDANTS,
    }
}

/// The situation on the wire.
pub fn situation(situation: Situation) -> pb::Situation {
    match situation {
        Situation::TwoParents => pb::Situation::TwoParents,
        Situation::OneParent => pb::Situation::OneParent,
        Situation::DeFactoUnsupported => pb::Situation::DeFactoUnsupported,
        Situation::Orphan => pb::Situation::Orphan,
        Situation::Closed => pb::Situation::Closed,
        Situation::Grown => pb::Situation::Grown,
        Situation::Unknown => pb::Situation::Unknown,
    }
}

/// Who is left, on the wire.
pub fn carer(carer: Option<Carer>) -> pb::Carer {
    match carer {
        None => pb::Carer::Unspecified,
        Some(Carer::Parent) => pb::Carer::Parent,
        Some(Carer::Guardian) => pb::Carer::Guardian,
        Some(Carer::Grandparent) => pb::Carer::Grandparent,
        Some(Carer::AdultSibling) => pb::Carer::AdultSibling,
        Some(Carer::Nobody) => pb::Carer::Nobody,
    }
}

/// The month on the wire; empty where none is counted or known.
pub fn since_month(since: Since) -> String {
    match since {
        Since::NotCounted | Since::Unknown => String::new(),
        Since::Month(month) => month.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_situation_has_a_word_of_its_own() {
        let all = [
            Situation::Unknown,
            Situation::TwoParents,
            Situation::OneParent,
            Situation::DeFactoUnsupported,
            Situation::Orphan,
            Situation::Closed,
            Situation::Grown,
        ];
        for one in all {
            let word = situation(one).as_str_name();
            let code = word.strip_prefix("SITUATION_").map(str::to_ascii_lowercase);
            assert_eq!(code.as_deref(), Some(one.code()));
        }
    }
}
