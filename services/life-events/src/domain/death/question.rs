//! What a fact asks of a department, and what the department answers.

use jiff::Timestamp;
use minzheng_proto::death_plan::Action;
use uuid::Uuid;

use super::effect::Note;
use super::names::names;

names! {
    /// State of one question.
    pub enum QuestionState {
        /// Not yet answered.
        Open = "open",
        /// Answered.
        Answered = "answered",
        /// Answered: a person of that department must act.
        NeedsHuman = "needs_human",
        /// A newer fact asks anew; nobody answered before.
        Superseded = "superseded",
    }
}

names! {
    /// What a department says of one action.
    pub enum Outcome {
        /// Done.
        Done = "done",
        /// Nothing to do for this person here.
        NothingToDo = "nothing_to_do",
        /// A person must act; there is a work item of that department.
        NeedsHuman = "needs_human",
        /// Refused, with a reason.
        Rejected = "rejected",
    }
}

names! {
    /// Who can undo an action if the death is reversed.
    pub enum Undo {
        /// The service itself.
        Machine = "machine",
        /// A person.
        Human = "human",
        /// Nobody.
        Impossible = "impossible",
    }
}

/// A department's answer to one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Id of the receipt's event.
    pub receipt_event_id: Uuid,
    /// What was done.
    pub outcome: Outcome,
    /// The article or standard that it rests on.
    pub legal_basis: String,
    /// Who could undo it.
    pub undo: Undo,
    /// The department's work item, where a person must act.
    pub work_item_id: Option<Uuid>,
    /// Stable reason, where a machine action needs a person or is refused, or was done otherwise than one
    /// would expect.
    pub reason: Option<String>,
    /// When the answer arrived.
    pub answered_at: Timestamp,
}

/// What one fact asks of one department for one action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Fact version that asks.
    pub fact_version: i64,
    /// The action; it names the department.
    pub action: Action,
    /// State.
    pub state: QuestionState,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// When the answer is due.
    pub due_at: Timestamp,
    /// Public holidays may come on top: the calendar of a year in it was not published.
    pub due_provisional: bool,
    /// The answer is overdue, and somebody was told.
    pub escalated: bool,
    /// The latest answer.
    pub answer: Option<Answer>,
}

impl Question {
    /// Takes an answer; a second one stands in place of the first.
    ///
    /// # Errors
    /// Why the answer has no effect.
    pub fn take(&mut self, answer: &Answer) -> Result<(), Note> {
        if self.state == QuestionState::Superseded {
            return Err(Note::QuestionSuperseded);
        }
        if self
            .answer
            .as_ref()
            .is_some_and(|known| known.receipt_event_id == answer.receipt_event_id)
        {
            return Err(Note::Duplicate);
        }
        if answer.outcome == Outcome::NeedsHuman && answer.work_item_id.is_none() {
            return Err(Note::NeedsHumanWithoutWorkItem);
        }
        self.state = match answer.outcome {
            Outcome::Done | Outcome::NothingToDo | Outcome::Rejected => QuestionState::Answered,
            Outcome::NeedsHuman => QuestionState::NeedsHuman,
        };
        self.escalated = false;
        self.answer = Some(answer.clone());
        Ok(())
    }

    /// A newer fact asks anew: nobody need answer this one.
    pub fn supersede(&mut self) {
        if self.state == QuestionState::Open {
            self.state = QuestionState::Superseded;
            self.escalated = false;
        }
    }

    /// Whether the answer is overdue and nobody was told yet.
    pub fn lapsed(&self, now: Timestamp) -> bool {
        self.state == QuestionState::Open && !self.escalated && self.due_at <= now
    }
}
