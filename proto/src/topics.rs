//! Every topic, declared once: name, partitions, retention, owner.
//!
//! A topic is a stream with one owner of its contract and one kind of key; events whose order
//! matters share one. The number of partitions never changes.

use std::time::Duration;

/// One topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Name, without the deployment's prefix.
    pub name: &'static str,
    /// Number of partitions; 12, or 1 for reference data.
    pub partitions: i32,
    /// How long a record is kept; `None` is for ever.
    pub retention: Option<Duration>,
    /// The service that owns its contract.
    pub owner: &'static str,
    /// What its key is.
    pub key: &'static str,
}

/// Largest record on any topic, in bytes, headers included: Kafka's own default.
pub const MAX_RECORD_BYTES: usize = 1_048_588;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const ONE_YEAR: Option<Duration> = Some(DAY.saturating_mul(366));

/// Identity, kinship, residence. Key: person (kinship under the dependant, a merge under the record
/// that goes).
pub const RESIDENTS_PERSON: Topic = Topic {
    name: "residents.person",
    partitions: 12,
    retention: ONE_YEAR,
    owner: "residents",
    key: "person",
};

/// The facts about deaths. Key: person. Kept for ever, so that a new department reads them all.
pub const LIFE_EVENTS_DEATH: Topic = Topic {
    name: "life-events.death",
    partitions: 12,
    retention: None,
    owner: "life-events",
    key: "person",
};

/// Receipts, written by every department. Key: person; no order is promised between departments.
pub const LIFE_EVENTS_RECEIPTS: Topic = Topic {
    name: "life-events.receipts",
    partitions: 12,
    retention: ONE_YEAR,
    owner: "life-events",
    key: "person",
};

/// States of beds. Key: bed.
pub const ELDERLY_CARE_BED: Topic = Topic {
    name: "elderly-care.bed",
    partitions: 12,
    retention: ONE_YEAR,
    owner: "elderly-care",
    key: "bed",
};

/// Situations of children. Key: child.
pub const CHILD_WELFARE_CHILD: Topic = Topic {
    name: "child-welfare.child",
    partitions: 12,
    retention: ONE_YEAR,
    owner: "child-welfare",
    key: "child",
};

/// All of them.
pub const ALL: [&Topic; 5] = [
    &RESIDENTS_PERSON,
    &LIFE_EVENTS_DEATH,
    &LIFE_EVENTS_RECEIPTS,
    &ELDERLY_CARE_BED,
    &CHILD_WELFARE_CHILD,
];
