//! What elderly-care decides, as pure functions: no clock, no I/O, no ids of its own.
//!
//! A caller loads a [`View`], opens a [`Desk`] on it, calls one of its methods (`place_resident`,
//! `accept_offer`, `hear` …) and closes it into a [`Decision`]: the rows to save, the bed events to
//! publish, the work items to open or close.
//!
//! Two rules carry the order independence:
//! - a fact sets a stay to what its announced life status demands, from whatever state it is in
//!   ([`death`]); a stay keeps its claim to its bed until a *command* lets the bed anew;
//! - who is offered which bed is not decided step by step but follows from the vacant beds and the
//!   queue ([`allocation`]), so it does not matter in which order beds and people came and went.

pub mod allocation;
pub mod answer;
pub mod bed;
pub mod death;
pub mod desk;
pub mod errors;
pub mod facility;
pub mod fingerprint;
pub mod merge;
pub mod offer;
pub mod person;
pub mod stay;
pub mod view;
pub mod waiting;
pub mod work;

pub use answer::{Answer, AnswerOutcome, CareAction, Undo};
pub use bed::{Bed, BedState, HeldFor};
pub use death::{DeathFact, FactKind};
pub use desk::{BedChange, Changed, Decision, Desk};
pub use errors::CareError;
pub use facility::{Facility, Filing, Tier};
pub use fingerprint::fingerprint;
pub use offer::{Offer, OfferState, OfferTerms};
pub use person::{Known, Life};
pub use stay::{EndCause, Stay, StayState};
pub use view::{Pass, Passing, Site, View};
pub use waiting::{EntryState, Rank, WaitingEntry};
pub use work::{WorkEffect, WorkKind};

#[cfg(test)]
mod tests;
