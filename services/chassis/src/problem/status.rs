//! Problems on the wire: `google.rpc.Status` with one `ErrorInfo`, `BadRequest` for fields, and a
//! Chinese `LocalizedMessage`.

use std::collections::HashMap;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::{Kind, Problem};

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
            let text = format!("{}: {} ({})", violation.reason, violation.message, violation.chinese);
            details.add_bad_request_violation(&violation.field, text);
        }
        details.set_localized_message("zh-CN", &problem.chinese);
        if matches!(problem.kind, Kind::Unavailable | Kind::ResourceExhausted) {
            details.set_retry_info(Some(RETRY_AFTER));
        }
        Status::with_error_details(problem.kind.code(), problem.message, details)
    }
}
