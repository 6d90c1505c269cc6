//! What elderly-care leaves for people to do.

use minzheng_chassis::division::DivisionCode;
use uuid::Uuid;

/// Kinds of work items of this service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorkKind {
    /// Settle what is owed on a stay; the subject is the stay. Closing it releases the bed.
    SettleStay,
    /// Two records turned out to be one person and both live or wait somewhere; the subject is the
    /// surviving person.
    MergeConflict,
}

impl WorkKind {
    /// Every kind.
    pub const ALL: [WorkKind; 2] = [WorkKind::SettleStay, WorkKind::MergeConflict];

    /// Stable name, as stored.
    pub fn name(self) -> &'static str {
        match self {
            WorkKind::SettleStay => "settle-stay",
            WorkKind::MergeConflict => "merge-conflict",
        }
    }

    /// The outcomes that closing it may name.
    pub fn outcomes(self) -> &'static [&'static str] {
        match self {
            WorkKind::SettleStay => &["settled"],
            WorkKind::MergeConflict => &["resolved"],
        }
    }
}

/// What becomes of a work item. All are of normal urgency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkEffect {
    /// It must be open; where one is open for this kind and subject, nothing changes.
    Open {
        /// Kind.
        kind: WorkKind,
        /// Subject.
        subject_id: Uuid,
        /// Whose clerks do it.
        division: DivisionCode,
    },
    /// What it asked for was done by other means: the questions it answers are answered `done`.
    Done {
        /// Kind.
        kind: WorkKind,
        /// Subject.
        subject_id: Uuid,
    },
    /// Nothing is left to do; its questions are superseded by the fact that says so.
    Cancel {
        /// Kind.
        kind: WorkKind,
        /// Subject.
        subject_id: Uuid,
    },
}

impl WorkEffect {
    /// Which item: one is open per kind and subject.
    pub fn key(&self) -> (WorkKind, Uuid) {
        match *self {
            WorkEffect::Open {
                kind, subject_id, ..
            }
            | WorkEffect::Done { kind, subject_id }
            | WorkEffect::Cancel { kind, subject_id } => (kind, subject_id),
        }
    }
}
