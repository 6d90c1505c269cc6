//! The words under which states and kinds are stored.

use minzheng_chassis::identity::Sex;
use minzheng_chassis::seam::Failure;
use uuid::Uuid;

use crate::domain::document::IdType;
use crate::domain::kinship::Bond;
use crate::domain::person::RecordState;

/// The word of a state.
pub fn state_name(state: RecordState) -> &'static str {
    match state {
        RecordState::Established => "established",
        RecordState::Provisional => "provisional",
        RecordState::Merged { .. } => "merged",
        RecordState::Rejected => "rejected",
    }
}

/// The survivor, for a merged record only.
pub fn merged_into(state: RecordState) -> Option<Uuid> {
    match state {
        RecordState::Merged { into } => Some(into),
        RecordState::Established | RecordState::Provisional | RecordState::Rejected => None,
    }
}

/// The state of a word and a survivor.
///
/// # Errors
/// No state is stored so.
pub fn state(name: &str, merged_into: Option<Uuid>) -> Result<RecordState, Failure> {
    match (name, merged_into) {
        ("established", None) => Ok(RecordState::Established),
        ("provisional", None) => Ok(RecordState::Provisional),
        ("merged", Some(into)) => Ok(RecordState::Merged { into }),
        ("rejected", None) => Ok(RecordState::Rejected),
        _ => Err(unknown("record state")),
    }
}

/// The word of a sex.
pub fn sex_name(sex: Sex) -> &'static str {
    match sex {
        Sex::Male => "male",
        Sex::Female => "female",
    }
}

/// The sex of a word.
///
/// # Errors
/// No sex is stored so.
pub fn sex(name: &str) -> Result<Sex, Failure> {
    [Sex::Male, Sex::Female]
        .into_iter()
        .find(|sex| sex_name(*sex) == name)
        .ok_or_else(|| unknown("sex"))
}

/// The kind of document of a word.
///
/// # Errors
/// No kind is stored so.
pub fn id_type(name: &str) -> Result<IdType, Failure> {
    [
        IdType::ResidentId,
        IdType::PermanentResidenceCard,
        IdType::Passport,
        IdType::None,
    ]
    .into_iter()
    .find(|id_type| id_type.name() == name)
    .ok_or_else(|| unknown("kind of document"))
}

/// The word of a bond.
pub fn bond_name(bond: Bond) -> &'static str {
    match bond {
        Bond::Spouse => "spouse",
        Bond::Parent => "parent",
        Bond::Guardian => "guardian",
        Bond::Sibling => "sibling",
    }
}

/// The bond of a word.
///
/// # Errors
/// No bond is stored so.
pub fn bond(name: &str) -> Result<Bond, Failure> {
    [Bond::Spouse, Bond::Parent, Bond::Guardian, Bond::Sibling]
        .into_iter()
        .find(|bond| bond_name(*bond) == name)
        .ok_or_else(|| unknown("bond"))
}

/// A stored text that does not parse; it is not repeated, it may be personal data.
pub(super) fn unknown(what: &'static str) -> Failure {
    Failure::internal(format!("a stored {what} cannot be read"))
}
