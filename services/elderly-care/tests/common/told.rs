//! What was answered, and what was refused.

use minzheng_proto::life_events::v1 as life_events;
use tonic::{Response, Status};
use tonic_types::StatusExt;

/// What was answered.
pub fn it<T>(answer: Result<Response<T>, Status>) -> T {
    answer.expect("an answer").into_inner()
}

/// The outcome of an answer, as a word.
pub fn word(answer: &life_events::ActionAnswer) -> &'static str {
    match answer.outcome() {
        life_events::Outcome::Unspecified => "unspecified",
        life_events::Outcome::Done => "done",
        life_events::Outcome::NothingToDo => "nothing_to_do",
        life_events::Outcome::NeedsHuman => "needs_human",
        life_events::Outcome::Rejected => "rejected",
    }
}

/// Code and reason of a refusal, which also has Chinese text.
pub fn refusal<T: std::fmt::Debug>(answer: Result<T, Status>) -> (tonic::Code, String) {
    let status = answer.expect_err("refused");
    let details = status.get_error_details();
    let info = details.error_info().expect("a reason");
    let text = details.localized_message().expect("Chinese text");
    assert_eq!(text.locale, "zh-CN");
    assert!(!text.message.is_empty());
    (status.code(), info.reason.clone())
}

/// The fields at fault.
pub fn fields<T: std::fmt::Debug>(answer: Result<T, Status>) -> Vec<String> {
    let status = answer.expect_err("refused");
    let details = status.get_error_details();
    let bad = details.bad_request().expect("fields at fault");
    let fields = bad.field_violations.iter().map(|it| it.field.clone());
    fields.collect()
}
