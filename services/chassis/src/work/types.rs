//! Work items, as they are kept and as the wire shows them.

use jiff::Timestamp;
use minzheng_proto::work::v1 as pb;
use sea_orm::DbErr;
use uuid::Uuid;

use crate::authz::Role;
use crate::civil::micros;
use crate::convert::instant_to_wire;
use crate::db::Row;
use crate::division::DivisionCode;
use crate::grpc::etag;
use crate::grpc::page::After;

/// How urgent an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Urgency {
    /// Routine.
    Normal,
    /// Somebody must go and look within a day.
    Alarm,
    /// A child or a life is unprotected now.
    Urgent,
}

impl Urgency {
    /// Stable name, as stored.
    pub fn name(self) -> &'static str {
        match self {
            Urgency::Normal => "normal",
            Urgency::Alarm => "alarm",
            Urgency::Urgent => "urgent",
        }
    }

    fn to_wire(self) -> pb::Urgency {
        match self {
            Urgency::Normal => pb::Urgency::Normal,
            Urgency::Alarm => pb::Urgency::Alarm,
            Urgency::Urgent => pb::Urgency::Urgent,
        }
    }
}

impl std::str::FromStr for Urgency {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Urgency::Normal, Urgency::Alarm, Urgency::Urgent]
            .into_iter()
            .find(|urgency| urgency.name() == text)
            .ok_or_else(|| format!("unknown urgency {text}"))
    }
}

/// State of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkState {
    /// Nobody has taken it.
    Open,
    /// Somebody has.
    Claimed,
    /// Closed by a person.
    Completed,
    /// Closed by the service: nothing is left to do.
    Cancelled,
}

impl WorkState {
    const ALL: [WorkState; 4] = [
        WorkState::Open,
        WorkState::Claimed,
        WorkState::Completed,
        WorkState::Cancelled,
    ];

    /// Stable name, as stored.
    pub fn name(self) -> &'static str {
        match self {
            WorkState::Open => "open",
            WorkState::Claimed => "claimed",
            WorkState::Completed => "completed",
            WorkState::Cancelled => "cancelled",
        }
    }

    /// Whether it still waits.
    pub fn is_open(self) -> bool {
        matches!(self, WorkState::Open | WorkState::Claimed)
    }

    fn to_wire(self) -> pb::WorkItemState {
        match self {
            WorkState::Open => pb::WorkItemState::Open,
            WorkState::Claimed => pb::WorkItemState::Claimed,
            WorkState::Completed => pb::WorkItemState::Completed,
            WorkState::Cancelled => pb::WorkItemState::Cancelled,
        }
    }
}

impl std::str::FromStr for WorkState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        WorkState::ALL
            .into_iter()
            .find(|state| state.name() == text)
            .ok_or_else(|| format!("unknown work state {text}"))
    }
}

/// One item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkItem {
    /// Id.
    pub id: Uuid,
    /// Kind.
    pub kind: String,
    /// What it is about.
    pub subject_id: Uuid,
    /// Division.
    pub division: DivisionCode,
    /// Who may do it.
    pub role: Role,
    /// How urgent.
    pub urgency: Urgency,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it is due.
    pub due_at: Timestamp,
    /// Public holidays may come on top: the calendar of a year in it was not published.
    pub due_provisional: bool,
    /// State.
    pub state: WorkState,
    /// Who has taken it.
    pub claimed_by: Option<String>,
    /// How it ended.
    pub outcome: Option<String>,
    /// Version.
    pub version: i64,
}

/// An item to open.
#[derive(Clone, Debug)]
pub struct NewWorkItem {
    /// Kind; one open item per (kind, subject).
    pub kind: &'static str,
    /// What it is about.
    pub subject_id: Uuid,
    /// Division.
    pub division: DivisionCode,
    /// Who may do it.
    pub role: Role,
    /// How urgent.
    pub urgency: Urgency,
    /// When it is due.
    pub due_at: Timestamp,
    /// [`crate::calendar::Deadline::provisional`]; false where no calendar has a part in it.
    pub due_provisional: bool,
}

/// The columns of [`WorkItem::from_row`].
pub(super) const COLUMNS: &str = "id, kind, subject_id, division, role, urgency, opened_at, due_at, due_provisional, state, claimed_by, outcome, version";

impl WorkItem {
    pub(super) fn from_row(row: &Row) -> Result<Self, DbErr> {
        Ok(Self {
            id: row.get("id")?,
            kind: row.get("kind")?,
            subject_id: row.get("subject_id")?,
            division: row.parse("division")?,
            role: row.parse("role")?,
            urgency: row.parse("urgency")?,
            opened_at: row.instant("opened_at")?,
            due_at: row.instant("due_at")?,
            due_provisional: row.get("due_provisional")?,
            state: row.parse("state")?,
            claimed_by: row.get("claimed_by")?,
            outcome: row.get("outcome")?,
            version: row.get("version")?,
        })
    }

    /// For the wire.
    pub(super) fn to_wire(&self, service: &str, outcomes: &[&str]) -> pb::WorkItem {
        pb::WorkItem {
            id: self.id.to_string(),
            service: service.to_owned(),
            kind: self.kind.clone(),
            subject_id: self.subject_id.to_string(),
            division: self.division.to_string(),
            role: self.role.name().to_owned(),
            urgency: self.urgency.to_wire().into(),
            opened_at: Some(instant_to_wire(self.opened_at)),
            due_at: Some(instant_to_wire(self.due_at)),
            state: self.state.to_wire().into(),
            claimed_by: self.claimed_by.clone().unwrap_or_default(),
            outcome: self.outcome.clone().unwrap_or_default(),
            possible_outcomes: outcomes
                .iter()
                .map(|outcome| (*outcome).to_owned())
                .collect(),
            etag: etag::of(self.version),
            due_provisional: self.due_provisional,
        }
    }

    /// Its place in the queue.
    pub(super) fn after(&self) -> After {
        After {
            order: micros(self.due_at),
            id: self.id,
        }
    }
}
