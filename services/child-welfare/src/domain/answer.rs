//! This department's answers on one person's death.
//!
//! An answer is a function of what stands now of all children around the person, so that it does
//! not depend on the order in which the deaths of a family came. Whenever a child changes, the
//! answers on the deaths of everybody around it are looked at again ([`DeathAnswer::refresh`]).

use std::collections::BTreeMap;

use minzheng_chassis::civil::PartialDate;
use uuid::Uuid;

use super::{Life, PersonFact, Share, code::codes};

/// Which fact announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactKind {
    /// `DeathSuspected`.
    Suspected,
    /// `SuspicionLifted`.
    Lifted,
    /// `DeathConfirmed`.
    Confirmed,
    /// `DeathCorrected`.
    Corrected,
    /// `DeathReversed`.
    Reversed,
}

codes!(FactKind {
    Suspected = "suspected",
    Lifted = "lifted",
    Confirmed = "confirmed",
    Corrected = "corrected",
    Reversed = "reversed",
});

/// An action of the death plan that is asked here (product §4.2, rows 11 and 12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Question {
    /// The dead is a child: close its file.
    CloseFile,
    /// The child's date of death changed.
    CorrectFile,
    /// The child lives: open its file again.
    ReopenFile,
    /// The dead is kin of children: who is left?
    AssessDependants,
}

codes!(Question {
    CloseFile = "close-child-file",
    CorrectFile = "correct-child-file",
    ReopenFile = "reopen-child-file",
    AssessDependants = "assess-dependants",
});

impl Question {
    /// The article or standard that every answer to it rests on.
    pub fn legal_basis(self) -> &'static str {
        match self {
            Self::CloseFile | Self::CorrectFile | Self::ReopenFile => {
                "民法典第39条；民发〔2019〕62号"
            }
            Self::AssessDependants => "未成年人保护法第92—94条；民法典第27条；民发〔2019〕62号",
        }
    }
}

impl FactKind {
    /// What the fact asks of this department.
    pub fn questions(self) -> &'static [Question] {
        match self {
            Self::Suspected | Self::Lifted => &[],
            Self::Confirmed => &[Question::CloseFile, Question::AssessDependants],
            Self::Corrected => &[Question::CorrectFile, Question::AssessDependants],
            Self::Reversed => &[Question::ReopenFile, Question::AssessDependants],
        }
    }
}

/// A fact as it arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AskedFact {
    /// The person.
    pub person_id: Uuid,
    /// The death case.
    pub case_id: Uuid,
    /// Rising per person.
    pub fact_version: i64,
    /// Which fact.
    pub kind: FactKind,
    /// Date of death.
    pub died_on: PartialDate,
}

impl AskedFact {
    /// What it says of the person's life.
    pub fn person_fact(&self) -> PersonFact {
        let life = match self.kind {
            FactKind::Suspected => Life::Suspected,
            FactKind::Lifted | FactKind::Reversed => Life::Alive,
            FactKind::Confirmed | FactKind::Corrected => Life::Dead {
                died_on: self.died_on,
            },
        };
        PersonFact {
            person_id: self.person_id,
            life,
            fact_version: self.fact_version,
            case_id: Some(self.case_id),
        }
    }
}

/// What is answered. Everything answered here the service itself can undo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Done,
    /// Nothing to do for this person here.
    NothingToDo,
    /// A person must act.
    NeedsHuman {
        /// An open work item of one of the children.
        work_item_id: Uuid,
    },
}

/// The answer to one question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Which question.
    pub question: Question,
    /// What is answered.
    pub outcome: Outcome,
    /// A stable reason, where a person must act.
    pub reason: Option<&'static str>,
}

impl Answer {
    /// The answer to a question, with its reason.
    pub fn of(question: Question, outcome: Outcome) -> Self {
        let reason = match outcome {
            Outcome::Done | Outcome::NothingToDo => None,
            Outcome::NeedsHuman { .. } => Some("CHILD_NEEDS_A_PERSON"),
        };
        Self {
            question,
            outcome,
            reason,
        }
    }
}

