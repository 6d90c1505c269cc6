//! Work items of this department, and what a change asks the outside to do.

use jiff::Timestamp;
use minzheng_chassis::division::DivisionCode;
use uuid::Uuid;

use super::code::codes;

/// Kind of a work item; its subject is the child.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ItemKind {
    /// Somebody goes and looks after the child (未成年人保护法 Art. 92–94).
    ChildVisit,
    /// The month from which payments count cannot be computed.
    DetermineMonth,
}

codes!(ItemKind {
    ChildVisit = "child-visit",
    DetermineMonth = "determine-month",
});

impl ItemKind {
    /// Who may do it.
    pub fn role(self) -> Role {
        match self {
            Self::ChildVisit => Role::TownshipWorker,
            Self::DetermineMonth => Role::CountyClerk,
        }
    }

    /// Outcomes that completing it may name.
    ///
    /// A month is determined by `DetermineStartMonth`, which completes the item; completed without
    /// a month, it says that none is needed.
    pub fn outcomes(self) -> &'static [&'static str] {
        match self {
            Self::ChildVisit => &["cared_for", "placed", "no_need", "not_reached"],
            Self::DetermineMonth => &["not_needed"],
        }
    }
}

/// Who does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// 乡镇干部.
    TownshipWorker,
    /// 县区经办.
    CountyClerk,
}

codes!(Role {
    TownshipWorker = "township_worker",
    CountyClerk = "county_clerk",
});

/// How urgent an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Routine.
    Normal,
    /// Somebody must go and look within a day.
    Alarm,
    /// Nobody is left: an urgent placement.
    Urgent,
}

codes!(Urgency {
    Normal = "normal",
    Alarm = "alarm",
    Urgent = "urgent",
});

/// How a visit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VisitOutcome {
    /// Somebody cares for the child.
    CaredFor,
    /// The child was placed.
    Placed,
    /// Nothing is needed.
    NoNeed,
    /// The child was not reached: the next visit opens at once.
    NotReached,
}

codes!(VisitOutcome {
    CaredFor = "cared_for",
    Placed = "placed",
    NoNeed = "no_need",
    NotReached = "not_reached",
});

/// An open item, as the child's file knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenItem {
    /// The work item's id.
    pub id: Uuid,
    /// How urgent.
    pub urgency: Urgency,
    /// Where it is to be done.
    pub division: DivisionCode,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it is due.
    pub due_at: Timestamp,
}

/// What the outside has to do after a change, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Publish the child's standing.
    StandingChanged,
    /// Open a work item.
    ItemOpened(ItemKind, OpenItem),
    /// An open item's urgency or division changed.
    ItemChanged(ItemKind, OpenItem),
    /// Close an item that is no longer needed.
    ItemCancelled(ItemKind, Uuid),
    /// A person completed an item, with this outcome.
    ItemCompleted(ItemKind, Uuid, &'static str),
}
