//! Matching: who has this identity.
//!
//! Only the exact number counts, since a slip of the pen must not make one person's death
//! another's. What is merely similar is for a person to decide.

use std::collections::{BTreeMap, BTreeSet};

use minzheng_chassis::identity::PersonName;
use uuid::Uuid;

use super::document::Document;
use super::identity::Identity;
use super::person::{Person, RecordState};

/// The answer (product §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MatchAnswer {
    /// One established person has this number and this name.
    Matched,
    /// Nobody is known by it.
    NoMatch,
    /// Several established persons have this number.
    MultipleCandidates,
    /// A person must decide.
    PendingReview,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatchResult {
    /// The answer.
    pub answer: MatchAnswer,
    /// The person, for [`MatchAnswer::Matched`] only.
    pub matched: Option<Uuid>,
    /// The oldest provisional record of the very same identity, if one waits.
    pub waiting: Option<Uuid>,
    /// How many established persons have, or had, the number.
    pub candidates: usize,
}

impl MatchResult {
    /// The id that a caller may be told: the person's; the waiting record's while it waits.
    pub fn person_id(&self) -> Option<Uuid> {
        match self.answer {
            MatchAnswer::Matched => self.matched,
            MatchAnswer::PendingReview => self.waiting,
            MatchAnswer::NoMatch | MatchAnswer::MultipleCandidates => None,
        }
    }
}

/// Looks for an identity among the records that have, or had, its number (found by the number's
/// blind index) and the survivors of those that were merged; others do no harm. Merged records speak for their survivor, rejected ones for
/// nobody. Whoever has the number now goes before those who had it.
///
/// - no number: pending review, whatever stands;
/// - one has it, under this name (now or before): matched;
/// - one has it, under another name (a slip, or a misuse): pending review;
/// - several have it (archives hold such): multiple candidates;
/// - nobody has it: pending review where a provisional record waits, otherwise no match.
pub fn find(identity: &Identity, records: &[Person]) -> MatchResult {
    let claims = Claims::of(identity, records);
    let present = claims.owners(true);
    let owners = if present.is_empty() {
        claims.owners(false)
    } else {
        present
    };
    let (answer, matched) = match (identity.document == Document::None, owners.as_slice()) {
        (true, _) => (MatchAnswer::PendingReview, None),
        (false, []) if claims.provisional => (MatchAnswer::PendingReview, None),
        (false, []) => (MatchAnswer::NoMatch, None),
        (false, [owner]) if claims.same_name(*owner) => (MatchAnswer::Matched, Some(*owner)),
        (false, [_]) => (MatchAnswer::PendingReview, None),
        (false, [_, _, ..]) => (MatchAnswer::MultipleCandidates, None),
    };
    MatchResult {
        answer,
        matched,
        waiting: claims.waiting,
        candidates: claims.established.len(),
    }
}

/// An established person who may be the one of a report.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'r> {
    /// The person.
    pub person: &'r Person,
    /// Has the number now, rather than before a correction or through a merged record.
    pub present: bool,
    /// Is, or was, known by the name.
    pub same_name: bool,
}

/// Between whom a person decides: the established persons among `records` who have, or had, the
/// number, by id. The same ones that [`MatchResult::candidates`] counts.
pub fn candidates<'r>(identity: &Identity, records: &'r [Person]) -> Vec<Candidate<'r>> {
    let claims = Claims::of(identity, records);
    let claimed = records.iter().filter_map(|person| {
        let claim = claims.established.get(&person.id)?;
        Some(Candidate {
            person,
            present: claim.present,
            same_name: claim.same_name,
        })
    });
    claimed.collect()
}

/// Whether an established person other than `except` has the document's number now.
pub fn is_held(document: &Document, records: &[Person], except: Option<Uuid>) -> bool {
    records.iter().any(|record| {
        record.state == RecordState::Established
            && Some(record.id) != except
            && same_number(document, &record.identity.document)
    })
}

/// What one established person has to do with the number.
#[derive(Default)]
struct Claim {
    /// Has it now.
    present: bool,
    /// Is, or was, known by the name.
    same_name: bool,
}

#[derive(Default)]
struct Claims {
    established: BTreeMap<Uuid, Claim>,
    provisional: bool,
    waiting: Option<Uuid>,
}

impl Claims {
    fn of(identity: &Identity, records: &[Person]) -> Self {
        let mut claims = Self::default();
        let related: BTreeMap<Uuid, &Person> = records
            .iter()
            .filter(|record| has_or_had(record, &identity.document))
            .map(|record| (record.id, record))
            .collect();
        for record in related.into_values() {
            claims.add(identity, record);
        }
        // A survivor may never have had the number that a record merged into it came with.
        for record in records {
            if let Some(claim) = claims.established.get_mut(&record.id) {
                claim.same_name |= known_by(record, identity.name.as_ref());
            }
        }
        claims
    }

    fn add(&mut self, identity: &Identity, record: &Person) {
        let present = same_number(&identity.document, &record.identity.document);
        match record.state {
            RecordState::Established => self.claim(record.id, present, identity, record),
            RecordState::Merged { into } => self.claim(into, false, identity, record),
            RecordState::Provisional => {
                self.provisional = true;
                if record.identity == *identity && self.waiting.is_none() {
                    // Ids rise with time and the records come by id, so this is the oldest.
                    self.waiting = Some(record.id);
                }
            }
            RecordState::Rejected => {}
        }
    }

    fn claim(&mut self, owner: Uuid, present: bool, identity: &Identity, record: &Person) {
        let claim = self.established.entry(owner).or_default();
        claim.present |= present;
        claim.same_name |= known_by(record, identity.name.as_ref());
    }

    fn owners(&self, present: bool) -> Vec<Uuid> {
        self.established
            .iter()
            .filter(|(_, claim)| claim.present || !present)
            .map(|(owner, _)| *owner)
            .collect()
    }

    fn same_name(&self, owner: Uuid) -> bool {
        self.established
            .get(&owner)
            .is_some_and(|claim| claim.same_name)
    }
}

/// Equal numbers of equal kinds; no document equals nothing.
fn same_number(one: &Document, other: &Document) -> bool {
    *one != Document::None && one == other
}

fn has_or_had(record: &Person, document: &Document) -> bool {
    identities(record).any(|identity| same_number(document, &identity.document))
}

fn known_by(record: &Person, name: Option<&PersonName>) -> bool {
    let names: BTreeSet<&str> = identities(record)
        .filter_map(|identity| identity.name.as_ref())
        .map(PersonName::expose)
        .collect();
    name.is_some_and(|name| names.contains(name.expose()))
}

fn identities(record: &Person) -> impl Iterator<Item = &Identity> {
    let former = record.former.iter().map(|former| &former.identity);
    std::iter::once(&record.identity).chain(former)
}

#[cfg(test)]
mod tests;
