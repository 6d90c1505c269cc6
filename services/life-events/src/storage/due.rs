//! What is due: verifications whose deadline passed, answers that are overdue.

use jiff::Timestamp;
use minzheng_chassis::civil::micros;
use minzheng_chassis::db::{Sql, val};
use minzheng_chassis::seam::Failure;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

/// Cases whose verification lapses by now, the longest overdue first.
///
/// # Errors
/// The database's.
pub async fn verifications(
    db: &impl ConnectionTrait,
    now: Timestamp,
    limit: u64,
) -> Result<Vec<Uuid>, Failure> {
    let text = "SELECT id FROM death_case WHERE due_at IS NOT NULL AND due_at <= $1 ORDER BY due_at LIMIT $2";
    ids(db, text, now, limit).await
}

/// Cases with decisions that are overdue and of which nobody was told yet.
///
/// # Errors
/// The database's.
pub async fn decisions(
    db: &impl ConnectionTrait,
    now: Timestamp,
    limit: u64,
) -> Result<Vec<Uuid>, Failure> {
    let text = "SELECT id FROM death_case WHERE decision_due_at IS NOT NULL AND decision_due_at <= $1 \
                ORDER BY decision_due_at LIMIT $2";
    ids(db, text, now, limit).await
}

/// Cases with answers that are overdue and of which nobody was told yet.
///
/// # Errors
/// The database's.
pub async fn answers(
    db: &impl ConnectionTrait,
    now: Timestamp,
    limit: u64,
) -> Result<Vec<Uuid>, Failure> {
    let text = "SELECT case_id AS id FROM question WHERE state = 'open' AND NOT escalated AND due_at <= $1 \
                GROUP BY case_id ORDER BY min(due_at) LIMIT $2";
    ids(db, text, now, limit).await
}

async fn ids(
    db: &impl ConnectionTrait,
    text: &str,
    now: Timestamp,
    limit: u64,
) -> Result<Vec<Uuid>, Failure> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = db.all(text, [val(micros(now)), val(limit)]).await?;
    Ok(rows
        .iter()
        .map(|row| row.get("id"))
        .collect::<Result<_, _>>()?)
}
