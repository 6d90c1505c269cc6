//! A child's situation, who is left to care, and since when.

use minzheng_chassis::civil::Month;
use serde::{Deserialize, Serialize};

use super::code::codes;

/// A child's situation, derived from its parents' (product §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Situation {
    /// No parent was ever recorded, and nobody has looked for one.
    Unknown,
    /// Two parents, alive and able.
    TwoParents,
    /// One parent left and able.
    OneParent,
    /// De facto unsupported 事实无人抚养儿童.
    DeFactoUnsupported,
    /// Orphan 孤儿.
    Orphan,
    /// The child died.
    Closed,
    /// The child came of age.
    Grown,
}

codes!(Situation {
    Unknown = "unknown",
    TwoParents = "two_parents",
    OneParent = "one_parent",
    DeFactoUnsupported = "de_facto_unsupported",
    Orphan = "orphan",
    Closed = "closed",
    Grown = "grown",
});

impl Situation {
    /// Whether the state must step in: nobody of the parents supports the child.
    pub fn is_unsupported(self) -> bool {
        matches!(self, Self::DeFactoUnsupported | Self::Orphan)
    }

    /// Whether there is a living minor to look after at all.
    pub fn is_active(self) -> bool {
        !matches!(self, Self::Closed | Self::Grown)
    }
}

/// Who is left to care, in the order of 民法典 Art. 27.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Carer {
    /// A living and able parent.
    Parent,
    /// A living guardian by appointment, by will or as told by the register.
    Guardian,
    /// A living grandparent who was not found unable.
    Grandparent,
    /// A living brother or sister of age who was not found unable.
    AdultSibling,
    /// Nobody.
    Nobody,
}

codes!(Carer {
    Parent = "parent",
    Guardian = "guardian",
    Grandparent = "grandparent",
    AdultSibling = "adult_sibling",
    Nobody = "nobody",
});

/// From which month a situation holds for payments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Since {
    /// Nothing began: the situation is as it always was, or a person said that no month is needed.
    NotCounted,
    /// The month after the one in which it began.
    Month(Month),
    /// It began with a death of which the month is unknown.
    Unknown,
}

/// What is derived from everything known of a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The situation.
    pub situation: Situation,
    /// Who is left to care; nobody is asked for a child that died or came of age.
    pub carer: Option<Carer>,
    /// From which month it holds.
    pub since: Since,
}

impl Standing {
    /// How a child stands of which nothing calls for attention: it is not announced.
    pub const UNREMARKABLE: Standing = Standing {
        situation: Situation::TwoParents,
        carer: Some(Carer::Parent),
        since: Since::NotCounted,
    };
}

/// How one parent stands on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ParentState {
    /// Alive and able.
    Able,
    /// Alive, and a situation of product §6.3 counts.
    Lacking,
    /// Dead, or declared missing by a court.
    Gone,
}

/// The situation of a living minor with these recorded parents.
///
/// A parent who was never recorded is "not to be found" only when a person says so
/// (`parents_sought`); yet where no recorded parent is left, the missing record does not keep the
/// alarm back: one recorded parent who is gone makes an orphan, one who is lacking a de facto
/// unsupported child.
pub(super) fn situation_of(parents: &[ParentState], parents_sought: bool) -> Situation {
    let able = parents
        .iter()
        .filter(|state| **state == ParentState::Able)
        .count();
    if parents.is_empty() {
        return if parents_sought {
            Situation::Orphan
        } else {
            Situation::Unknown
        };
    }
    if parents.iter().all(|state| *state == ParentState::Gone) {
        return Situation::Orphan;
    }
    match able {
        0 => Situation::DeFactoUnsupported,
        1 => Situation::OneParent,
        _ => Situation::TwoParents,
    }
}
