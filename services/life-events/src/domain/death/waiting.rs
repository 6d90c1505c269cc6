//! For a case that hangs: on whom, for what, since when, and what to do.

use jiff::Timestamp;

use super::case::Case;
use super::effect::{Item, ItemKind};
use super::items::items;
use super::question::{Question, QuestionState};

/// Something that a case waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Who has not acted: a department's name, or the role that must decide.
    pub on: &'static str,
    /// What is missing: an action's code or a work item's kind.
    pub what: &'static str,
    /// Since when.
    pub since: Timestamp,
    /// When it is or was due.
    pub due_at: Timestamp,
    /// Public holidays may come on top.
    pub due_provisional: bool,
    /// What to do about it, for people.
    pub advice: String,
}

/// All that a case waits for; nothing once it is finished.
pub fn waiting(case: &Case) -> Vec<Waiting> {
    let decisions = items(case)
        .into_iter()
        .filter_map(|item| on_person(case, item));
    let answers = case
        .latest_questions()
        .filter_map(|question| on_department(case, question));
    decisions.chain(answers).collect()
}

/// Late answers are told department by department, so their item is not told again.
fn on_person(case: &Case, item: Item) -> Option<Waiting> {
    let (since, advice) = match item.kind {
        ItemKind::DecideReview => (
            case.review?.since,
            "请核定死亡信息所指何人，或该文书是否有效",
        ),
        ItemKind::VerifyDeath => (
            case.verification?.pending.since,
            "请上门核实本人是否死亡，并登记核实结果",
        ),
        ItemKind::DecideConflict => (
            case.conflict?.since,
            "各来源的死亡日期不一致，请裁定以哪一条为准",
        ),
        ItemKind::ApproveReversal => (
            case.pending_reversal.as_ref()?.pending.since,
            "请由提交人以外的经办人审批恢复申请",
        ),
        ItemKind::OverdueAnswer => return None,
    };
    Some(Waiting {
        on: item.role.name(),
        what: item.kind.name(),
        since,
        due_at: item.due_at,
        due_provisional: item.due_provisional,
        advice: advice.to_owned(),
    })
}

fn on_department(case: &Case, question: &Question) -> Option<Waiting> {
    let action = question.action;
    let department = case
        .plan
        .step(action.department)
        .map_or(action.department, |s| s.chinese);
    let what = action_chinese(action.code);
    let advice = match (question.state, question.escalated) {
        (QuestionState::Open, false) => format!("等待{department}答复“{what}”"),
        (QuestionState::Open, true) => {
            format!("{department}逾期未答复“{what}”，请联系该部门，并检查其事件是否受阻")
        }
        (QuestionState::NeedsHuman, _) => format!("{department}须人工办理“{what}”，请办结其待办"),
        (QuestionState::Answered | QuestionState::Superseded, _) => return None,
    };
    let answered_at = question.answer.as_ref().map(|answer| answer.answered_at);
    Some(Waiting {
        on: action.department,
        what: action.code,
        since: answered_at.unwrap_or(question.asked_at),
        due_at: question.due_at,
        due_provisional: question.due_provisional,
        advice,
    })
}

/// Names of actions for people; the code where there is none.
fn action_chinese(code: &'static str) -> &'static str {
    match code {
        "pause-contact" => "暂停自动联系",
        "resume-contact" => "恢复自动联系",
        "mark-deceased" => "标记死亡",
        "correct-date" => "更正死亡日期",
        "mark-alive" => "恢复生存状态",
        "hold-bed" => "保留床位",
        "restore-stay" => "恢复入住",
        "end-stay" => "办理退住",
        "release-bed" => "释放床位",
        "recount-days" => "重新计算天数",
        "close-child-file" => "关闭儿童档案",
        "reopen-child-file" => "恢复儿童档案",
        "correct-child-file" => "更正儿童档案",
        "assess-dependants" => "评估受抚养儿童",
        code => code,
    }
}

#[cfg(test)]
#[path = "tests/waiting.rs"]
mod tests;
