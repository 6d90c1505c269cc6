//! Opening, changing and closing items, each with its audit record: the one place that writes `work_item`.

use sea_orm::DbErr;
use uuid::Uuid;

use super::table::find_open;
use super::types::{NewWorkItem, WorkItem};
use crate::audit::AuditEntry;
use crate::civil::micros;
use crate::db::{Row, Sql, val};
use crate::division::DivisionCode;
use crate::seam::{Failure, UnitOfWork};

/// Opens an item, or gives the open one of that (kind, subject) this urgency, role and division and the
/// earlier of the two due dates. Where it has them already, nothing is written. In another division nobody
/// has taken it: whoever had is not asked there. Its id.
///
/// # Errors
/// The database's.
pub async fn open(uow: &mut UnitOfWork, item: &NewWorkItem) -> Result<Uuid, Failure> {
    let id = uow.new_id();
    open_as(uow, id, item).await
}

/// [`open`] with an id that the service has given the item already, where it is new.
///
/// # Errors
/// The database's.
pub async fn open_as(uow: &mut UnitOfWork, id: Uuid, item: &NewWorkItem) -> Result<Uuid, Failure> {
    let text = "INSERT INTO work_item (id, kind, subject_id, division, role, urgency, opened_at, due_at, due_provisional, state, version) \
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'open', 1) \
                ON CONFLICT (kind, subject_id) WHERE state IN ('open', 'claimed') DO UPDATE SET \
                urgency = excluded.urgency, role = excluded.role, division = excluded.division, \
                due_at = CASE WHEN excluded.due_at < work_item.due_at THEN excluded.due_at ELSE work_item.due_at END, \
                due_provisional = CASE WHEN excluded.due_at < work_item.due_at THEN excluded.due_provisional ELSE work_item.due_provisional END, \
                state = CASE WHEN work_item.division <> excluded.division THEN 'open' ELSE work_item.state END, \
                claimed_by = CASE WHEN work_item.division <> excluded.division THEN NULL ELSE work_item.claimed_by END, \
                version = work_item.version + 1 \
                WHERE work_item.urgency <> excluded.urgency OR work_item.role <> excluded.role \
                OR work_item.division <> excluded.division OR excluded.due_at < work_item.due_at RETURNING id, version";
    let values = [
        val(id),
        val(item.kind),
        val(item.subject_id),
        val(item.division.to_string()),
        val(item.role.name()),
        val(item.urgency.name()),
        val(micros(uow.now())),
        val(micros(item.due_at)),
        val(item.due_provisional),
    ];
    let Some(row) = uow.connection().one(text, values).await? else {
        let open = find_open(uow.connection(), item.kind, item.subject_id).await?;
        let open =
            open.ok_or_else(|| Failure::internal("a work item was neither opened nor found"))?;
        return Ok(open.id);
    };
    let id = row.get("id")?;
    let action = match row.get::<i64>("version")? {
        1 => "OpenWorkItem",
        _ => "ChangeWorkItem",
    };
    uow.audit(stands(action, id, item));
    Ok(id)
}

/// Gives the open item of a (kind, subject) this urgency, role, division and due date, an earlier or a
/// later one; nothing if none is open. In another division nobody has taken it.
///
/// # Errors
/// The database's.
pub async fn change_open(uow: &mut UnitOfWork, item: &NewWorkItem) -> Result<(), Failure> {
    let text = "UPDATE work_item SET urgency = $3, role = $4, due_at = $6, due_provisional = $7, \
                state = CASE WHEN division <> $5 THEN 'open' ELSE state END, \
                claimed_by = CASE WHEN division <> $5 THEN NULL ELSE claimed_by END, \
                division = $5, version = version + 1 \
                WHERE kind = $1 AND subject_id = $2 AND state IN ('open', 'claimed') RETURNING id";
    let values = [
        val(item.kind),
        val(item.subject_id),
        val(item.urgency.name()),
        val(item.role.name()),
        val(item.division.to_string()),
        val(micros(item.due_at)),
        val(item.due_provisional),
    ];
    let changed = uow.connection().one(text, values).await?;
    if let Some(row) = changed {
        let id = row.get("id")?;
        uow.audit(stands("ChangeWorkItem", id, item));
    }
    Ok(())
}

