//! One person's death and everything that follows from it.

use jiff::{Timestamp, civil::Date};
use minzheng_chassis::civil::PartialDate;
use minzheng_chassis::division::DivisionCode;
use uuid::Uuid;

use super::evidence::{DocumentKey, Doubt, Evidence, Statement, Strength};
use super::input::{CorrectionCause, Ruling};
use super::names::names;
use super::plan::Plan;
use super::question::{Question, QuestionState};

names! {
    /// Where a case stands.
    pub enum Phase {
        /// Before REPORTED: all its evidence is in doubt. Nothing is published.
        InReview = "in_review",
        /// Only a data hint: a verification is open, nothing is published.
        Reported = "reported",
        /// Suspected: departments hold, a verification is open. It never settles.
        Suspected = "suspected",
        /// Confirmed or corrected: departments are being asked.
        Notifying = "notifying",
        /// Every question of the latest fact is answered.
        Settled = "settled",
        /// Settled, and nothing waits for a person.
        Finished = "finished",
        /// Reversed: departments are being asked to undo.
        Reversing = "reversing",
        /// The reversal is answered by everybody. A new report opens the next episode.
        Reversed = "reversed",
        /// The suspicion was lifted, or the report refused. A new report opens the next episode.
        Rejected = "rejected",
        /// The person's record was merged; the survivor's case goes on.
        MergedInto = "merged_into",
    }
}

impl Phase {
    /// Whether the death is confirmed and stands.
    pub fn is_confirmed(self) -> bool {
        match self {
            Phase::Notifying | Phase::Settled | Phase::Finished => true,
            Phase::InReview
            | Phase::Reported
            | Phase::Suspected
            | Phase::Reversing
            | Phase::Reversed
            | Phase::Rejected
            | Phase::MergedInto => false,
        }
    }

    /// Whether a verification is open.
    pub fn is_verifying(self) -> bool {
        match self {
            Phase::Reported | Phase::Suspected => true,
            Phase::InReview
            | Phase::Notifying
            | Phase::Settled
            | Phase::Finished
            | Phase::Reversing
            | Phase::Reversed
            | Phase::Rejected
            | Phase::MergedInto => false,
        }
    }

    /// Whether a new report joins the case; otherwise it opens the next episode, or belongs to
    /// the survivor's case.
    pub fn takes_evidence(self) -> bool {
        self == Phase::InReview || self.is_verifying() || self.is_confirmed()
    }
}

/// Where the case, the person and the death belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Divisions {
    /// In whose division the case stands: the domicile's, also after the person moved; the reporter's
    /// while the person is provisional.
    pub standing: DivisionCode,
    /// Domicile (户籍地).
    pub domicile: Option<DivisionCode>,
    /// Residence (居住地).
    pub residence: Option<DivisionCode>,
    /// Place of death, by the evidence.
    pub place: Option<DivisionCode>,
}

/// Something that waits for a person, with its deadline and the rule row that set it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub due_at: Timestamp,
    /// Public holidays may come on top: the calendar of a year in it was not published.
    pub due_provisional: bool,
    /// The rule row that the deadline rests on.
    pub rule_id: Uuid,
}

/// A verification: is the person dead?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verification {
    /// Since when, until when. A suspicion that is not confirmed by then lapses.
    pub pending: Pending,
    /// Nothing was suspended, the deadline passed, and somebody was told.
    pub escalated: bool,
}

/// A reversal that waits for another official. It holds the case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingReversal {
    /// Opaque id.
    pub id: Uuid,
    /// Subject of the official who prepared it; another must approve.
    pub prepared_by: String,
    /// Why; no personal data.
    pub reason: String,
    /// Day of the court's revoking judgment, for a declared death.
    pub revoked_on: Option<PartialDate>,
    /// Since when, until when.
    pub pending: Pending,
}

/// That a person corrected the date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    /// When.
    pub at: Timestamp,
    /// Who, and on what grounds.
    pub ruling: Ruling,
    /// Why the date was wrong.
    pub cause: CorrectionCause,
    /// The date that stood before.
    pub before: PartialDate,
    /// The date that stood from then on.
    pub died_on: PartialDate,
    /// The fact version that announced it.
    pub fact_version: i64,
}

