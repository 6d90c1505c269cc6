//! `case`

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use minzheng_chassis::civil::PartialDate;
use minzheng_proto::life_events::v1 as pb;

use super::ServerArgs;

/// `case`
#[derive(Debug, Subcommand)]
pub enum CaseCommand {
    /// Cases, newest first.
    #[command(
        after_help = "Examples:\n  minzheng case list\n  minzheng case list --phase in-review -o json"
    )]
    List {
        /// Only this phase.
        #[arg(long, value_enum)]
        phase: Option<PhaseArg>,
        /// Only this person.
        #[arg(long)]
        person: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
        /// Where and as whom.
        #[command(flatten)]
        server: ServerArgs,
    },
    /// One case: evidence, questions, what it waits for.
    #[command(
        after_help = "Examples:\n  minzheng case show CASE\n  minzheng case show CASE -o json"
    )]
    Show {
        /// The case.
        case_id: String,
        /// Where and as whom.
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Follow one case until it is settled, reversed or rejected. JSON is one object a line.
    #[command(after_help = "Example:\n  minzheng case watch CASE")]
    Watch {
        /// The case.
        case_id: String,
        /// Where and as whom.
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Decide a case in review, or a conflict of evidence.
    #[command(
        after_help = "Examples:\n  minzheng case decide CASE --person PERSON\n  minzheng case decide CASE \
                            --new-person\n  minzheng case decide CASE --reject --reason 'no such person'\n  minzheng case \
                            decide CASE --evidence EVIDENCE"
    )]
    Decide(DecideArgs),
    /// Complete the verification of a suspicion.
    #[command(
        after_help = "Examples:\n  minzheng case verify-death CASE --alive\n  minzheng case verify-death CASE --dead \
                            --died-on 2026-03-04 --source medical-certificate --organisation HOSPITAL --reference R1"
    )]
    VerifyDeath(VerifyDeathArgs),
    /// Correct the date of a confirmed death.
    #[command(
        after_help = "Example:\n  minzheng case correct CASE --died-on 2026-03-04 --cause formal-correction \
                            --reason 'certificate reissued'"
    )]
    Correct(CorrectArgs),
    /// Prepare the reversal of a death that did not happen; another official approves it.
    #[command(
        after_help = "Examples:\n  minzheng case reverse CASE --reason 'another person of that name'\n  minzheng \
                            case reverse CASE --approve --as other.clerk"
    )]
    Reverse(ReverseArgs),
}

