//! What is said to a caller when the answer is no: a stable reason for machines, Chinese text for
//! people, field by field where a field is at fault.

mod status;

use std::fmt;

/// Kind of a problem; each is one gRPC status code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A field of the request is wrong, whatever the state.
    InvalidArgument,
    /// No such thing in the caller's divisions.
    NotFound,
    /// Not in this state.
    FailedPrecondition,
    /// It exists already, with other content.
    AlreadyExists,
    /// Somebody else was faster; read again and try again.
    Aborted,
    /// The caller's roles do not allow it.
    PermissionDenied,
    /// Nobody knows who the caller is.
    Unauthenticated,
    /// Something needed is away; try again later.
    Unavailable,
    /// Too much at once.
    ResourceExhausted,
    /// Our own fault; the cause is in the log.
    Internal,
}

/// One field at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldViolation {
    /// Path of the field, e.g. `identity.id_number`.
    pub field: String,
    /// Stable UPPER_SNAKE reason.
    pub reason: &'static str,
    /// English, for machines' logs.
    pub message: String,
    /// Chinese, for people.
    pub chinese: String,
}

/// The answer "no". Carries no personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Kind.
    pub kind: Kind,
    /// Stable UPPER_SNAKE reason.
    pub reason: &'static str,
    /// English, lower case, no full stop.
    pub message: String,
    /// Chinese, for people.
    pub chinese: String,
    /// Fields at fault, if any.
    pub fields: Vec<FieldViolation>,
}

impl Problem {
    /// A problem without fields.
    pub fn new(
        kind: Kind,
        reason: &'static str,
        message: impl Into<String>,
        chinese: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            reason,
            message: message.into(),
            chinese: chinese.into(),
            fields: Vec::new(),
        }
    }

    /// A wrong field.
    pub fn field(
        field: impl Into<String>,
        reason: &'static str,
        message: impl Into<String>,
        chinese: impl Into<String>,
    ) -> Self {
        let (message, chinese) = (message.into(), chinese.into());
        Self::fields(vec![FieldViolation {
            field: field.into(),
            reason,
            message,
            chinese,
        }])
    }

    /// Wrong fields; the first gives the reason.
    pub fn fields(fields: Vec<FieldViolation>) -> Self {
        let reason = fields
            .first()
            .map_or("INVALID_ARGUMENT", |field| field.reason);
        let message: Vec<String> = fields
            .iter()
            .map(|field| format!("{}: {}", field.field, field.message))
            .collect();
        let chinese: Vec<&str> = fields.iter().map(|field| field.chinese.as_str()).collect();
        Self {
            kind: Kind::InvalidArgument,
            reason,
            message: message.join("; "),
            chinese: chinese.join("；"),
            fields,
        }
    }

    /// Nothing by that id in the caller's divisions. The same whether it exists elsewhere or not.
    pub fn not_found(what: &'static str, chinese: &'static str) -> Self {
        Self::new(
            Kind::NotFound,
            "NOT_FOUND",
            format!("no such {what}"),
            format!("找不到该{chinese}"),
        )
    }

    /// The etag is not that of the current version.
    pub fn etag_mismatch() -> Self {
        Self::new(
            Kind::Aborted,
            "ETAG_MISMATCH",
            "the resource has changed since it was read",
            "数据已被他人修改，请刷新后重试",
        )
    }

    /// The request id was used before with other content.
    pub fn request_id_reused() -> Self {
        Self::new(
            Kind::FailedPrecondition,
            "REQUEST_ID_REUSED",
            "this request_id was used before with other content",
            "该请求编号已用于其他内容",
        )
    }

    /// The sixth conflict in a row.
    pub fn contended() -> Self {
        Self::new(
            Kind::Aborted,
            "CONTENDED",
            "others keep changing the same data; try again",
            "数据正被频繁修改，请稍后重试",
        )
    }

    /// Something needed is away.
    pub fn unavailable(what: &str) -> Self {
        Self::new(
            Kind::Unavailable,
            "UNAVAILABLE",
            format!("{what} is away; try again"),
            "服务暂时不可用，请稍后重试",
        )
    }

    /// Our own fault.
    pub fn internal() -> Self {
        Self::new(Kind::Internal, "INTERNAL", "internal error", "系统内部错误")
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.message)
    }
}

impl std::error::Error for Problem {}

/// Collects what is wrong with a request's fields, so that all of it is told at once.
#[derive(Debug, Default)]
pub struct Violations(Vec<FieldViolation>);

impl Violations {
    /// Nothing found yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn add(
        &mut self,
        field: impl Into<String>,
        reason: &'static str,
        message: impl Into<String>,
        chinese: impl Into<String>,
    ) {
        let (message, chinese) = (message.into(), chinese.into());
        self.0.push(FieldViolation {
            field: field.into(),
            reason,
            message,
            chinese,
        });
    }

    /// Takes the value, or adds the violation and gives nothing.
    pub fn take<T, E>(
        &mut self,
        field: &str,
        result: Result<T, E>,
        describe: impl FnOnce(&E) -> (&'static str, String, String),
    ) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                let (reason, message, chinese) = describe(&error);
                self.add(field, reason, message, chinese);
                None
            }
        }
    }

    /// # Errors
    /// What was found, if anything.
    pub fn check(self) -> Result<(), Problem> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Problem::fields(self.0))
        }
    }
}

/// A service's own error: each variant has a stable reason.
pub trait DomainError: std::error::Error + Send + Sync + 'static {
    /// Kind.
    fn kind(&self) -> Kind;
    /// Stable UPPER_SNAKE reason.
    fn reason(&self) -> &'static str;
    /// Chinese, for people.
    fn chinese(&self) -> String;
    /// The field at fault, if it is one.
    fn field(&self) -> Option<&str> {
        None
    }

    /// As a problem.
    fn problem(&self) -> Problem {
        match self.field() {
            Some(field) => Problem::field(field, self.reason(), self.to_string(), self.chinese()),
            None => Problem::new(self.kind(), self.reason(), self.to_string(), self.chinese()),
        }
    }
}
