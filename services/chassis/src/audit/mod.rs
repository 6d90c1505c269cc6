//! The audit record: written in the transaction of what it records, one per changed aggregate and
//! one per look at personal data, in one canonical encoding with a keyed MAC.

use jiff::Timestamp;
use sea_orm::{ConnectionTrait, DbErr};
use uuid::Uuid;

use crate::authz::Caller;
use crate::civil::micros;
use crate::context::{Context, new_id};
use crate::crypto::KeyRing;
use crate::db::{Insert, Row, Sql, Write, opt, val};
use crate::division::DivisionCode;
use crate::seam::PendingAudit;

/// What the MAC of an audit record is for.
const AUDIT_RECORD: &str = "audit-record";

/// What is recorded of one change or look. Nothing in it is personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// What was done, e.g. `PlaceResident`.
    pub action: &'static str,
    /// Kind of the aggregate, e.g. `stay`.
    pub aggregate: &'static str,
    /// Its id.
    pub aggregate_id: Uuid,
    /// Its division.
    pub division: Option<DivisionCode>,
    /// What else is worth keeping: `name=value` pairs, opaque ids and codes only.
    pub details: Vec<(&'static str, String)>,
}

impl AuditEntry {
    /// A record without details.
    pub fn new(
        action: &'static str,
        aggregate: &'static str,
        aggregate_id: Uuid,
        division: Option<DivisionCode>,
    ) -> Self {
        Self {
            action,
            aggregate,
            aggregate_id,
            division,
            details: Vec::new(),
        }
    }

    /// Adds a detail.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.details.push((name, value.to_string()));
        self
    }
}

/// Everything that the MAC covers, one `name=value` a line in a fixed order, newlines escaped.
struct Canonical(String);

impl Canonical {
    fn of(fields: &[(&str, &str)]) -> Self {
        let mut text = String::new();
        for (name, value) in fields {
            let value = value.replace('\\', "\\\\").replace('\n', "\\n");
            text.push_str(name);
            text.push('=');
            text.push_str(&value);
            text.push('\n');
        }
        Self(text)
    }
}

/// The details, and on whose behalf a service acted.
fn details_text(details: &[(&'static str, String)], caller: &Caller) -> String {
    let on_behalf_of = caller
        .on_behalf_of
        .as_deref()
        .map(|subject| ("on_behalf_of", subject));
    let fields: Vec<(&str, &str)> = details
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .chain(on_behalf_of)
        .collect();
    Canonical::of(&fields).0
}

struct Record<'a> {
    id: Uuid,
    at: i64,
    action: &'a str,
    subject: &'a str,
    service: &'a str,
    aggregate: &'a str,
    aggregate_id: Uuid,
    division: &'a str,
    causation_id: Option<Uuid>,
    record: &'a str,
}

impl Record<'_> {
    fn mac(&self, keys: &KeyRing) -> [u8; 32] {
        let causation = self
            .causation_id
            .map(|id| id.to_string())
            .unwrap_or_default();
        let canonical = Canonical::of(&[
            ("id", &self.id.to_string()),
            ("at", &self.at.to_string()),
            ("action", self.action),
            ("subject", self.subject),
            ("service", self.service),
            ("aggregate", self.aggregate),
            ("aggregate_id", &self.aggregate_id.to_string()),
            ("division", self.division),
            ("causation_id", &causation),
            ("record", self.record),
        ]);
        keys.mac(AUDIT_RECORD, canonical.0.as_bytes())
    }
}

const COLUMNS: &[&str] = &[
    "id",
    "at",
    "action",
    "subject",
    "service",
    "aggregate",
    "aggregate_id",
    "division",
    "causation_id",
    "record",
    "key_id",
    "mac",
];

/// The records of one unit of work; nothing if there are none.
pub(crate) fn write(cx: &Context, now: Timestamp, entries: &[PendingAudit]) -> Option<Write> {
    if entries.is_empty() {
        return None;
    }
    let rows = entries.iter().map(|pending| {
        let PendingAudit {
            caller,
            cause,
            entry,
        } = pending;
        let division = entry
            .division
            .map(|code| code.to_string())
            .unwrap_or_default();
        let details = details_text(&entry.details, caller);
        let record = Record {
            id: new_id(now),
            at: micros(now),
            action: entry.action,
            subject: &caller.subject,
            service: cx.name(),
            aggregate: entry.aggregate,
            aggregate_id: entry.aggregate_id,
            division: &division,
            causation_id: cause.causation_id,
            record: &details,
        };
        vec![
            val(record.id),
            val(record.at),
            val(record.action),
            val(record.subject),
            val(record.service),
            val(record.aggregate),
            val(record.aggregate_id),
            opt(entry.division.as_ref()),
            val(record.causation_id),
            val(record.record),
            val(cx.keys().key_id().to_string()),
            val(record.mac(cx.keys()).to_vec()),
        ]
    });
    let insert = Insert {
        table: "audit",
        columns: COLUMNS,
        tail: "",
    };
    let (text, values) = insert.rows(cx.db().backend(), rows);
    Some(Write::new(insert.table, text, values, entries.len()))
}

/// Under which key the latest record was written; nothing if there is none.
///
/// # Errors
/// The database's.
pub(crate) async fn latest_key_id(db: &impl ConnectionTrait) -> Result<Option<u32>, DbErr> {
    let text = "SELECT key_id FROM audit ORDER BY id DESC LIMIT 1";
    let Some(row) = db.one(text, []).await? else {
        return Ok(None);
    };
    let id: String = row.get("key_id")?;
    let id = id
        .parse()
        .map_err(|_| DbErr::Custom(format!("{id} is no key id")))?;
    Ok(Some(id))
}

/// Ids of records whose MAC does not fit their content: changed by something that has no key.
///
/// # Errors
/// The database's.
pub(crate) async fn forged(db: &impl ConnectionTrait, keys: &KeyRing) -> Result<Vec<Uuid>, DbErr> {
    let mut forged = Vec::new();
    let mut after = Uuid::nil();
    loop {
        let text = format!(
            "SELECT {} FROM audit WHERE id > $1 ORDER BY id LIMIT 1000",
            COLUMNS.join(", ")
        );
        let rows = db.all(text, [val(after)]).await?;
        let Some(last) = rows.last() else {
            return Ok(forged);
        };
        after = last.get("id")?;
        for row in &rows {
            if !is_genuine(row, keys)? {
                forged.push(row.get("id")?);
            }
        }
    }
}

fn is_genuine(row: &Row, keys: &KeyRing) -> Result<bool, DbErr> {
    let action: String = row.get("action")?;
    let subject: String = row.get("subject")?;
    let service: String = row.get("service")?;
    let aggregate: String = row.get("aggregate")?;
    let division: Option<String> = row.get("division")?;
    let details: String = row.get("record")?;
    let record = Record {
        id: row.get("id")?,
        at: row.get("at")?,
        action: &action,
        subject: &subject,
        service: &service,
        aggregate: &aggregate,
        aggregate_id: row.get("aggregate_id")?,
        division: division.as_deref().unwrap_or_default(),
        causation_id: row.get("causation_id")?,
        record: &details,
    };
    Ok(row.get::<Vec<u8>>("mac")? == record.mac(keys))
}