/// A death case. One per person and episode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Opaque id.
    pub id: Uuid,
    /// The person.
    pub person_id: Uuid,
    /// 1, 2, … per person.
    pub episode: i32,
    /// Where it stands.
    pub phase: Phase,
    /// The plan that it began with.
    pub plan: &'static Plan,
    /// Latest fact version announced for the person, earlier episodes included; 0 if none.
    pub fact_version: i64,
    /// Date of death as it stands.
    pub died_on: PartialDate,
    /// Day of a court's declaration of death.
    pub declared_on: Option<PartialDate>,
    /// Day of the judgment that revoked the declaration.
    pub revoked_on: Option<PartialDate>,
    /// The date that a person ruled, deciding a conflict or correcting. It stands as it is until
    /// the next ruling.
    pub ruled_on: Option<PartialDate>,
    /// Corrections of the date, oldest first.
    pub corrections: Vec<Correction>,
    /// Day of the person's latest reversal, earlier episodes included. Documents issued before
    /// it are in doubt.
    pub reversed_on: Option<Date>,
    /// Divisions.
    pub divisions: Divisions,
    /// Evidence, oldest first.
    pub evidence: Vec<Evidence>,
    /// Questions of every fact of this case, oldest first.
    pub questions: Vec<Question>,
    /// Evidence in doubt waits for a decision.
    pub review: Option<Pending>,
    /// A verification is open.
    pub verification: Option<Verification>,
    /// Dates contradict each other and wait for a decision. Beside the phase: it blocks the
    /// interlock, and never takes back a fact.
    pub conflict: Option<Pending>,
    /// A reversal waits for approval. Beside the phase, like a conflict.
    pub pending_reversal: Option<PendingReversal>,
    /// Of decisions that were due until then and not made, somebody was told.
    pub told_until: Option<Timestamp>,
    /// The surviving case, where the phase is MERGED_INTO.
    pub merged_into: Option<Uuid>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it changed last.
    pub changed_at: Timestamp,
}

impl Case {
    /// Whether a document with just this statement was told before, in whichever revision.
    pub fn knows(&self, document: &DocumentKey, statement: &Statement) -> bool {
        self.evidence
            .iter()
            .any(|item| item.document == *document && item.statement == *statement)
    }

    /// What the evidence is good for; none while all of it is in doubt or refused.
    pub fn strength(&self) -> Option<Strength> {
        self.proving()
            .map(|item| item.statement.source.strength())
            .max()
    }

    /// Whether a certificate or judgment of rank 1 proves the death.
    pub fn has_rank_1(&self) -> bool {
        self.proving().any(|item| item.rank() == 1)
    }

    /// Why evidence of this case waits for a person; none if none does.
    pub fn doubt(&self) -> Option<Doubt> {
        self.evidence.iter().find_map(Evidence::doubt)
    }

    /// Questions of the latest fact.
    pub fn latest_questions(&self) -> impl Iterator<Item = &Question> {
        self.questions
            .iter()
            .filter(|question| question.fact_version == self.fact_version)
    }

    /// Whether every question of the latest fact is answered.
    pub fn all_answered(&self) -> bool {
        self.latest_questions()
            .all(|question| question.state != QuestionState::Open)
    }

    /// Whether a department said of the latest fact that a person must act.
    pub fn needs_human(&self) -> bool {
        self.latest_questions()
            .any(|question| question.state == QuestionState::NeedsHuman)
    }

    /// When [`super::Input::VerificationLapsed`] is due: what the timer asks for.
    pub fn due_at(&self) -> Option<Timestamp> {
        self.verification
            .filter(|verification| !verification.escalated)
            .map(|verification| verification.pending.due_at)
    }

    /// When [`super::Input::DecisionsOverdue`] is due: the first decision that waits and of which nobody
    /// was told yet.
    pub fn decision_due_at(&self) -> Option<Timestamp> {
        let reversal = self.pending_reversal.as_ref().map(|held| held.pending);
        [self.review, self.conflict, reversal]
            .into_iter()
            .flatten()
            .filter(|pending| !self.was_told_of(*pending))
            .map(|pending| pending.due_at)
            .min()
    }

    /// Whether somebody was told that a decision is overdue.
    pub fn was_told_of(&self, pending: Pending) -> bool {
        self.told_until.is_some_and(|until| pending.due_at <= until)
    }

    fn proving(&self) -> impl Iterator<Item = &Evidence> {
        self.evidence.iter().filter(|item| item.proves())
    }
}
