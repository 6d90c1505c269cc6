//! Finding the person of a report, or making a provisional record of it.

use jiff::civil::Date;
use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::problem::{Problem, Violations};
use uuid::Uuid;

use super::errors::{ResidentsError, take};
use super::identity::{Identity, IdentityInput};
use super::matching::{MatchAnswer, find};
use super::person::{Person, RecordState};
use super::place::place;
use super::text::short_text;

/// Longest source organisation and reference, in characters.
pub const MAX_REFERENCE: usize = 100;

/// A report as given.
#[derive(Clone, Copy)]
pub struct ReportInput<'a> {
    /// The organisation that reports.
    pub source_organisation: &'a str,
    /// Its reference.
    pub reference: &'a str,
    /// Document and name.
    pub identity: IdentityInput<'a>,
    /// The reporter's division.
    pub reporter_division: &'a str,
}

/// A report, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The organisation that reports.
    pub source_organisation: String,
    /// Its reference; unique within the organisation. It may be a certificate's number, and so an
    /// ID number: only a keyed hash of it is to be kept.
    pub reference: Reference,
    /// Document and name.
    pub identity: Identity,
    /// The reporter's division.
    pub reporter: DivisionCode,
}

/// An organisation's reference. It prints `***`: a death certificate is numbered by the citizen's
/// ID number.
pub type Reference = minzheng_chassis::crypto::Secret<String>;

impl Report {
    /// Checks what was given.
    ///
    /// Errors: every field that is wrong.
    pub fn read(input: ReportInput<'_>, today: Date) -> Result<Self, Problem> {
        let mut violations = Violations::new();
        let found = &mut violations;
        let source = take(
            found,
            "source_organisation",
            short_text(input.source_organisation, MAX_REFERENCE),
        );
        let reference = take(
            found,
            "reference",
            short_text(input.reference, MAX_REFERENCE),
        );
        let identity = Identity::read(input.identity, today, found);
        let reporter = take(found, "reporter_division", place(input.reporter_division));
        violations.check()?;
        let read = source.zip(reference).zip(identity).zip(reporter);
        // Nothing is missing where nothing was found wrong.
        let (((source_organisation, reference), identity), reporter) =
            read.ok_or_else(Problem::internal)?;
        let reference = Reference::new(reference);
        Ok(Self {
            source_organisation,
            reference,
            identity,
            reporter,
        })
    }
}

/// What the reference was resolved to before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prior {
    /// Whether it was the same identity: kind, number and name.
    pub same_identity: bool,
    /// The record it was resolved to.
    pub person_id: Uuid,
    /// What that record is now.
    pub state: RecordState,
}

/// Whose report it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// That of a record that stands.
    Stands {
        /// The record; the survivor of a merged one.
        person_id: Uuid,
        /// The answer.
        answer: MatchAnswer,
        /// How many established persons have the number.
        candidates: usize,
    },
    /// Nobody's, or one of several's: a provisional record is to be made; pending review.
    Provision {
        /// How many established persons have the number.
        candidates: usize,
    },
}

/// Resolves a report. `prior` is what the same (source organisation, reference) was resolved to;
/// `records` are those that have, or had, the number.
///
/// Idempotent by reference: the answer is that of the record as it stands now. Idempotent by
/// identity: one that waits already gets no second record. Somebody without a document is never
/// matched, and gets a record per reference.
///
/// Errors: the reference was used for another identity.
pub fn resolve(
    identity: &Identity,
    prior: Option<&Prior>,
    records: &[Person],
) -> Result<Resolution, ResidentsError> {
    let found = find(identity, records);
    let candidates = found.candidates;
    if let Some(prior) = prior {
        if !prior.same_identity {
            return Err(ResidentsError::ReferenceReused);
        }
        let (person_id, answer) = answer_of(prior);
        return Ok(Resolution::Stands {
            person_id,
            answer,
            candidates,
        });
    }
    let stands = |person_id, answer| Resolution::Stands {
        person_id,
        answer,
        candidates,
    };
    Ok(match (found.matched, found.waiting) {
        (Some(person_id), _) => stands(person_id, MatchAnswer::Matched),
        (None, Some(waiting)) => stands(waiting, MatchAnswer::PendingReview),
        (None, None) => Resolution::Provision { candidates },
    })
}

fn answer_of(prior: &Prior) -> (Uuid, MatchAnswer) {
    match prior.state {
        RecordState::Established => (prior.person_id, MatchAnswer::Matched),
        RecordState::Provisional => (prior.person_id, MatchAnswer::PendingReview),
        RecordState::Merged { into } => (into, MatchAnswer::Matched),
        RecordState::Rejected => (prior.person_id, MatchAnswer::NoMatch),
    }
}

#[cfg(test)]
mod tests;
