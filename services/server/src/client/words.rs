//! Enumerations of the contracts as stable words, and their Chinese names for people.

use minzheng_chassis::authz::Role;
use minzheng_proto::life_events::v1 as pb;

/// `PHASE_IN_REVIEW` without its prefix, in lower case: `in_review`. These words are what `-o json`
/// prints.
pub fn word(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix)
        .unwrap_or(name)
        .to_ascii_lowercase()
}

/// A phase.
pub fn phase(phase: pb::Phase) -> String {
    word(phase.as_str_name(), "PHASE_")
}

/// A phase, for people.
pub fn phase_chinese(phase: pb::Phase) -> &'static str {
    match phase {
        pb::Phase::Unspecified => "未知",
        pb::Phase::InReview => "待核定",
        pb::Phase::Reported => "已报告",
        pb::Phase::Suspected => "疑似死亡",
        pb::Phase::Notifying => "办理中",
        pb::Phase::Settled => "各部门已答复",
        pb::Phase::Finished => "已办结",
        pb::Phase::Reversing => "恢复中",
        pb::Phase::Reversed => "已恢复",
        pb::Phase::Rejected => "已撤销",
        pb::Phase::MergedInto => "已并入",
    }
}

/// A source of evidence.
pub fn source(source: pb::EvidenceSource) -> String {
    word(source.as_str_name(), "EVIDENCE_SOURCE_")
}

/// What evidence counts for.
pub fn standing(standing: pb::EvidenceStanding) -> String {
    word(standing.as_str_name(), "EVIDENCE_STANDING_")
}

/// What evidence counts for, for people.
pub fn standing_chinese(standing: pb::EvidenceStanding) -> &'static str {
    match standing {
        pb::EvidenceStanding::Unspecified => "未知",
        pb::EvidenceStanding::Current => "采信",
        pb::EvidenceStanding::Overruled => "日期未采信",
        pb::EvidenceStanding::IdentityInDoubt => "身份待核定",
        pb::EvidenceStanding::DocumentInDoubt => "文书待核定",
        pb::EvidenceStanding::Refused => "不予采信",
        pb::EvidenceStanding::Superseded => "已被新版替代",
    }
}

/// State of a question.
pub fn question(state: pb::QuestionState) -> String {
    word(state.as_str_name(), "QUESTION_STATE_")
}

/// An answer; nothing while there is none.
pub fn outcome(outcome: pb::Outcome) -> Option<String> {
    (outcome != pb::Outcome::Unspecified).then(|| word(outcome.as_str_name(), "OUTCOME_"))
}

/// Who could undo an answer; nothing while nobody said.
pub fn undo(undo: pb::Undo) -> Option<String> {
    (undo != pb::Undo::Unspecified).then(|| word(undo.as_str_name(), "UNDO_"))
}

/// A department or role, with its name for people where it has one.
pub fn department(name: &str) -> String {
    let chinese = match name {
        "residents" => "居民基础库",
        "life-events" => "一件事联办",
        "elderly-care" => "养老服务",
        "child-welfare" => "儿童福利",
        _ => match name.parse::<Role>() {
            Ok(role) => role.chinese(),
            Err(_) => return name.to_owned(),
        },
    };
    format!("{name} {chinese}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_department_and_role_has_a_name_for_people() {
        let asked = minzheng_proto::death_plan::ALL
            .iter()
            .map(|action| action.department);
        let roles = Role::ALL.iter().map(|role| role.name());
        for name in crate::modules::names()
            .into_iter()
            .chain(asked)
            .chain(roles)
        {
            let named = department(name);
            let chinese = named.strip_prefix(name).map(str::trim).unwrap_or_default();
            let is_chinese = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
            assert!(
                !chinese.is_empty() && chinese.chars().all(is_chinese),
                "{name} has no name for people"
            );
        }
        assert_eq!(department("county_clerk"), "county_clerk 县区经办");
        assert_eq!(department("nobody"), "nobody");
    }

    #[test]
    fn words_are_lower_snake() {
        assert_eq!(phase(pb::Phase::InReview), "in_review");
        assert_eq!(
            source(pb::EvidenceSource::MedicalCertificate),
            "medical_certificate"
        );
        assert_eq!(question(pb::QuestionState::NeedsHuman), "needs_human");
        assert_eq!(
            outcome(pb::Outcome::NothingToDo).as_deref(),
            Some("nothing_to_do")
        );
        assert_eq!(outcome(pb::Outcome::Unspecified), None);
        assert_eq!(
            standing(pb::EvidenceStanding::IdentityInDoubt),
            "identity_in_doubt"
        );
    }
}
