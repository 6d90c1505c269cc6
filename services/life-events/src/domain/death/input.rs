//! What can happen to a case, and when.

use std::sync::atomic::{AtomicBool, Ordering};

use jiff::{Timestamp, civil::Date};
use minzheng_chassis::calendar::{Deadline, WorkingCalendar};
use minzheng_chassis::civil::{self, PartialDate};
use uuid::Uuid;

use super::case::{Divisions, Pending};
use super::effect::{Cause, ItemKind};
use super::evidence::{DocumentKey, Doubt, Evidence, Statement};
use super::question::Answer;

/// Who decided something, and on what grounds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ruling {
    /// The subject of the official's identity: opaque.
    pub by: String,
    /// The grounds; no personal data.
    pub reason: String,
}

/// When a step happens, and the rules in force then.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// Now.
    pub now: Timestamp,
    /// The State Council's calendar.
    pub calendar: &'a WorkingCalendar,
    /// How long what waits for a person may take.
    pub terms: &'a Terms,
}

/// How long what waits for a person may take. Most steps let nothing begin to wait: they are tried
/// without terms, and only where [`Terms::are_missed`] says so read the rules and are taken anew.
#[derive(Debug)]
pub enum Terms {
    /// As the rules say.
    Read {
        /// A verification: what a suspicion suspends lapses after it.
        verify: Term,
        /// A decision: review, conflict, approval of a reversal.
        decide: Term,
    },
    /// Not read, and whether a step has missed them: such a step must not be carried out.
    Unread {
        /// A step has missed them.
        missed: AtomicBool,
    },
}

/// What may begin to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begins {
    /// A verification.
    Verification,
    /// A decision.
    Decision,
}

impl Terms {
    /// None yet.
    pub fn unread() -> Self {
        Self::Unread {
            missed: AtomicBool::new(false),
        }
    }

    /// Whether a step was taken that needs them, without them.
    pub fn are_missed(&self) -> bool {
        match self {
            Self::Read { .. } => false,
            Self::Unread { missed } => missed.load(Ordering::Relaxed),
        }
    }

    fn term(&self, begins: Begins) -> Option<Term> {
        match (self, begins) {
            (Self::Read { verify, .. }, Begins::Verification) => Some(*verify),
            (Self::Read { decide, .. }, Begins::Decision) => Some(*decide),
            (Self::Unread { missed }, Begins::Verification | Begins::Decision) => {
                missed.store(true, Ordering::Relaxed);
                None
            }
        }
    }
}

/// A period in working days, and the rule row that sets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// Working days; the starting day is not counted (民法典 Art. 201).
    pub working_days: u32,
    /// The rule row.
    pub rule_id: Uuid,
}

impl Moment<'_> {
    /// The civil date.
    pub fn today(&self) -> Date {
        civil::today(self.now)
    }

    /// The last of so many working days.
    pub fn after_working_days(&self, days: u32) -> Deadline {
        self.calendar.add_working_days(self.today(), days)
    }

    /// Something that begins to wait now. Without terms it is due at once, in a step that nobody
    /// carries out.
    pub(super) fn pending(&self, begins: Begins) -> Pending {
        let term = self.terms.term(begins).unwrap_or(Term {
            working_days: 0,
            rule_id: Uuid::nil(),
        });
        let due = self.after_working_days(term.working_days);
        Pending {
            since: self.now,
            due_at: due.over_at(),
            due_provisional: due.provisional,
            rule_id: term.rule_id,
        }
    }
}

/// Whom evidence is about, as `residents` matched it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// The person is known.
    Matched,
    /// A provisional record stands in until a person decides.
    PendingReview,
}

/// What a case that does not exist yet begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Id for the case, should one be opened.
    pub case_id: Uuid,
    /// The person.
    pub person_id: Uuid,
    /// Divisions as known now.
    pub divisions: Divisions,
}

/// A report of a death.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Id for the evidence.
    pub evidence_id: Uuid,
    /// The document.
    pub document: DocumentKey,
    /// What it states.
    pub statement: Statement,
    /// Subject of the caller; no personal data.
    pub reporter: String,
    /// Whom it is about.
    pub identity: Match,
    /// Highest revision of this document in another case (an earlier episode); 0 if none.
    pub revisions_elsewhere: i32,
    /// The case, should one be opened.
    pub opening: Opening,
}

