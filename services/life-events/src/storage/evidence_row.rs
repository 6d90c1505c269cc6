//! Rows of `evidence` ↔ evidence. The reference is encrypted; equal documents have equal hashes.

use minzheng_chassis::civil::micros;
use minzheng_chassis::crypto::{FieldAddress, KeyRing};
use minzheng_chassis::seam::Failure;
use uuid::Uuid;

use super::column::{instant, named, parsed, parsed_opt, text};
use super::entity::evidence::Model;
use crate::domain::death::{DocumentKey, Evidence, Source, Standing, Statement};

/// The keyed hash under which a document is found.
pub fn document_index(keys: &KeyRing, document: &DocumentKey) -> Vec<u8> {
    // Neither part holds a control character, so no two pairs make the same text.
    let text = format!("{}\n{}", document.organisation, document.reference);
    keys.blind_index("document", text.as_bytes()).to_vec()
}

/// The row of a piece of evidence at its place in a case.
pub(super) fn row_of(keys: &KeyRing, case_id: Uuid, position: usize, evidence: &Evidence) -> Model {
    let row = evidence.id.to_string();
    let statement = &evidence.statement;
    Model {
        id: evidence.id,
        case_id,
        position: i32::try_from(position).unwrap_or(i32::MAX),
        organisation: evidence.document.organisation.clone(),
        reference: keys.encrypt_field(reference_at(&row), evidence.document.reference.as_bytes()),
        document_index: document_index(keys, &evidence.document),
        revision: evidence.revision,
        source: statement.source.name().to_owned(),
        died_on: statement.died_on.to_string(),
        declared_on: text(statement.declared_on),
        place: text(statement.place),
        document_date: text(statement.document_date),
        document_hash: statement.document_hash.clone(),
        reporter: evidence.reporter.clone(),
        received_at: micros(evidence.received_at),
        standing: evidence.standing.name().to_owned(),
    }
}

/// The evidence of a row.
///
/// # Errors
/// A column holds what this program does not know, or was encrypted under another key.
pub(super) fn read(keys: &KeyRing, row: Model) -> Result<Evidence, Failure> {
    let id = row.id.to_string();
    let reference = keys.decrypt_text(reference_at(&id), &row.reference);
    let reference = reference.map_err(Failure::internal)?;
    Ok(Evidence {
        id: row.id,
        statement: statement(&row)?,
        document: DocumentKey {
            organisation: row.organisation,
            reference: reference.expose().clone(),
        },
        revision: row.revision,
        reporter: row.reporter,
        received_at: instant(row.received_at)?,
        standing: named("standing", &row.standing, Standing::from_name)?,
    })
}

/// What the document of a row states.
///
/// # Errors
/// A column holds what this program does not know.
pub(super) fn statement(row: &Model) -> Result<Statement, Failure> {
    Ok(Statement {
        source: named("source", &row.source, Source::from_name)?,
        died_on: parsed("died_on", &row.died_on)?,
        declared_on: parsed_opt("declared_on", row.declared_on.as_ref())?,
        place: parsed_opt("place", row.place.as_ref())?,
        document_date: parsed_opt("document_date", row.document_date.as_ref())?,
        document_hash: row.document_hash.clone(),
    })
}

fn reference_at(row: &str) -> FieldAddress<'_> {
    FieldAddress {
        service: "life-events",
        table: "evidence",
        column: "reference",
        row,
    }
}
