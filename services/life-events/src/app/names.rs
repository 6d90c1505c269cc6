//! The domain's enumerations and the contract's, value by value.

use minzheng_proto::life_events::v1 as pb;

use crate::domain::death::{Outcome, Phase, QuestionState, Source, Standing, Undo};

/// A phase for the wire.
pub fn phase(value: Phase) -> pb::Phase {
    match value {
        Phase::InReview => pb::Phase::InReview,
        Phase::Reported => pb::Phase::Reported,
        Phase::Suspected => pb::Phase::Suspected,
        Phase::Notifying => pb::Phase::Notifying,
        Phase::Settled => pb::Phase::Settled,
        Phase::Finished => pb::Phase::Finished,
        Phase::Reversing => pb::Phase::Reversing,
        Phase::Reversed => pb::Phase::Reversed,
        Phase::Rejected => pb::Phase::Rejected,
        Phase::MergedInto => pb::Phase::MergedInto,
    }
}

/// A phase from the wire; none where it is not given.
pub fn phase_of(value: pb::Phase) -> Option<Phase> {
    match value {
        pb::Phase::Unspecified => None,
        pb::Phase::InReview => Some(Phase::InReview),
        pb::Phase::Reported => Some(Phase::Reported),
        pb::Phase::Suspected => Some(Phase::Suspected),
        pb::Phase::Notifying => Some(Phase::Notifying),
        pb::Phase::Settled => Some(Phase::Settled),
        pb::Phase::Finished => Some(Phase::Finished),
        pb::Phase::Reversing => Some(Phase::Reversing),
        pb::Phase::Reversed => Some(Phase::Reversed),
        pb::Phase::Rejected => Some(Phase::Rejected),
        pb::Phase::MergedInto => Some(Phase::MergedInto),
    }
}

/// A source for the wire.
pub fn source(value: Source) -> pb::EvidenceSource {
    match value {
        Source::MedicalCertificate => pb::EvidenceSource::MedicalCertificate,
        Source::PoliceCertificate => pb::EvidenceSource::PoliceCertificate,
        Source::CourtJudgment => pb::EvidenceSource::CourtJudgment,
        Source::HouseholdCancellation => pb::EvidenceSource::HouseholdCancellation,
        Source::CremationCertificate => pb::EvidenceSource::CremationCertificate,
        Source::HospitalDischarge => pb::EvidenceSource::HospitalDischarge,
        Source::CareFacility => pb::EvidenceSource::CareFacility,
        Source::Village => pb::EvidenceSource::Village,
        Source::Family => pb::EvidenceSource::Family,
        Source::DataHint => pb::EvidenceSource::DataHint,
    }
}

/// A source from the wire; none where it is not given.
pub fn source_of(value: pb::EvidenceSource) -> Option<Source> {
    match value {
        pb::EvidenceSource::Unspecified => None,
        pb::EvidenceSource::MedicalCertificate => Some(Source::MedicalCertificate),
        pb::EvidenceSource::PoliceCertificate => Some(Source::PoliceCertificate),
        pb::EvidenceSource::CourtJudgment => Some(Source::CourtJudgment),
        pb::EvidenceSource::HouseholdCancellation => Some(Source::HouseholdCancellation),
        pb::EvidenceSource::CremationCertificate => Some(Source::CremationCertificate),
        pb::EvidenceSource::HospitalDischarge => Some(Source::HospitalDischarge),
        pb::EvidenceSource::CareFacility => Some(Source::CareFacility),
        pb::EvidenceSource::Village => Some(Source::Village),
        pb::EvidenceSource::Family => Some(Source::Family),
        pb::EvidenceSource::DataHint => Some(Source::DataHint),
    }
}

/// A standing for the wire.
pub fn standing(value: Standing) -> pb::EvidenceStanding {
    match value {
        Standing::Current => pb::EvidenceStanding::Current,
        Standing::Overruled => pb::EvidenceStanding::Overruled,
        Standing::IdentityInDoubt => pb::EvidenceStanding::IdentityInDoubt,
        Standing::DocumentInDoubt => pb::EvidenceStanding::DocumentInDoubt,
        Standing::Refused => pb::EvidenceStanding::Refused,
        Standing::Superseded => pb::EvidenceStanding::Superseded,
    }
}

/// A state of a question for the wire.
pub fn question_state(value: QuestionState) -> pb::QuestionState {
    match value {
        QuestionState::Open => pb::QuestionState::Open,
        QuestionState::Answered => pb::QuestionState::Answered,
        QuestionState::NeedsHuman => pb::QuestionState::NeedsHuman,
        QuestionState::Superseded => pb::QuestionState::Superseded,
    }
}

/// An outcome for the wire.
pub fn outcome(value: Outcome) -> pb::Outcome {
    match value {
        Outcome::Done => pb::Outcome::Done,
        Outcome::NothingToDo => pb::Outcome::NothingToDo,
        Outcome::NeedsHuman => pb::Outcome::NeedsHuman,
        Outcome::Rejected => pb::Outcome::Rejected,
    }
}

/// An outcome from the wire; none where it is not given.
pub fn outcome_of(value: pb::Outcome) -> Option<Outcome> {
    match value {
        pb::Outcome::Unspecified => None,
        pb::Outcome::Done => Some(Outcome::Done),
        pb::Outcome::NothingToDo => Some(Outcome::NothingToDo),
        pb::Outcome::NeedsHuman => Some(Outcome::NeedsHuman),
        pb::Outcome::Rejected => Some(Outcome::Rejected),
    }
}

/// Who could undo it, for the wire.
pub fn undo(value: Undo) -> pb::Undo {
    match value {
        Undo::Machine => pb::Undo::Machine,
        Undo::Human => pb::Undo::Human,
        Undo::Impossible => pb::Undo::Impossible,
    }
}

/// Who could undo it, from the wire; none where it is not given.
pub fn undo_of(value: pb::Undo) -> Option<Undo> {
    match value {
        pb::Undo::Unspecified => None,
        pb::Undo::Machine => Some(Undo::Machine),
        pb::Undo::Human => Some(Undo::Human),
        pb::Undo::Impossible => Some(Undo::Impossible),
    }
}