/// Evidence of a merged record, moved to the survivor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absorption {
    /// All evidence of the case that ends, oldest first.
    pub evidence: Vec<Evidence>,
    /// The survivor's case, should one be opened.
    pub opening: Opening,
}

/// What a person decided about evidence in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReviewDecision {
    /// It counts: the provisional record is a person of its own, or the document holds.
    Counts {
        /// Divisions of the person as known now.
        divisions: Divisions,
    },
    /// It is about another, known person, whose case has absorbed the evidence
    /// ([`super::absorb`]).
    KnownPerson {
        /// That person's case.
        survivor: Uuid,
    },
    /// It is refused.
    Refused,
}

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The person is dead; the report proves it (rank 1 to 3).
    Dead(Box<Report>),
    /// The person is alive.
    Alive,
}

/// Causes of a correction that a person makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CorrectionCause {
    /// The issuer of a document corrected it.
    Formal,
    /// Found by quality assurance.
    QualityAssurance,
    /// A slip of the pen.
    Typographical,
}

impl CorrectionCause {
    /// The correction that a cause is; none if it is a cancellation.
    pub fn of(cause: Cause) -> Option<Self> {
        match cause {
            Cause::FormalCorrection => Some(CorrectionCause::Formal),
            Cause::QualityAssurance => Some(CorrectionCause::QualityAssurance),
            Cause::Typographical => Some(CorrectionCause::Typographical),
            Cause::Cancelled | Cause::CancellationRemoved => None,
        }
    }
}

impl From<CorrectionCause> for Cause {
    fn from(cause: CorrectionCause) -> Self {
        match cause {
            CorrectionCause::Formal => Cause::FormalCorrection,
            CorrectionCause::QualityAssurance => Cause::QualityAssurance,
            CorrectionCause::Typographical => Cause::Typographical,
        }
    }
}

/// A department's receipt for one fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The fact version that is answered.
    pub fact_version: i64,
    /// The department.
    pub department: String,
    /// Code of each action, and its answer.
    pub answers: Vec<(String, Answer)>,
}

/// A reversal to prepare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReversalRequest {
    /// Opaque id for it.
    pub id: Uuid,
    /// Subject of the official who prepares it.
    pub prepared_by: String,
    /// Why; no personal data.
    pub reason: String,
    /// Day of the court's revoking judgment, for a declared death.
    pub revoked_on: Option<PartialDate>,
}

/// What another official says of a pending reversal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReversalDecision {
    /// The pending reversal.
    pub reversal_id: Uuid,
    /// Subject of the official who decides.
    pub decided_by: String,
    /// Approved, or turned down.
    pub approved: bool,
}

/// What can happen to a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A report about the person arrived.
    Evidence(Report),
    /// Another record turned out to be this person: its evidence moves here.
    Absorbed(Absorption),
    /// A person decided about evidence in doubt.
    ReviewDecided {
        /// Which doubt is settled.
        doubt: Doubt,
        /// How.
        decision: ReviewDecision,
    },
    /// A person decided whose date counts.
    ConflictDecided {
        /// The evidence that counts.
        evidence_id: Uuid,
    },
    /// A verification was completed.
    Verified(Finding),
    /// A verification's deadline passed.
    VerificationLapsed,
    /// A department answered.
    ReceiptArrived(Receipt),
    /// A person corrected the date.
    Corrected {
        /// The right date.
        died_on: PartialDate,
        /// Why it was wrong.
        cause: CorrectionCause,
        /// Who says so, on what grounds.
        ruling: Ruling,
    },
    /// An official prepared a reversal.
    ReversalPrepared(ReversalRequest),
    /// Another official approved it, or turned it down.
    ReversalDecided(ReversalDecision),
    /// Answers may be overdue.
    AnswersOverdue,
    /// Decisions may be overdue.
    DecisionsOverdue,
    /// A person closed a work item of this case by hand.
    ItemClosed(ItemKind),
    /// The person's record was merged into another, whose case has absorbed the evidence.
    Merged {
        /// The survivor's case.
        survivor: Uuid,
    },
    /// The person moved: where they are registered and live now.
    Moved {
        /// Divisions of the person as known now.
        divisions: Divisions,
    },
    /// A later episode announced a newer fact about the person.
    Overtaken {
        /// The newer fact.
        fact_version: i64,
    },
}
