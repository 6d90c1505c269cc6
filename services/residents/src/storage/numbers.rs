//! Finding by what is encrypted: keyed hashes, and the rows on which two who name the same number
//! wait for each other.
//!
//! Several persons may share a number (重号), so no unique index can keep two at once from making
//! two records of one person: whoever records under a number, or resolves a reference, first locks
//! the row of its hash.

use minzheng_chassis::civil::micros;
use minzheng_chassis::crypto::KeyRing;
use minzheng_chassis::db::dialect::Insert;
use minzheng_chassis::db::{Sql, val};
use minzheng_chassis::seam::{Failure, UnitOfWork};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::domain::document::Document;
use crate::domain::identity::Identity;
use crate::domain::provision::Report;

/// A keyed hash: equal for equal things, and tells nothing of them.
pub type Index = [u8; 32];

/// The hash of a document's number; none without a document.
pub fn of_number(keys: &KeyRing, document: &Document) -> Option<Index> {
    let text = document.index_text()?;
    Some(keys.blind_index("id-number", text.expose().as_bytes()))
}

/// The hash of a whole identity.
pub fn of_identity(keys: &KeyRing, identity: &Identity) -> Index {
    keys.blind_index("identity", identity.index_text().expose().as_bytes())
}

/// The hash of a report's organisation and reference.
pub fn of_reference(keys: &KeyRing, report: &Report) -> Index {
    // No control character is in either, so no two pairs make one text.
    let text = minzheng_chassis::crypto::Secret::new(format!(
        "{}\n{}",
        report.source_organisation,
        report.reference.expose()
    ));
    keys.blind_index("report-reference", text.expose().as_bytes())
}

/// Waits for whoever works under one of these hashes, and keeps others waiting until the end.
///
/// # Errors
/// The database's.
pub async fn lock(uow: &UnitOfWork, indexes: &[Index]) -> Result<(), Failure> {
    let mut indexes = indexes.to_vec();
    indexes.sort_unstable();
    indexes.dedup();
    if indexes.is_empty() {
        return Ok(());
    }
    let insert = Insert {
        table: "index_lock",
        columns: &["locked_index", "locked_at"],
        tail: "ON CONFLICT (locked_index) DO UPDATE SET locked_at = excluded.locked_at",
    };
    let now = micros(uow.now());
    let rows = indexes
        .iter()
        .map(|index| vec![val(index.to_vec()), val(now)]);
    let (text, values) = insert.rows(rows);
    uow.connection().run(text, values).await?;
    Ok(())
}

/// Notes that a record has a number.
///
/// # Errors
/// The database's.
pub async fn note(
    db: &impl ConnectionTrait,
    keys: &KeyRing,
    person_id: Uuid,
    document: &Document,
) -> Result<(), Failure> {
    let Some(index) = of_number(keys, document) else {
        return Ok(());
    };
    let text = "INSERT INTO person_number (number_index, person_id) VALUES ($1, $2) \
                ON CONFLICT (number_index, person_id) DO NOTHING";
    db.run(text, [val(index.to_vec()), val(person_id)]).await?;
    Ok(())
}