/// Closes the open item of a (kind, subject), if there is one: nothing is left to do. Its id.
///
/// # Errors
/// The database's.
pub async fn cancel(
    uow: &mut UnitOfWork,
    kind: &str,
    subject_id: Uuid,
) -> Result<Option<Uuid>, Failure> {
    let text = "UPDATE work_item SET state = 'cancelled', version = version + 1 WHERE kind = $1 AND subject_id = $2 \
                AND state IN ('open', 'claimed') RETURNING id, division";
    let row = uow
        .connection()
        .one(text, [val(kind), val(subject_id)])
        .await?;
    let Some(row) = row else { return Ok(None) };
    let (id, division) = closed(&row)?;
    uow.audit(entry("CancelWorkItem", id, division, kind));
    Ok(Some(id))
}

/// Completes the open item of a (kind, subject), if there is one: a person did it through another RPC
/// of the service. The questions that it answers are the service's to answer. Its id.
///
/// # Errors
/// The database's.
pub async fn complete_open(
    uow: &mut UnitOfWork,
    kind: &str,
    subject_id: Uuid,
    outcome: &str,
) -> Result<Option<Uuid>, Failure> {
    let text = "UPDATE work_item SET state = 'completed', outcome = $3, version = version + 1 WHERE kind = $1 \
                AND subject_id = $2 AND state IN ('open', 'claimed') RETURNING id, division";
    let row = uow
        .connection()
        .one(text, [val(kind), val(subject_id), val(outcome)])
        .await?;
    let Some(row) = row else { return Ok(None) };
    let (id, division) = closed(&row)?;
    uow.audit(entry("CompleteWorkItem", id, division, kind).with("outcome", outcome));
    Ok(Some(id))
}

/// Closes an item by its version: a person completed it.
///
/// # Errors
/// Conflict, if somebody else was faster; the database's.
pub(super) async fn complete(
    uow: &mut UnitOfWork,
    item: &WorkItem,
    outcome: &str,
    note: &str,
) -> Result<(), Failure> {
    let text = "UPDATE work_item SET state = 'completed', outcome = $3, version = version + 1 \
                WHERE id = $1 AND version = $2 AND state IN ('open', 'claimed')";
    let values = [val(item.id), val(item.version), val(outcome)];
    if uow.connection().run(text, values).await? != 1 {
        return Err(Failure::Conflict("work item".to_owned()));
    }
    let audit = entry("CompleteWorkItem", item.id, item.division, &item.kind);
    uow.audit(audit.with("outcome", outcome).with("note", note));
    Ok(())
}

/// Takes an item by its version, for the caller.
///
/// # Errors
/// Conflict, if somebody else was faster; the database's.
pub(super) async fn claim(uow: &mut UnitOfWork, item: &WorkItem) -> Result<(), Failure> {
    let text = "UPDATE work_item SET state = 'claimed', claimed_by = $3, version = version + 1 \
                WHERE id = $1 AND version = $2 AND state IN ('open', 'claimed')";
    let subject = uow.caller().subject.clone();
    let values = [val(item.id), val(item.version), val(subject)];
    if uow.connection().run(text, values).await? != 1 {
        return Err(Failure::Conflict("work item".to_owned()));
    }
    uow.audit(entry("ClaimWorkItem", item.id, item.division, &item.kind));
    Ok(())
}

fn closed(row: &Row) -> Result<(Uuid, DivisionCode), DbErr> {
    Ok((row.get("id")?, row.parse("division")?))
}

/// The record of an item that stands as it is now.
fn stands(action: &'static str, id: Uuid, item: &NewWorkItem) -> AuditEntry {
    entry(action, id, item.division, item.kind)
        .with("subject_id", item.subject_id)
        .with("urgency", item.urgency.name())
        .with("role", item.role)
}

fn entry(action: &'static str, id: Uuid, division: DivisionCode, kind: &str) -> AuditEntry {
    AuditEntry::new(action, "work_item", id, Some(division)).with("kind", kind)
}