/// `case decide`
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("decision").required(true))]
pub struct DecideArgs {
    /// The case.
    pub case_id: String,
    /// It is about this known person.
    #[arg(long, group = "decision", value_name = "PERSON")]
    pub person: Option<String>,
    /// It is about somebody who was not known before; or, for a document in doubt: it counts.
    #[arg(long, group = "decision")]
    pub new_person: bool,
    /// Refuse the report.
    #[arg(long, group = "decision")]
    pub reject: bool,
    /// In a conflict: this evidence counts.
    #[arg(long, group = "decision", value_name = "EVIDENCE")]
    pub evidence: Option<String>,
    /// Why; no personal data.
    #[arg(long, default_value = "decided by hand")]
    pub reason: String,
    /// Where and as whom.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// `case verify-death`
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("result").required(true))]
pub struct VerifyDeathArgs {
    /// The case.
    pub case_id: String,
    /// The person is dead.
    #[arg(long, group = "result", requires_all = ["died_on", "source", "organisation", "reference"])]
    pub dead: bool,
    /// The person is alive.
    #[arg(long, group = "result")]
    pub alive: bool,
    /// Date of death: `2026-03-04`, `2026-03` or `2026`.
    #[arg(long, conflicts_with = "alive", value_name = "DATE")]
    pub died_on: Option<PartialDate>,
    /// What proves it.
    #[arg(long, conflicts_with = "alive", value_enum)]
    pub source: Option<SourceArg>,
    /// The organisation whose document proves it.
    #[arg(long, conflicts_with = "alive")]
    pub organisation: Option<String>,
    /// Its reference.
    #[arg(long, conflicts_with = "alive")]
    pub reference: Option<String>,
    /// Note; no personal data.
    #[arg(long, default_value = "")]
    pub note: String,
    /// Where and as whom.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// `case correct`
#[derive(Args, Debug)]
pub struct CorrectArgs {
    /// The case.
    pub case_id: String,
    /// The right date: `2026-03-04`, `2026-03` or `2026`.
    #[arg(long, value_name = "DATE")]
    pub died_on: PartialDate,
    /// Why it was wrong.
    #[arg(long, value_enum, default_value_t = CauseArg::FormalCorrection)]
    pub cause: CauseArg,
    /// The document that says so; no personal data.
    #[arg(long)]
    pub reason: String,
    /// Where and as whom.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// `case reverse`
#[derive(Args, Debug)]
pub struct ReverseArgs {
    /// The case.
    pub case_id: String,
    /// Approve the reversal that waits.
    #[arg(long, conflicts_with = "turn_down")]
    pub approve: bool,
    /// Turn down the reversal that waits.
    #[arg(long)]
    pub turn_down: bool,
    /// Why; no personal data.
    #[arg(long, default_value = "reversed by hand")]
    pub reason: String,
    /// For a declared death: the day of the court's revoking judgment.
    #[arg(long, value_name = "DATE", conflicts_with_all = ["approve", "turn_down"])]
    pub revoked_on: Option<PartialDate>,
    /// Where and as whom.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// Where a case stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PhaseArg {
    /// The person or a document is in doubt.
    InReview,
    /// A data hint only; a verification is open.
    Reported,
    /// Suspected.
    Suspected,
    /// Confirmed; departments are being asked.
    Notifying,
    /// Everybody has answered.
    Settled,
    /// Settled, and nothing waits for a person.
    Finished,
    /// Reversed; departments are being asked to undo.
    Reversing,
    /// The reversal is answered by everybody.
    Reversed,
    /// The suspicion was lifted, or the report refused.
    Rejected,
    /// The record was merged; the survivor's case goes on.
    MergedInto,
}

impl From<PhaseArg> for pb::Phase {
    fn from(phase: PhaseArg) -> Self {
        match phase {
            PhaseArg::InReview => pb::Phase::InReview,
            PhaseArg::Reported => pb::Phase::Reported,
            PhaseArg::Suspected => pb::Phase::Suspected,
            PhaseArg::Notifying => pb::Phase::Notifying,
            PhaseArg::Settled => pb::Phase::Settled,
            PhaseArg::Finished => pb::Phase::Finished,
            PhaseArg::Reversing => pb::Phase::Reversing,
            PhaseArg::Reversed => pb::Phase::Reversed,
            PhaseArg::Rejected => pb::Phase::Rejected,
            PhaseArg::MergedInto => pb::Phase::MergedInto,
        }
    }
}

/// What proves a death: a source of rank 1 to 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SourceArg {
    /// Medical death certificate (居民死亡医学证明).
    MedicalCertificate,
    /// Police or judicial certificate.
    PoliceCertificate,
    /// Court judgment.
    CourtJudgment,
    /// Cancellation of the household registration (户口注销).
    HouseholdCancellation,
    /// Cremation certificate (火化证明).
    CremationCertificate,
}

impl From<SourceArg> for pb::EvidenceSource {
    fn from(source: SourceArg) -> Self {
        match source {
            SourceArg::MedicalCertificate => pb::EvidenceSource::MedicalCertificate,
            SourceArg::PoliceCertificate => pb::EvidenceSource::PoliceCertificate,
            SourceArg::CourtJudgment => pb::EvidenceSource::CourtJudgment,
            SourceArg::HouseholdCancellation => pb::EvidenceSource::HouseholdCancellation,
            SourceArg::CremationCertificate => pb::EvidenceSource::CremationCertificate,
        }
    }
}

/// Why a date was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CauseArg {
    /// The issuer of a document corrected it.
    FormalCorrection,
    /// Found by quality assurance.
    QualityAssurance,
    /// A slip of the pen.
    Typographical,
}

impl From<CauseArg> for pb::Cause {
    fn from(cause: CauseArg) -> Self {
        match cause {
            CauseArg::FormalCorrection => pb::Cause::FormalCorrection,
            CauseArg::QualityAssurance => pb::Cause::QualityAssurance,
            CauseArg::Typographical => pb::Cause::Typographical,
        }
    }
}
