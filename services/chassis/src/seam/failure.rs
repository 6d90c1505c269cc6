//! Why a unit of work did not happen.

use sea_orm::DbErr;

use crate::bus::BusError;
use crate::db::{Fault, classify};
use crate::problem::{DomainError, Kind, Problem};

/// Who is away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Away {
    /// The neighbour's name, or `database`, or `bus`.
    pub who: String,
    /// What was seen.
    pub detail: String,
}

/// Why a unit of work did not happen, and so what becomes of it.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The answer is no; running again would not change it.
    #[error(transparent)]
    Problem(#[from] Problem),
    /// Another transaction was faster; run again.
    #[error("conflict: {0}")]
    Conflict(String),
    /// Something needed is away; nobody's fault, wait.
    #[error("{} is away: {}", .0.who, .0.detail)]
    Away(Away),
    /// An event that cannot be read; it never will be.
    #[error("undecodable: {0}")]
    Undecodable(String),
    /// Our own fault.
    #[error("internal: {0}")]
    Internal(String),
}

impl Failure {
    /// Our own fault, for an error that nobody expects.
    pub fn internal(error: impl std::fmt::Display) -> Self {
        Failure::Internal(error.to_string())
    }

    /// A neighbour is away.
    pub fn away(who: impl Into<String>, detail: impl std::fmt::Display) -> Self {
        Failure::Away(Away {
            who: who.into(),
            detail: detail.to_string(),
        })
    }

    /// The neighbour's answer to a call: UNAVAILABLE means away, and so does RESOURCE_EXHAUSTED, since a
    /// neighbour that has too much in hand is to be asked again; everything else is an answer. A connection
    /// that broke in the middle is no answer either; the client calls that UNKNOWN, and only what the client
    /// says by itself has a source.
    pub fn from_neighbour(who: &str, status: &tonic::Status) -> Self {
        let broke = std::error::Error::source(status).is_some();
        match status.code() {
            tonic::Code::Unavailable | tonic::Code::ResourceExhausted => {
                Failure::away(who, status.message())
            }
            tonic::Code::Unknown | tonic::Code::Internal if broke => {
                Failure::away(who, status.message())
            }
            code => Failure::Internal(format!("{who} answered {code:?}: {}", status.message())),
        }
    }

    /// [`Failure::from_neighbour`] within a command: no answer in time is "away" as well, since nothing
    /// was written and the caller tries again. (A reaction that waited for a neighbour which only finds
    /// this one question hard would wait for ever.)
    pub fn from_neighbour_to_command(who: &str, status: &tonic::Status) -> Self {
        match status.code() {
            tonic::Code::DeadlineExceeded | tonic::Code::Cancelled => {
                Failure::away(who, status.message())
            }
            _ => Failure::from_neighbour(who, status),
        }
    }

    /// What the caller is told. The cause goes to the log, never to the caller.
    pub fn into_problem(self) -> Problem {
        match self {
            Failure::Problem(problem) => problem,
            Failure::Conflict(cause) => {
                tracing::info!(%cause, "conflict");
                Problem::contended()
            }
            Failure::Away(away) => {
                tracing::warn!(who = %away.who, detail = %away.detail, "away");
                Problem::unavailable(&away.who)
            }
            Failure::Undecodable(cause) | Failure::Internal(cause) => {
                tracing::error!(%cause, "internal error");
                Problem::internal()
            }
        }
    }

    /// Whether running again at once may help.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Failure::Conflict(_))
    }

    /// Whether something needed is away.
    pub fn is_away(&self) -> bool {
        matches!(self, Failure::Away(_))
    }

    /// Stable word for logs, metrics and dead letters; no personal data.
    pub fn reason(&self) -> String {
        match self {
            Failure::Problem(problem) => problem.reason.to_owned(),
            Failure::Conflict(_) => "CONTENDED".to_owned(),
            Failure::Away(away) => format!("AWAY: {}", away.who),
            Failure::Undecodable(cause) => format!("UNDECODABLE: {cause}"),
            Failure::Internal(cause) => format!("INTERNAL: {cause}"),
        }
    }
}

impl From<DbErr> for Failure {
    fn from(error: DbErr) -> Self {
        match classify(&error) {
            Fault::Conflict => Failure::Conflict(error.to_string()),
            Fault::Away => Failure::away("database", error),
            Fault::Other => Failure::Internal(error.to_string()),
        }
    }
}

impl From<BusError> for Failure {
    fn from(error: BusError) -> Self {
        match error {
            BusError::Away(detail) => Failure::away("bus", detail),
            other => Failure::Internal(other.to_string()),
        }
    }
}

impl From<Failure> for tonic::Status {
    fn from(failure: Failure) -> Self {
        failure.into_problem().into()
    }
}

impl<E: DomainError> From<E> for Failure {
    fn from(error: E) -> Self {
        let problem = error.problem();
        if problem.kind == Kind::Internal {
            tracing::error!(cause = %error, "internal error");
        }
        Failure::Problem(problem)
    }
}
