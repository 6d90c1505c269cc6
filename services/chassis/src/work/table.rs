//! Reading the table `work_item`.

use sea_orm::{ConnectionTrait, DbErr};
use uuid::Uuid;

use super::types::{COLUMNS, WorkItem};
use crate::db::{Sql, val};
use crate::grpc::page::Page;

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