/// Answers to be published on one fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The person.
    pub person_id: Uuid,
    /// The death case.
    pub case_id: Uuid,
    /// The fact version that is answered.
    pub fact_version: i64,
    /// The answers.
    pub answers: Vec<Answer>,
}

/// What is answered on the latest fact about one person: a row of its own, whose version makes two
/// children of one parent that change at once see each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeathAnswer {
    /// The latest fact.
    pub fact: AskedFact,
    /// Whether the person is a child followed here whose file the death closes.
    pub tracked: bool,
    /// What each child around the person contributes; absent means nothing.
    pub shares: BTreeMap<Uuid, Share>,
    /// What was last published on the latest fact.
    pub given: Vec<Answer>,
    /// Version of the row; the storage raises it.
    pub version: i64,
}

impl DeathAnswer {
    /// Takes a fact and answers it: after the children around the person, and the person's own
    /// file, have heard it. `row` is what is stored on the person; `None` if nothing is.
    ///
    /// A fact older than the stored one has no effect and no receipt.
    pub fn hear(
        row: Option<Self>,
        fact: AskedFact,
        tracked: bool,
        shares: BTreeMap<Uuid, Share>,
    ) -> (Self, Option<Receipt>) {
        let version = row.as_ref().map_or(0, |row| row.version);
        if let Some(row) = row
            && fact.fact_version < row.fact.fact_version
        {
            return (row, None);
        }
        let mut row = Self {
            fact,
            tracked,
            shares,
            given: Vec::new(),
            version,
        };
        let receipt = row.refresh();
        (row, receipt)
    }

    /// What a child contributes now. Says whether anything changed; then the row is to be saved
    /// under its version, whatever [`Self::refresh`] answers.
    pub fn set_share(&mut self, child_id: Uuid, share: Share) -> bool {
        let before = match share {
            Share::Nothing => self.shares.remove(&child_id),
            Share::Done | Share::NeedsHuman { .. } => self.shares.insert(child_id, share),
        };
        before.unwrap_or_default() != share
    }

    /// Whether the person is a child followed here. Says whether that changed.
    pub fn set_tracked(&mut self, tracked: bool) -> bool {
        std::mem::replace(&mut self.tracked, tracked) != tracked
    }

    /// Answers again what would now be answered otherwise than last.
    pub fn refresh(&mut self) -> Option<Receipt> {
        let due: Vec<Answer> = self
            .fact
            .kind
            .questions()
            .iter()
            .map(|question| self.answer(*question))
            .collect();
        let changed: Vec<Answer> = due
            .iter()
            .copied()
            .filter(|answer| !self.given.contains(answer))
            .collect();
        self.given = due;
        if changed.is_empty() {
            return None;
        }
        Some(Receipt {
            person_id: self.fact.person_id,
            case_id: self.fact.case_id,
            fact_version: self.fact.fact_version,
            answers: changed,
        })
    }

    fn answer(&self, question: Question) -> Answer {
        let outcome = match question {
            Question::CloseFile | Question::CorrectFile | Question::ReopenFile => {
                if self.tracked {
                    Outcome::Done
                } else {
                    Outcome::NothingToDo
                }
            }
            Question::AssessDependants => self.assessed(),
        };
        Answer::of(question, outcome)
    }

    /// The item that was last named as what a person must do.
    pub fn named_item(&self) -> Option<Uuid> {
        self.given.iter().find_map(|answer| match answer.outcome {
            Outcome::NeedsHuman { work_item_id } => Some(work_item_id),
            Outcome::Done | Outcome::NothingToDo => None,
        })
    }

    fn assessed(&self) -> Outcome {
        // An item that was named and is still open is named again, so that nothing is republished.
        let named = self
            .named_item()
            .map(|work_item_id| Share::NeedsHuman { work_item_id });
        let named = named.filter(|share| self.shares.values().any(|other| other == share));
        match named
            .or_else(|| self.shares.values().copied().max())
            .unwrap_or_default()
        {
            Share::NeedsHuman { work_item_id } => Outcome::NeedsHuman { work_item_id },
            Share::Done => Outcome::Done,
            Share::Nothing => Outcome::NothingToDo,
        }
    }
}
