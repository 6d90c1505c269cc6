//! What a decision brings about besides the new state.

use minzheng_chassis::division::DivisionCode;
use uuid::Uuid;

use super::kinship::KinCircle;

/// Kind of the work item that waits while a record is provisional; its subject is the record.
pub const DECIDE_MATCH: &str = "decide-match";
/// The role that decides it.
pub const DECIDE_MATCH_ROLE: &str = "county_clerk";
/// Outcomes that closing the item by itself may name; "is this person" needs a person's id, so it
/// goes through the command only.
pub const DECIDE_MATCH_OUTCOMES: [&str; 2] = ["new-person", "reject"];

/// Where a person stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// Domicile 户籍地.
    pub domicile: DivisionCode,
    /// Residence 居住地.
    pub residence: DivisionCode,
}

/// What is published; no name, no number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A person was recorded.
    Registered {
        /// The person.
        person_id: Uuid,
        /// Where.
        places: Places,
        /// Only reported, not yet matched.
        provisional: bool,
    },
    /// Domicile or residence changed.
    Moved {
        /// The person.
        person_id: Uuid,
        /// Where to.
        places: Places,
    },
    /// A provisional record turned out to be somebody known.
    Merged {
        /// The record that goes.
        person_id: Uuid,
        /// The record that stays.
        into: Uuid,
        /// Where the survivor stands.
        places: Places,
    },
    /// A provisional record is a person of its own.
    Established {
        /// The person.
        person_id: Uuid,
        /// Where.
        places: Places,
    },
    /// A provisional record was refused.
    Rejected {
        /// The record.
        person_id: Uuid,
    },
    /// A person's kin are these.
    KinshipChanged(KinCircle),
}

/// What a decision brings about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Publish an event.
    Publish(Event),
    /// Open the work item [`DECIDE_MATCH`] on a record.
    OpenReview {
        /// The provisional record.
        person_id: Uuid,
        /// Whose clerks see it.
        division: DivisionCode,
    },
    /// Close that work item.
    CloseReview {
        /// The record that was provisional.
        person_id: Uuid,
        /// `is-person`, `new-person` or `reject`.
        outcome: &'static str,
    },
    /// What is published of this person's kin, and of everyone who has the person among theirs,
    /// is no longer right: publish these circles again.
    RepublishKin {
        /// The person.
        person_id: Uuid,
    },
    /// The residence published along with this person's own kin is no longer right: publish that
    /// circle again, if there are any kin.
    RepublishOwnKin {
        /// The person.
        person_id: Uuid,
    },
}
