//! What a caller is told when the domain refuses.

use minzheng_chassis::problem::{DomainError, Kind};

use crate::domain::ChildWelfareError as E;

impl DomainError for E {
    fn kind(&self) -> Kind {
        match self {
            E::DateInFuture
            | E::DatesReversed
            | E::LegalBasisMissing
            | E::LegalBasisTooLong
            | E::MonthInFuture => Kind::InvalidArgument,
            E::BirthDateUnknown
            | E::NotAMinor
            | E::ChildDead
            | E::FileAlreadyOpen
            | E::ParentsRecorded
            | E::NotAParent
            | E::ParentDead
            | E::SituationAlreadyRecorded
            | E::SituationNotOpen
            | E::GuardianDead
            | E::GuardianIsMinor
            | E::GuardianIsChild
            | E::GuardianIsParent
            | E::GuardianUnable
            | E::AlreadyGuardian
            | E::NotAGuardian
            | E::NotACandidate
            | E::CandidateDead
            | E::ItemNotOpen
            | E::MonthNotNeeded => Kind::FailedPrecondition,
        }
    }

    fn reason(&self) -> &'static str {
        E::reason(self)
    }

    fn chinese(&self) -> String {
        E::chinese(self)
    }

    fn field(&self) -> Option<&str> {
        match self {
            E::LegalBasisMissing | E::LegalBasisTooLong => Some("legal_basis"),
            E::MonthInFuture => Some("start_month"),
            _ => None,
        }
    }
}
