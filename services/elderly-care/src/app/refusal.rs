//! What a caller is told when something is refused.

use minzheng_chassis::problem::{DomainError, Kind, Problem};

use crate::domain::CareError as E;

impl DomainError for E {
    fn kind(&self) -> Kind {
        match self {
            E::FacilityName
            | E::DivisionTooCoarse
            | E::BedLabel
            | E::Rank
            | E::FirstDay
            | E::LastDay
            | E::BedStateNotSettable(_) => Kind::InvalidArgument,
            E::BedOccupied
            | E::BedHeld
            | E::BedOffered
            | E::BedNotInService
            | E::AlreadyResident
            | E::PersonNotAlive
            | E::AlreadyWaiting
            | E::StayEnded
            | E::NotAwaitingSettlement
            | E::EntryClosed
            | E::OfferNotOpen
            | E::OfferExpired
            | E::OfferOfAnother => Kind::FailedPrecondition,
            E::NotLoaded(_) => Kind::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        E::reason(self)
    }

    fn chinese(&self) -> String {
        E::chinese(self)
    }

    fn field(&self) -> Option<&str> {
        E::field(self)
    }
}

/// The facility has a bed of that label.
pub(super) fn label_taken() -> Problem {
    Problem::new(
        Kind::AlreadyExists,
        "BED_LABEL_TAKEN",
        "the facility has a bed of that label already",
        "该机构已有此床位号",
    )
}

/// Nobody is known by the identity.
pub(super) fn nobody_by_that_identity() -> Problem {
    Problem::new(
        Kind::FailedPrecondition,
        "IDENTITY_NO_MATCH",
        "nobody is known by that identity",
        "居民基础库中没有与该身份信息相符的人员",
    )
}

/// Several persons are known by the identity.
pub(super) fn several_by_that_identity() -> Problem {
    Problem::new(
        Kind::FailedPrecondition,
        "IDENTITY_MULTIPLE_CANDIDATES",
        "several persons are known by that identity",
        "该身份信息对应多名人员，请先核实",
    )
}

/// Somebody has yet to decide who it is.
pub(super) fn identity_in_review() -> Problem {
    Problem::new(
        Kind::FailedPrecondition,
        "IDENTITY_PENDING_REVIEW",
        "a person has yet to decide who has that identity",
        "该身份信息尚待人工核定",
    )
}

/// The record was refused: there is no such person.
pub(super) fn person_rejected() -> Problem {
    Problem::new(
        Kind::FailedPrecondition,
        "PERSON_REJECTED",
        "the record was refused: there is no such person",
        "该人员记录已被核定为不存在",
    )
}
