//! The tables `work_item` and `work_item_question`.

use jiff::Timestamp;
use minzheng_proto::work::v1 as pb;
use sea_orm::{ConnectionTrait, DbErr};
use uuid::Uuid;

use crate::authz::Role;
use crate::civil::micros;
use crate::convert::instant_to_wire;
use crate::db::dialect::Insert;
use crate::db::{Row, Sql, val};
use crate::division::DivisionCode;
use crate::grpc::etag;
use crate::grpc::page::{After, Page};
use crate::seam::{Failure, UnitOfWork};

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
}

/// A question that closing an item answers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// The dead person.
    pub person_id: Uuid,
    /// The case.
    pub case_id: Uuid,
    /// The fact version.
    pub fact_version: i64,
    /// Code of the action.
    pub action: String,
}

const COLUMNS: &str = "id, kind, subject_id, division, role, urgency, opened_at, due_at, state, claimed_by, outcome, version";

impl WorkItem {
    fn from_row(row: &Row) -> Result<Self, DbErr> {
        Ok(Self {
            id: row.get("id")?,
            kind: row.get("kind")?,
            subject_id: row.get("subject_id")?,
            division: row.parse("division")?,
            role: row.parse("role")?,
            urgency: row.parse("urgency")?,
            opened_at: row.instant("opened_at")?,
            due_at: row.instant("due_at")?,
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

/// Opens an item, or gives the open one of that (kind, subject) this urgency and the earlier of the
/// two due dates. Its id.
///
/// # Errors
/// The database's.
pub async fn open(uow: &UnitOfWork, item: &NewWorkItem) -> Result<Uuid, Failure> {
    open_as(uow, uow.new_id(), item).await
}

/// [`open`] with an id that the service has given the item already, where it is new.
///
/// # Errors
/// The database's.
pub async fn open_as(uow: &UnitOfWork, id: Uuid, item: &NewWorkItem) -> Result<Uuid, Failure> {
    let text = "INSERT INTO work_item (id, kind, subject_id, division, role, urgency, opened_at, due_at, state, version) \
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'open', 1) \
                ON CONFLICT (kind, subject_id) WHERE state IN ('open', 'claimed') DO UPDATE SET \
                urgency = excluded.urgency, role = excluded.role, division = excluded.division, \
                due_at = CASE WHEN excluded.due_at < work_item.due_at THEN excluded.due_at ELSE work_item.due_at END, \
                version = work_item.version + 1 RETURNING id";
    let values = [
        val(id),
        val(item.kind),
        val(item.subject_id),
        val(item.division.to_string()),
        val(item.role.name()),
        val(item.urgency.name()),
        val(micros(uow.now())),
        val(micros(item.due_at)),
    ];
    let row = uow.connection().one(text, values).await?;
    let row = row.ok_or_else(|| Failure::internal("a work item was neither opened nor found"))?;
    Ok(row.get("id")?)
}

/// Gives the open item of a (kind, subject) this urgency, role, division and due date, an earlier or a
/// later one; nothing if none is open.
///
/// # Errors
/// The database's.
pub async fn change_open(uow: &UnitOfWork, item: &NewWorkItem) -> Result<(), Failure> {
    let text = "UPDATE work_item SET urgency = $3, role = $4, division = $5, due_at = $6, version = version + 1 \
                WHERE kind = $1 AND subject_id = $2 AND state IN ('open', 'claimed')";
    let values = [
        val(item.kind),
        val(item.subject_id),
        val(item.urgency.name()),
        val(item.role.name()),
        val(item.division.to_string()),
        val(micros(item.due_at)),
    ];
    uow.connection().run(text, values).await?;
    Ok(())
}

/// Says which questions closing an item answers, in place of those said before.
///
/// # Errors
/// The database's.
pub async fn set_questions(
    uow: &UnitOfWork,
    item_id: Uuid,
    questions: &[Question],
) -> Result<(), Failure> {
    let db = uow.connection();
    db.run(
        "DELETE FROM work_item_question WHERE work_item_id = $1",
        [val(item_id)],
    )
    .await?;
    if questions.is_empty() {
        return Ok(());
    }
    let insert = Insert {
        table: "work_item_question",
        columns: &[
            "work_item_id",
            "case_id",
            "fact_version",
            "action",
            "person_id",
        ],
        tail: "ON CONFLICT DO NOTHING",
    };
    let (text, values) = insert.rows(questions.iter().map(|question| {
        vec![
            val(item_id),
            val(question.case_id),
            val(question.fact_version),
            val(question.action.clone()),
            val(question.person_id),
        ]
    }));
    db.run(text, values).await?;
    Ok(())
}

/// The questions that closing an item answers.
///
/// # Errors
/// The database's.
pub async fn questions(db: &impl ConnectionTrait, item_id: Uuid) -> Result<Vec<Question>, DbErr> {
    let text = "SELECT case_id, fact_version, action, person_id FROM work_item_question WHERE work_item_id = $1 \
                ORDER BY case_id, fact_version, action";
    let rows = db.all(text, [val(item_id)]).await?;
    rows.iter()
        .map(|row| {
            Ok(Question {
                person_id: row.get("person_id")?,
                case_id: row.get("case_id")?,
                fact_version: row.get("fact_version")?,
                action: row.get("action")?,
            })
        })
        .collect()
}

/// Closes the open item of a (kind, subject), if there is one: nothing is left to do. Its id.
///
/// # Errors
/// The database's.
pub async fn cancel(
    uow: &UnitOfWork,
    kind: &str,
    subject_id: Uuid,
) -> Result<Option<Uuid>, Failure> {
    let text = "UPDATE work_item SET state = 'cancelled', version = version + 1 WHERE kind = $1 AND subject_id = $2 \
                AND state IN ('open', 'claimed') RETURNING id";
    let row = uow
        .connection()
        .one(text, [val(kind), val(subject_id)])
        .await?;
    Ok(row.map(|row| row.get("id")).transpose()?)
}

/// Completes the open item of a (kind, subject), if there is one: a person did it through another RPC
/// of the service. The questions that it answers are the service's to answer. Its id.
///
/// # Errors
/// The database's.
pub async fn complete_open(
    uow: &UnitOfWork,
    kind: &str,
    subject_id: Uuid,
    outcome: &str,
) -> Result<Option<Uuid>, Failure> {
    let text = "UPDATE work_item SET state = 'completed', outcome = $3, version = version + 1 WHERE kind = $1 \
                AND subject_id = $2 AND state IN ('open', 'claimed') RETURNING id";
    let row = uow
        .connection()
        .one(text, [val(kind), val(subject_id), val(outcome)])
        .await?;
    Ok(row.map(|row| row.get("id")).transpose()?)
}

/// Closes an item by its version.
pub(super) async fn close(
    db: &impl ConnectionTrait,
    item: &WorkItem,
    outcome: &str,
) -> Result<bool, DbErr> {
    let text = "UPDATE work_item SET state = 'completed', outcome = $3, version = version + 1 \
                WHERE id = $1 AND version = $2 AND state IN ('open', 'claimed')";
    Ok(db
        .run(text, [val(item.id), val(item.version), val(outcome)])
        .await?
        == 1)
}

/// Takes an item by its version.
pub(super) async fn claim(
    db: &impl ConnectionTrait,
    item: &WorkItem,
    subject: &str,
) -> Result<bool, DbErr> {
    let text = "UPDATE work_item SET state = 'claimed', claimed_by = $3, version = version + 1 \
                WHERE id = $1 AND version = $2 AND state IN ('open', 'claimed')";
    Ok(db
        .run(text, [val(item.id), val(item.version), val(subject)])
        .await?
        == 1)
}

/// One item.
///
/// # Errors
/// The database's.
pub async fn find(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<WorkItem>, DbErr> {
    let row = db
        .one(
            format!("SELECT {COLUMNS} FROM work_item WHERE id = $1"),
            [val(id)],
        )
        .await?;
    row.map(|row| WorkItem::from_row(&row)).transpose()
}

/// The open item of a (kind, subject).
///
/// # Errors
/// The database's.
pub async fn find_open(
    db: &impl ConnectionTrait,
    kind: &str,
    subject_id: Uuid,
) -> Result<Option<WorkItem>, DbErr> {
    let text = format!(
        "SELECT {COLUMNS} FROM work_item WHERE kind = $1 AND subject_id = $2 AND state IN ('open', 'claimed')"
    );
    let row = db.one(text, [val(kind), val(subject_id)]).await?;
    row.map(|row| WorkItem::from_row(&row)).transpose()
}

/// Open items about any of these subjects, for fingerprints.
///
/// # Errors
/// The database's.
pub async fn open_about(
    db: &impl ConnectionTrait,
    subjects: &[Uuid],
) -> Result<Vec<WorkItem>, DbErr> {
    if subjects.is_empty() {
        return Ok(Vec::new());
    }
    let places = crate::db::dialect::placeholders(1, subjects.len());
    let text = format!(
        "SELECT {COLUMNS} FROM work_item WHERE state IN ('open', 'claimed') AND subject_id IN ({places}) \
         ORDER BY kind, subject_id"
    );
    let rows = db
        .all(text, subjects.iter().map(|id| val(*id)).collect::<Vec<_>>())
        .await?;
    rows.iter().map(WorkItem::from_row).collect()
}

/// Which items a list shows.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    pub(super) kind: String,
    pub(super) subject_id: Option<Uuid>,
    pub(super) include_closed: bool,
    /// First and last code of each subtree that the caller sees.
    pub(super) scope: Vec<(String, String)>,
    /// Roles that the caller has; empty: any role's items.
    pub(super) roles: Vec<&'static str>,
}

/// A page of items by due date.
pub(super) async fn list(
    db: &impl ConnectionTrait,
    filter: &Filter,
    page: &Page,
) -> Result<Vec<WorkItem>, DbErr> {
    let mut values = Vec::new();
    let mut bind = |value: sea_orm::Value| {
        values.push(value);
        format!("${}", values.len())
    };
    let mut conditions = Vec::new();
    let scope: Vec<String> = filter
        .scope
        .iter()
        .map(|(low, high)| {
            format!(
                "division BETWEEN {} AND {}",
                bind(val(low.clone())),
                bind(val(high.clone()))
            )
        })
        .collect();
    if scope.is_empty() {
        return Ok(Vec::new());
    }
    conditions.push(format!("({})", scope.join(" OR ")));
    if !filter.roles.is_empty() {
        let roles: Vec<String> = filter.roles.iter().map(|role| bind(val(*role))).collect();
        conditions.push(format!("role IN ({})", roles.join(", ")));
    }
    if !filter.kind.is_empty() {
        conditions.push(format!("kind = {}", bind(val(filter.kind.clone()))));
    }
    if let Some(subject_id) = filter.subject_id {
        conditions.push(format!("subject_id = {}", bind(val(subject_id))));
    }
    if !filter.include_closed {
        conditions.push("state IN ('open', 'claimed')".to_owned());
    }
    if let Some(after) = page.after {
        conditions.push(format!(
            "(due_at, id) > ({}, {})",
            bind(val(after.order)),
            bind(val(after.id))
        ));
    }
    let limit = bind(val(i64::try_from(page.limit()).unwrap_or(i64::MAX)));
    let text = format!(
        "SELECT {COLUMNS} FROM work_item WHERE {} ORDER BY due_at, id LIMIT {limit}",
        conditions.join(" AND ")
    );
    let rows = db.all(text, values).await?;
    rows.iter().map(WorkItem::from_row).collect()
}

/// How many items are open, by kind.
pub(crate) async fn count_open(db: &impl ConnectionTrait) -> Result<Vec<(String, i64)>, DbErr> {
    let text = "SELECT kind, count(*) AS n FROM work_item WHERE state IN ('open', 'claimed') GROUP BY kind";
    let rows = db.all(text, []).await?;
    rows.iter()
        .map(|row| Ok((row.get("kind")?, row.get("n")?)))
        .collect()
}
