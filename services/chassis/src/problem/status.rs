//! Problems on the wire: `google.rpc.Status` with one `ErrorInfo`, `BadRequest` for fields, and a
//! Chinese `LocalizedMessage`.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::{FieldViolation, Kind, Problem};

/// The domain of every `ErrorInfo`.
const DOMAIN: &str = "minzheng";

/// When to try again after "away".
const RETRY_AFTER: Duration = Duration::from_secs(1);

impl Kind {
    /// The gRPC status code.
    pub fn code(self) -> Code {
        match self {
            Kind::InvalidArgument => Code::InvalidArgument,
            Kind::NotFound => Code::NotFound,
            Kind::FailedPrecondition => Code::FailedPrecondition,
            Kind::AlreadyExists => Code::AlreadyExists,
            Kind::Aborted => Code::Aborted,
            Kind::PermissionDenied => Code::PermissionDenied,
            Kind::Unauthenticated => Code::Unauthenticated,
            Kind::Unavailable => Code::Unavailable,
            Kind::ResourceExhausted => Code::ResourceExhausted,
            Kind::Internal => Code::Internal,
        }
    }
}

impl From<Problem> for Status {
    fn from(problem: Problem) -> Self {
        let mut details = ErrorDetails::new();
        details.set_error_info(problem.reason, DOMAIN, HashMap::new());
        for violation in &problem.fields {
            let text = format!(
                "{}: {} ({})",
                violation.reason, violation.message, violation.chinese
            );
            details.add_bad_request_violation(&violation.field, text);
        }
        details.set_localized_message("zh-CN", &problem.chinese);
        if matches!(problem.kind, Kind::Unavailable | Kind::ResourceExhausted) {
            details.set_retry_info(Some(RETRY_AFTER));
        }
        Status::with_error_details(problem.kind.code(), problem.message, details)
    }
}

/// How many different reasons of neighbours are remembered; the platform has far fewer.
const REASONS_AT_MOST: usize = 1_000;

impl Problem {
    /// What a neighbour refused for the caller's own fault, to be passed on as the neighbour tells it;
    /// none where the fault is not the caller's.
    pub fn relayed(status: &Status) -> Option<Self> {
        let kind = match status.code() {
            Code::InvalidArgument => Kind::InvalidArgument,
            Code::NotFound => Kind::NotFound,
            Code::FailedPrecondition => Kind::FailedPrecondition,
            Code::AlreadyExists => Kind::AlreadyExists,
            _ => return None,
        };
        let details = status.get_error_details();
        let reason = stable(&details.error_info()?.reason)?;
        let chinese = details
            .localized_message()
            .map(|text| text.message.clone())
            .unwrap_or_default();
        let violations = details
            .bad_request()
            .map_or(&[][..], |bad| &bad.field_violations);
        let fields = violations
            .iter()
            .map(|violation| relayed_field(&violation.field, &violation.description));
        Some(Self {
            kind,
            reason,
            message: status.message().to_owned(),
            chinese,
            fields: fields.collect(),
        })
    }
}

/// Reads `REASON: message (chinese)`, as the neighbour has written it.
fn relayed_field(field: &str, description: &str) -> FieldViolation {
    let (reason, rest) = description
        .split_once(": ")
        .unwrap_or(("INVALID_ARGUMENT", description));
    let (message, chinese) = match rest
        .strip_suffix(')')
        .and_then(|rest| rest.rsplit_once(" ("))
    {
        Some((message, chinese)) => (message, chinese),
        None => (rest, ""),
    };
    FieldViolation {
        field: field.to_owned(),
        reason: stable(reason).unwrap_or("INVALID_ARGUMENT"),
        message: message.to_owned(),
        chinese: chinese.to_owned(),
    }
}

/// A reason as the constant that it is in the neighbour's program: each is kept once, for ever, and
/// there are only so many. None for what is no reason.
fn stable(reason: &str) -> Option<&'static str> {
    static REASONS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let is_reason = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    if reason.is_empty() || reason.len() > 64 || !reason.chars().all(is_reason) {
        return None;
    }
    let mut known = REASONS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = known.get(reason) {
        return Some(found);
    }
    if known.len() >= REASONS_AT_MOST {
        return None;
    }
    let kept: &'static str = Box::leak(reason.to_owned().into_boxed_str());
    known.insert(kept);
    Some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_neighbours_refusal_is_passed_on_whole() {
        let told = Problem::field(
            "identity.id_number",
            "ID_NUMBER_CHECK_DIGIT",
            "wrong (check) digit",
            "校验位错误",
        );
        assert_eq!(Problem::relayed(&Status::from(told.clone())), Some(told));
        let told = Problem::new(
            Kind::FailedPrecondition,
            "REFERENCE_REUSED",
            "used before",
            "已用于另一人",
        );
        assert_eq!(Problem::relayed(&Status::from(told.clone())), Some(told));
    }

    #[test]
    fn a_fault_that_is_not_the_callers_is_not() {
        for kind in [
            Kind::Internal,
            Kind::Unavailable,
            Kind::PermissionDenied,
            Kind::Unauthenticated,
            Kind::Aborted,
        ] {
            assert_eq!(
                Problem::relayed(&Status::from(Problem::new(kind, "X", "x", "x"))),
                None
            );
        }
        assert_eq!(
            Problem::relayed(&Status::invalid_argument("no details")),
            None
        );
    }
}
