//! Why a command is refused. Nothing of the case changes.

use minzheng_chassis::problem::{DomainError, Kind};

/// Why a command is refused.
///
/// Only commands are: events and timers that do not apply are noted
/// ([`super::Effect::Noted`]), for nobody is there to hear a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// A date lies in the future.
    #[error("{field} lies in the future")]
    FutureDate {
        /// The field of the request.
        field: &'static str,
    },
    /// A date lies before anybody in the register was born.
    #[error("{field} is too early for anybody in the register")]
    DateTooEarly {
        /// The field of the request.
        field: &'static str,
    },
    /// The document was issued before the death that it states.
    #[error("the document was issued before the death that it states")]
    DocumentBeforeDeath,
    /// A day of declaration comes from something other than a court's judgment.
    #[error("only a court judgment declares a death")]
    DeclarationNeedsJudgment,
    /// The reference was used for another person.
    #[error("the organisation used this reference for another person")]
    ReferenceReused,
    /// The reference was used for a document of another kind: one that is reissued stays what it is, or a hint
    /// could stand in place of a certificate.
    #[error("the organisation used this reference for a document of another source")]
    SourceChanged,
    /// The person's record was merged; the survivor's case goes on.
    #[error("the case was merged into another")]
    CaseMerged,
    /// No evidence of the case is in doubt in that way.
    #[error("no evidence of the case is in doubt")]
    NothingInDoubt,
    /// The case stands on evidence that is not in doubt, so it cannot be somebody else's.
    #[error("the case is not in review")]
    NotInReview,
    /// No dates of the case contradict each other.
    #[error("the case has no conflict")]
    NoConflict,
    /// The case has no such evidence that counts.
    #[error("the case has no such evidence that counts")]
    NoSuchEvidence,
    /// The chosen evidence states no date, so it settles nothing.
    #[error("the evidence states no date")]
    EvidenceStatesNoDate,
    /// No verification is open.
    #[error("the case is not under verification")]
    NotUnderVerification,
    /// A verification that found the person dead needs proof of rank 1 to 3.
    #[error("the verification needs proof of rank 1 to 3")]
    ProofNeeded,
    /// The death is not confirmed, or does not stand.
    #[error("the death is not confirmed")]
    NotConfirmed,
    /// The date stands already.
    #[error("the date stands already")]
    NothingToCorrect,
    /// A reversal waits for approval already.
    #[error("a reversal waits for approval already")]
    ReversalPending,
    /// No such reversal waits for approval.
    #[error("no such reversal waits for approval")]
    NoSuchReversal,
    /// Who prepared a reversal cannot decide it.
    #[error("who prepared the reversal cannot decide it")]
    FourEyes,
    /// Only a court's revocation undoes a declared death (民法典 Art. 50).
    #[error("a declared death needs the day of the revoking judgment")]
    RevocationNeeded,
    /// A revoking judgment is named where no court declared the death.
    #[error("no court declared this death")]
    NotDeclared,
    /// The work item ends by the command that decides it.
    #[error("the work item ends by its own command")]
    ItemNeedsDecision,
}

