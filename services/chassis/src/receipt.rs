//! A department's receipt (办理回执): its answers to the questions of one fact.

mod issued;

use minzheng_proto::death_plan::Action;
use minzheng_proto::life_events::v1 as pb;
use uuid::Uuid;

pub use self::issued::{Issued, Receipts, Taken};
use crate::division::DivisionCode;
use crate::person::{Fact, KnownPerson};
use crate::seam::{Failure, UnitOfWork};

/// Which fact is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FactRef {
    /// The person.
    pub person_id: Uuid,
    /// The case.
    pub case_id: Uuid,
    /// The version.
    pub fact_version: i64,
}

impl From<&Fact> for FactRef {
    fn from(fact: &Fact) -> Self {
        Self {
            person_id: fact.person_id,
            case_id: fact.case_id,
            fact_version: fact.fact_version,
        }
    }
}

impl FactRef {
    /// The latest fact that a guard row knows, if it has heard one.
    pub fn latest(person: &KnownPerson) -> Option<Self> {
        Some(Self {
            person_id: person.person_id,
            case_id: person.case_id?,
            fact_version: person.fact_version,
        })
    }
}

/// What became of one action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Done,
    /// Done, though not as one would expect: how, the reason says.
    DoneBut {
        /// Stable reason.
        reason: &'static str,
    },
    /// Nothing to do here for this person.
    NothingToDo,
    /// A person must act: this work item.
    NeedsHuman {
        /// The department's work item.
        work_item_id: Uuid,
        /// Stable reason.
        reason: &'static str,
    },
    /// Refused.
    Rejected {
        /// Stable reason.
        reason: &'static str,
    },
}

/// Who could undo it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Undo {
    /// The service itself.
    Machine,
    /// A person.
    Human,
    /// Nobody.
    Impossible,
}

impl Undo {
    const ALL: [Undo; 3] = [Undo::Machine, Undo::Human, Undo::Impossible];

    /// Stable name, as stored.
    pub fn name(self) -> &'static str {
        match self {
            Undo::Machine => "machine",
            Undo::Human => "human",
            Undo::Impossible => "impossible",
        }
    }

    /// For the wire.
    pub(crate) fn to_wire(self) -> pb::Undo {
        match self {
            Undo::Machine => pb::Undo::Machine,
            Undo::Human => pb::Undo::Human,
            Undo::Impossible => pb::Undo::Impossible,
        }
    }
}

impl std::str::FromStr for Undo {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Undo::ALL
            .into_iter()
            .find(|undo| undo.name() == text)
            .ok_or_else(|| format!("unknown undo {text}"))
    }
}

/// The answer to one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The action that was asked for.
    pub action: Action,
    /// What became of it.
    pub outcome: Outcome,
    /// The article or standard that it rests on.
    pub legal_basis: &'static str,
    /// Who could undo it.
    pub undo: Undo,
}

impl Answer {
    /// For the wire.
    pub fn to_wire(&self) -> pb::ActionAnswer {
        let (outcome, work_item_id, reason) = match &self.outcome {
            Outcome::Done => (pb::Outcome::Done, String::new(), ""),
            Outcome::DoneBut { reason } => (pb::Outcome::Done, String::new(), *reason),
            Outcome::NothingToDo => (pb::Outcome::NothingToDo, String::new(), ""),
            Outcome::NeedsHuman {
                work_item_id,
                reason,
            } => (pb::Outcome::NeedsHuman, work_item_id.to_string(), *reason),
            Outcome::Rejected { reason } => (pb::Outcome::Rejected, String::new(), *reason),
        };
        pb::ActionAnswer {
            action: self.action.code.to_owned(),
            outcome: outcome.into(),
            legal_basis: self.legal_basis.to_owned(),
            undo: self.undo.to_wire().into(),
            work_item_id,
            reason: reason.to_owned(),
        }
    }
}

impl UnitOfWork {
    /// Publishes a receipt of this service for one fact.
    ///
    /// # Errors
    /// As [`UnitOfWork::publish`].
    pub fn answer(
        &mut self,
        fact: FactRef,
        answers: &[Answer],
        division: Option<DivisionCode>,
    ) -> Result<(), Failure> {
        self.send_receipt(
            fact,
            answers.iter().map(Answer::to_wire).collect(),
            division,
        )
    }

    /// The same with answers already in wire form.
    pub(crate) fn send_receipt(
        &mut self,
        fact: FactRef,
        answers: Vec<pb::ActionAnswer>,
        division: Option<DivisionCode>,
    ) -> Result<(), Failure> {
        if answers.is_empty() {
            return Ok(());
        }
        self.correlate(fact.case_id);
        let receipt = pb::ReceiptIssued {
            person_id: fact.person_id.to_string(),
            case_id: fact.case_id.to_string(),
            fact_version: fact.fact_version,
            department: self.context().name().to_owned(),
            answers,
        };
        self.publish(&receipt, division)
    }
}
