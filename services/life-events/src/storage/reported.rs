//! What is known of the persons and documents of reports that arrive together, in one round trip.

use std::collections::{BTreeMap, BTreeSet};

use minzheng_chassis::db::dialect::{padded, placeholders};
use minzheng_chassis::db::{Row, Sql, val};
use minzheng_chassis::seam::{Failure, UnitOfWork};
use uuid::Uuid;

use super::decided_records::{self, Verdict};
use super::evidence_row::document_index;
use crate::domain::death::DocumentKey;

/// What is known, of any division.
#[derive(Debug, Default)]
pub struct Reported {
    /// What residents has said of a record, if an event about it was heard.
    pub verdicts: BTreeMap<Uuid, Verdict>,
    /// Who has a case, of whatever phase.
    pub with_case: BTreeSet<Uuid>,
    /// Which documents were told before.
    pub documents: BTreeSet<DocumentKey>,
}

/// Looks these persons and documents up.
///
/// # Errors
/// The database's.
pub async fn look_up_anywhere(
    uow: &UnitOfWork,
    persons: &[Uuid],
    documents: &[&DocumentKey],
) -> Result<Reported, Failure> {
    let keys = uow.context().keys();
    let by_index: BTreeMap<Vec<u8>, &DocumentKey> = documents
        .iter()
        .map(|document| (document_index(keys, document), *document))
        .collect();
    let persons = padded(persons.to_vec());
    let indexes = padded(by_index.keys().cloned().collect());
    // The persons twice, so that values stand in the order of their places: SQLite finds others slowly.
    let values = persons
        .iter()
        .chain(&persons)
        .map(|person| val(*person))
        .chain(indexes.iter().map(|index| val(index.clone())));
    let text = statement(persons.len(), indexes.len());
    let rows = uow.connection().all(text, values).await?;
    let mut reported = Reported::default();
    for row in &rows {
        reported.hear(row, &by_index)?;
    }
    Ok(reported)
}

fn statement(persons: usize, indexes: usize) -> String {
    let with_case = placeholders(1, persons);
    let decided = placeholders(1 + persons, persons);
    let told = placeholders(1 + 2 * persons, indexes);
    format!(
        "SELECT 'case' AS kind, person_id, CAST(NULL AS text) AS verdict, CAST(NULL AS text) AS domicile, \
         CAST(NULL AS text) AS residence, CAST(NULL AS bytea) AS document_index \
         FROM death_case WHERE person_id IN ({with_case}) \
         UNION ALL SELECT 'verdict', person_id, verdict, domicile, residence, CAST(NULL AS bytea) \
         FROM decided_record WHERE person_id IN ({decided}) \
         UNION ALL SELECT 'document', CAST(NULL AS uuid), CAST(NULL AS text), CAST(NULL AS text), \
         CAST(NULL AS text), document_index \
         FROM evidence WHERE document_index IN ({told})"
    )
}

impl Reported {
    fn hear(
        &mut self,
        row: &Row,
        by_index: &BTreeMap<Vec<u8>, &DocumentKey>,
    ) -> Result<(), Failure> {
        let kind: String = row.get("kind")?;
        match kind.as_str() {
            "case" => {
                self.with_case.insert(row.get("person_id")?);
            }
            "verdict" => {
                let verdict: String = row.get("verdict")?;
                let (domicile, residence) = (row.get("domicile")?, row.get("residence")?);
                let verdict = decided_records::verdict(&verdict, domicile, residence)?;
                self.verdicts.insert(row.get("person_id")?, verdict);
            }
            _ => {
                let index: Vec<u8> = row.get("document_index")?;
                let document = by_index.get(&index);
                self.documents.extend(document.map(|one| (*one).clone()));
            }
        }
        Ok(())
    }
}
