//! The rules of child welfare: pure functions over a child's file and what it was told.
//!
//! A [`Child`] keeps what it was told of each relative; its [`Standing`] is derived from that row
//! alone, so that facts may arrive in any order and twice. Every change returns a [`Change`]: what
//! to publish, which work items open or close, and which answers to death cases may move
//! ([`DeathAnswer`]).

mod answer;
mod child;
mod code;
mod commands;
mod day;
mod derive;
mod error;
mod fingerprint;
mod item;
mod level;
mod merge;
mod person;
mod relative;
mod review;
mod rules;
mod settle;
mod share;
mod situation;
mod spell;

pub use answer::{Answer, AskedFact, DeathAnswer, FactKind, Outcome, Question, Receipt};
pub use child::{Change, Child, File, KinshipSource, KinshipTold, StartMonth};
pub use code::UnknownCode;
pub use commands::{GuardianAppointment, SituationRecord};
pub use error::ChildWelfareError;
pub use item::{Effect, ItemKind, OpenItem, Role, Urgency, VisitOutcome};
pub use level::{Cause, Level, Visit};
pub use person::{Heard, Life, PersonFact};
pub use relative::{Ability, Appointment, GuardianBasis, KinTold, Relation, Relative};
pub use rules::{ADULT_AGE, Moment, Rules};
pub use share::Share;
pub use situation::{Carer, Since, Situation, Standing};
pub use spell::{ParentSituationKind, Spell};

#[cfg(test)]
mod tests;
