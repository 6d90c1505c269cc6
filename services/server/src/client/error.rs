//! What a person is told when the platform says no: reason, cause, next step, trace.

use std::error::Error;
use std::ops::Deref;

use serde::Serialize;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::modules;

/// A refused or failed call.
#[derive(Clone, Debug, Serialize, thiserror::Error)]
#[error("{}: {}", .0.reason, .0.message)]
#[serde(transparent)]
pub struct ClientError(Box<Told>);

impl Deref for ClientError {
    type Target = Told;

    fn deref(&self) -> &Told {
        &self.0
    }
}

/// What a person is told.
#[derive(Clone, Debug, Serialize)]
pub struct Told {
    /// Stable UPPER_SNAKE reason.
    pub reason: String,
    /// What went wrong, in English.
    pub message: String,
    /// The same in Chinese, where the platform said it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chinese: Option<String>,
    /// Fields at fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldError>,
    /// What to do now.
    pub next_step: String,
    /// Where to find it in traces and logs; absent where nothing was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
}

/// One field at fault.
#[derive(Clone, Debug, Serialize)]
pub struct FieldError {
    /// Path of the field.
    pub field: String,
    /// What is wrong with it.
    pub description: String,
}

impl ClientError {
    /// Something that this side found.
    pub fn new(reason: &str, message: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self(Box::new(Told {
            reason: reason.to_owned(),
            message: message.into(),
            chinese: None,
            fields: Vec::new(),
            next_step: next_step.into(),
            trace_id: None,
        }))
    }

    /// No service has that name.
    pub fn unknown_service(service: &str) -> Self {
        let names = modules::names().join(", ");
        Self::new(
            "SERVICE_UNKNOWN",
            format!("no service is called {service}"),
            format!("name one of {names}"),
        )
    }

    /// What a status means.
    pub fn from_status(status: &Status, trace_id: &str, server: &str) -> Self {
        if let Some(cause) = transport_cause(status) {
            let message = format!("nobody answers at {server} ({cause})");
            let next_step =
                "start the platform with `minzheng dev`, or name its address with --server";
            return Self::new("UNREACHABLE", message, next_step);
        }
        let details = status.get_error_details();
        let reason = match details.error_info() {
            Some(info) => info.reason.clone(),
            None => screaming(status.code()),
        };
        let fields = details
            .bad_request()
            .map(|bad| bad.field_violations.clone())
            .unwrap_or_default();
        Self(Box::new(Told {
            next_step: next_step(&reason, status.code()),
            reason,
            message: status.message().to_owned(),
            chinese: details
                .localized_message()
                .map(|localized| localized.message.clone()),
            fields: fields
                .into_iter()
                .map(|violation| FieldError {
                    field: violation.field,
                    description: violation.description,
                })
                .collect(),
            trace_id: Some(trace_id.to_owned()),
        }))
    }

    /// As lines for people, the first one beginning with `error:`.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("error: {}: {}", self.reason, self.message)];
        lines.extend(
            self.chinese
                .iter()
                .map(|chinese| format!("       {chinese}")),
        );
        lines.extend(
            self.fields
                .iter()
                .map(|field| format!("field: {}: {}", field.field, field.description)),
        );
        lines.push(format!("next:  {}", self.next_step));
        lines.extend(self.trace_id.iter().map(|trace| format!("trace: {trace}")));
        lines
    }
}

/// Why the call never reached a server, if it did not: such a status was made on this side and has
/// a source.
fn transport_cause(status: &Status) -> Option<String> {
    let mut source = status.source()?;
    while let Some(inner) = source.source() {
        source = inner;
    }
    Some(source.to_string())
}

fn next_step(reason: &str, code: Code) -> String {
    let text = match (reason, code) {
        ("ETAG_MISMATCH" | "CONTENDED", _) => {
            "somebody was faster: look again and repeat the command"
        }
        ("FOUR_EYES", _) => "let another official do it: --as other.clerk",
        ("NO_SUCH_METHOD", _) => "is that service in this process? name its address with --server",
        ("DIVISION_OUT_OF_SCOPE", _) => "call with a division that covers it: --divisions",
        ("ROLE_REQUIRED", _) | (_, Code::PermissionDenied) => "call with a role that may: --roles",
        (_, Code::Unauthenticated) => "check --as, --roles and --divisions",
        (_, Code::NotFound) => "check the id, and that --divisions covers where it lies",
        (_, Code::InvalidArgument) => "mend what is named above and repeat",
        (_, Code::FailedPrecondition | Code::AlreadyExists) => {
            "look at its present state first, e.g. `minzheng case show`"
        }
        (_, Code::Unavailable | Code::DeadlineExceeded | Code::ResourceExhausted) => {
            "try again in a moment; `minzheng doctor` says what is wrong"
        }
        _ => "`minzheng doctor` says what is wrong; the log has the cause under this trace",
    };
    text.to_owned()
}

/// `FailedPrecondition` as `FAILED_PRECONDITION`.
fn screaming(code: Code) -> String {
    let mut text = String::new();
    for (index, letter) in format!("{code:?}").char_indices() {
        if letter.is_ascii_uppercase() && index > 0 {
            text.push('_');
        }
        text.push(letter.to_ascii_uppercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use minzheng_chassis::problem::{Kind, Problem};

    use super::*;

    #[test]
    fn a_problem_becomes_reason_cause_next_step_and_trace() {
        let problem = Problem::new(
            Kind::FailedPrecondition,
            "FOUR_EYES",
            "prepared by the same person",
            "提交人不能审批",
        );
        let error = ClientError::from_status(&problem.into(), "abc", "http://x");
        assert_eq!(
            error.lines(),
            [
                "error: FOUR_EYES: prepared by the same person",
                "       提交人不能审批",
                "next:  let another official do it: --as other.clerk",
                "trace: abc",
            ]
        );
    }

    #[test]
    fn fields_are_named() {
        let problem = Problem::field(
            "died_on",
            "DATE_IN_FUTURE",
            "lies in the future",
            "日期在未来",
        );
        let error = ClientError::from_status(&problem.into(), "abc", "http://x");
        assert_eq!(error.fields[0].field, "died_on");
        assert!(error.fields[0].description.contains("日期在未来"));
    }

    #[test]
    fn a_status_without_details_still_has_a_reason() {
        let error = ClientError::from_status(&Status::deadline_exceeded("late"), "abc", "http://x");
        assert_eq!(error.reason, "DEADLINE_EXCEEDED");
    }
}