impl DomainError for Rejection {
    fn kind(&self) -> Kind {
        match self {
            Self::FutureDate { .. }
            | Self::DateTooEarly { .. }
            | Self::DocumentBeforeDeath
            | Self::DeclarationNeedsJudgment
            | Self::ProofNeeded
            | Self::NoSuchEvidence
            | Self::EvidenceStatesNoDate => Kind::InvalidArgument,
            Self::FourEyes => Kind::PermissionDenied,
            Self::ReferenceReused
            | Self::SourceChanged
            | Self::CaseMerged
            | Self::NothingInDoubt
            | Self::NotInReview
            | Self::NoConflict
            | Self::NotUnderVerification
            | Self::NotConfirmed
            | Self::NothingToCorrect
            | Self::ReversalPending
            | Self::NoSuchReversal
            | Self::RevocationNeeded
            | Self::NotDeclared
            | Self::ItemNeedsDecision => Kind::FailedPrecondition,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::FutureDate { .. } => "DATE_IN_FUTURE",
            Self::DateTooEarly { .. } => "DATE_TOO_EARLY",
            Self::DocumentBeforeDeath => "DOCUMENT_BEFORE_DEATH",
            Self::DeclarationNeedsJudgment => "DECLARATION_NEEDS_JUDGMENT",
            Self::ReferenceReused => "REFERENCE_REUSED",
            Self::SourceChanged => "SOURCE_CHANGED",
            Self::CaseMerged => "CASE_MERGED",
            Self::NothingInDoubt => "NOTHING_IN_DOUBT",
            Self::NotInReview => "NOT_IN_REVIEW",
            Self::NoConflict => "NO_CONFLICT",
            Self::NoSuchEvidence => "NO_SUCH_EVIDENCE",
            Self::EvidenceStatesNoDate => "EVIDENCE_STATES_NO_DATE",
            Self::NotUnderVerification => "NOT_UNDER_VERIFICATION",
            Self::ProofNeeded => "PROOF_NEEDED",
            Self::NotConfirmed => "NOT_CONFIRMED",
            Self::NothingToCorrect => "NOTHING_TO_CORRECT",
            Self::ReversalPending => "REVERSAL_PENDING",
            Self::NoSuchReversal => "NO_SUCH_REVERSAL",
            Self::FourEyes => "FOUR_EYES",
            Self::RevocationNeeded => "REVOCATION_NEEDED",
            Self::NotDeclared => "NOT_DECLARED",
            Self::ItemNeedsDecision => "ITEM_NEEDS_DECISION",
        }
    }

    fn chinese(&self) -> String {
        let text = match self {
            Self::FutureDate { .. } => "日期不能晚于今天",
            Self::DateTooEarly { .. } => "日期过早，请核对年份",
            Self::DocumentBeforeDeath => "文书出具日期早于其所载死亡日期，请核对两个日期",
            Self::DeclarationNeedsJudgment => "宣告死亡日期只能来自法院判决",
            Self::ReferenceReused => "该单位的这一文书编号已用于另一人",
            Self::SourceChanged => "该单位的这一文书编号已用于另一类文书，请填写本文书自己的编号",
            Self::CaseMerged => "该办件已并入另一办件，请在并入后的办件中办理",
            Self::NothingInDoubt => "该办件没有待核定的信息",
            Self::NotInReview => "该办件不在核定阶段，不能归到他人名下",
            Self::NoConflict => "该办件没有待裁定的冲突",
            Self::NoSuchEvidence => "该办件没有这条有效的死亡信息",
            Self::EvidenceStatesNoDate => "所选死亡信息没有日期，不能据以裁定",
            Self::NotUnderVerification => "该办件不在核实阶段",
            Self::ProofNeeded => "核实为死亡须有死亡证明、户口注销或火化证明",
            Self::NotConfirmed => "死亡尚未确认，或已撤销",
            Self::NothingToCorrect => "更正的日期与现有日期相同",
            Self::ReversalPending => "已有待审批的恢复申请",
            Self::NoSuchReversal => "没有这一待审批的恢复申请",
            Self::FourEyes => "提交人不能审批自己提交的恢复申请",
            Self::RevocationNeeded => "宣告死亡须凭法院撤销判决恢复，请填写判决日期",
            Self::NotDeclared => "该办件不是宣告死亡，不应填写撤销判决日期",
            Self::ItemNeedsDecision => "该待办须通过相应的办理操作完成",
        };
        text.to_owned()
    }

    fn field(&self) -> Option<&str> {
        match self {
            Self::FutureDate { field } | Self::DateTooEarly { field } => Some(field),
            Self::DocumentBeforeDeath => Some("document_date"),
            Self::DeclarationNeedsJudgment => Some("declared_on"),
            Self::ProofNeeded => Some("source"),
            Self::NoSuchEvidence | Self::EvidenceStatesNoDate => Some("evidence_id"),
            Self::ReferenceReused
            | Self::SourceChanged
            | Self::CaseMerged
            | Self::NothingInDoubt
            | Self::NotInReview
            | Self::NoConflict
            | Self::NotUnderVerification
            | Self::NotConfirmed
            | Self::NothingToCorrect
            | Self::ReversalPending
            | Self::NoSuchReversal
            | Self::FourEyes
            | Self::RevocationNeeded
            | Self::NotDeclared
            | Self::ItemNeedsDecision => None,
        }
    }
}
