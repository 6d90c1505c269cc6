//! A death, handled once (product §4): the process manager as a pure function.
//!
//! Start with the table in [`transitions`], then follow what it calls:
//!
//! | What | Where |
//! |---|---|
//! | who says what, and how much it weighs | [`evidence`], `weigh` |
//! | which date counts | [`dating`] |
//! | the case, its phases, what is beside the phase | [`case`] |
//! | what is in doubt | `review` |
//! | whom a death reaches | [`plan`] |
//! | what is asked and answered | [`question`], `answers` |
//! | undoing a death | `reversal` |
//! | what follows from a step | [`effect`], `turn`, [`items()`] |
//! | may it be cremated? | [`clearance()`] |
//! | why does it hang? | [`waiting()`] |
//!
//! # What does not depend on order
//! Any order of the same reports, each told any number of times, ends in the same phase, date,
//! conflict and open items, for all three follow from the set of evidence. What differs is
//! history: whether a suspicion or a coarser date was announced on the way. The one exception is
//! two documents of the same rank that contradict each other: a conflict never takes back a fact,
//! so the date announced first stands until a person decides.
//!
//! # Fact versions
//! They rise by one per person, through every episode. A newer fact supersedes open questions of
//! older ones, those of earlier episodes included
//! ([`Effect::OvertakeEarlierEpisodes`]): a department that has read the newer fact will never
//! answer the older.

//!
//! # What the caller does
//! - It finds a report's document by (organisation, reference) first. Told of another person:
//!   [`Rejection::ReferenceReused`]; by another kind of source: [`Rejection::SourceChanged`]. Told
//!   with the same statement: the answer is that document's case, of whatever episode. Otherwise
//!   [`report`] gets the person's latest case, and [`Report::revisions_elsewhere`] where an earlier
//!   episode has the document.
//! - It hands every input to [`react`] and saves case and effects in one transaction; a case
//!   equal to the one before needs no saving.
//! - It tries a step without terms first and reads the rules only where they are missed ([`Terms`]).
//! - A merge is two steps of one transaction: [`absorb`] for the survivor, then
//!   [`Input::Merged`] (or [`ReviewDecision::KnownPerson`]) for the record that goes. The moved
//!   evidence keeps its ids and changes its case.

mod answers;
pub mod case;
pub mod clearance;
pub mod dating;
pub mod effect;
pub mod evidence;
pub mod input;
pub mod items;
mod names;
pub mod plan;
pub mod question;
mod rejection;
mod reversal;
mod review;
pub mod transitions;
mod turn;
pub mod waiting;
mod weigh;

pub use case::{Case, Correction, Divisions, Pending, PendingReversal, Phase, Verification};
pub use clearance::{Blocking, clearance};
pub use effect::{Cause, Effect, Fact, Item, ItemEnd, ItemKind, Note, Urgency};
pub use evidence::{DocumentKey, Doubt, Evidence, Source, Standing, Statement, Strength};
pub use input::{
    Absorption, CorrectionCause, Finding, Input, Match, Moment, Opening, Receipt, Report,
    ReversalDecision, ReversalRequest, ReviewDecision, Ruling, Term, Terms,
};
pub use items::items;
pub use plan::{PLAN, Plan};
pub use question::{Answer, Outcome, Question, QuestionState, Undo};
pub use rejection::Rejection;
pub use transitions::{absorb, react, report};
pub use turn::Step;
pub use waiting::{Waiting, waiting};

#[cfg(test)]
mod tests;
