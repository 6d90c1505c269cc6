//! Finding by what is encrypted: keyed hashes, and the rows on which two who name the same number
//! wait for each other.
//!
//! Several persons may share a number (重号), so no unique index can keep two at once from making
//! two records of one person: whoever records somebody under a number first locks the row of its
//! hash. A reference is resolved once, which its primary key sees to.

use minzheng_chassis::civil::micros;
use minzheng_chassis::crypto::KeyRing;
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

/// Waits for whoever records somebody under this number, and keeps others waiting until the end.
/// Nobody waits where there is no document.
///
/// # Errors
/// The database's.
pub async fn lock(uow: &UnitOfWork, document: &Document) -> Result<(), Failure> {
    let Some(index) = of_number(uow.context().keys(), document) else {
        return Ok(());
    };
    let text = "INSERT INTO number_lock (number_index, locked_at) VALUES ($1, $2) \
                ON CONFLICT (number_index) DO UPDATE SET locked_at = excluded.locked_at";
    let values = [val(index.to_vec()), val(micros(uow.now()))];
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
