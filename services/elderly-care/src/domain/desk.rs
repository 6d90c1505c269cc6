//! Where decisions are made: a working copy of a view, and what became of it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use minzheng_chassis::division::DivisionCode;
use uuid::Uuid;

use super::bed::{Bed, BedState};
use super::errors::CareError;
use super::offer::Offer;
use super::stay::Stay;
use super::view::{Pass, Passing, Site, View};
use super::waiting::WaitingEntry;
use super::work::{WorkEffect, WorkKind};

/// Rows of one table that a decision changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed<T> {
    /// Existing rows, those first that leave a partial unique index.
    pub updated: Vec<T>,
    /// New rows; to be written after `updated`.
    pub inserted: Vec<T>,
}

impl<T: Clone + PartialEq> Changed<T> {
    fn between(
        before: &BTreeMap<Uuid, T>,
        after: &BTreeMap<Uuid, T>,
        frees: impl Fn(&T) -> bool,
    ) -> Self {
        let changed = |known: bool| {
            after
                .iter()
                .filter(move |(id, row)| match before.get(id) {
                    Some(old) => known && old != *row,
                    None => !known,
                })
                .map(|(_, row)| row.clone())
        };
        let mut updated: Vec<T> = changed(true).collect();
        updated.sort_by_key(|row| !frees(row));
        Self {
            updated,
            inserted: changed(false).collect(),
        }
    }

    /// Every row, the updated first.
    pub fn all(&self) -> impl Iterator<Item = &T> {
        self.updated.iter().chain(&self.inserted)
    }
}

/// A bed whose published state changed; complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BedChange {
    /// The bed.
    pub bed_id: Uuid,
    /// Its facility.
    pub facility_id: Uuid,
    /// The facility's division.
    pub division: DivisionCode,
    /// The state it is in now.
    pub state: BedState,
    /// Whose bed it is; nobody's where it is vacant or out of service.
    pub person_id: Option<Uuid>,
}

/// What was decided: rows to save, events to publish, work items to open and close.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Facilities whose beds, queue or offers changed. Their allocation version must be raised by
    /// compare-and-set: two decisions upon one queue must not miss each other.
    pub facilities: BTreeSet<Uuid>,
    /// Beds.
    pub beds: Changed<Bed>,
    /// Stays.
    pub stays: Changed<Stay>,
    /// Entries of waiting lists.
    pub entries: Changed<WaitingEntry>,
    /// Offers.
    pub offers: Changed<Offer>,
    /// Passes that no longer matter, or are said anew; to be deleted first.
    pub passes_removed: Vec<Pass>,
    /// Passes that are new or said anew.
    pub passes_added: Vec<(Pass, Passing)>,
    /// Events to publish.
    pub bed_changes: Vec<BedChange>,
    /// Work items, at most one effect per kind and subject.
    pub work: Vec<WorkEffect>,
}

/// A working copy of a view. Methods change it; [`Desk::close`] says what changed. After an error
/// it is dropped: nothing was decided.
pub struct Desk<'a> {
    before: View,
    pub(super) view: View,
    pub(super) now: Timestamp,
    ids: &'a mut (dyn FnMut() -> Uuid + Send),
    work: BTreeMap<(WorkKind, Uuid), WorkEffect>,
}

impl<'a> Desk<'a> {
    /// Opens a desk on what was loaded, at an instant, with a source of fresh ids.
    pub fn open(view: View, now: Timestamp, ids: &'a mut (dyn FnMut() -> Uuid + Send)) -> Self {
        Self {
            before: view.clone(),
            view,
            now,
            ids,
            work: BTreeMap::new(),
        }
    }

    /// The rows as they stand now.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// What was decided.
    pub fn close(self) -> Decision {
        let (old, new) = (&self.before, &self.view);
        let beds = Changed::between(&old.beds, &new.beds, |bed| bed.stay_id.is_none());
        let stays = Changed::between(&old.stays, &new.stays, |stay| !stay.state.stands());
        let entries = Changed::between(&old.entries, &new.entries, |entry| !entry.state.is_live());
        let offers = Changed::between(&old.offers, &new.offers, |offer| !offer.state.is_open());
        let facilities = beds
            .all()
            .map(|bed| bed.facility_id)
            .chain(entries.all().map(|entry| entry.facility_id))
            .chain(offers.all().map(|offer| offer.facility_id))
            .collect();
        Decision {
            facilities,
            bed_changes: bed_changes(old, new),
            beds,
            stays,
            entries,
            offers,
            passes_removed: only_in(&old.passes, &new.passes)
                .map(|(pass, _)| pass)
                .collect(),
            passes_added: only_in(&new.passes, &old.passes).collect(),
            work: self.work.into_values().collect(),
        }
    }

    pub(super) fn fresh_id(&mut self) -> Uuid {
        (self.ids)()
    }

    /// Today in Asia/Shanghai.
    pub(super) fn today(&self) -> Date {
        minzheng_chassis::civil::today(self.now)
    }

    /// The last effect on one item is the one that counts.
    pub(super) fn work(&mut self, effect: WorkEffect) {
        self.work.insert(effect.key(), effect);
    }

    pub(super) fn site(&self, id: Uuid) -> Result<&Site, CareError> {
        found(self.view.sites.get(&id), "facility")
    }

    pub(super) fn bed(&self, id: Uuid) -> Result<&Bed, CareError> {
        found(self.view.beds.get(&id), "bed")
    }

    pub(super) fn bed_mut(&mut self, id: Uuid) -> Result<&mut Bed, CareError> {
        found(self.view.beds.get_mut(&id), "bed")
    }

    pub(super) fn stay(&self, id: Uuid) -> Result<&Stay, CareError> {
        found(self.view.stays.get(&id), "stay")
    }

    pub(super) fn stay_mut(&mut self, id: Uuid) -> Result<&mut Stay, CareError> {
        found(self.view.stays.get_mut(&id), "stay")
    }

    pub(super) fn entry_mut(&mut self, id: Uuid) -> Result<&mut WaitingEntry, CareError> {
        found(self.view.entries.get_mut(&id), "waiting entry")
    }

    pub(super) fn offer(&self, id: Uuid) -> Result<&Offer, CareError> {
        found(self.view.offers.get(&id), "offer")
    }

    pub(super) fn offer_mut(&mut self, id: Uuid) -> Result<&mut Offer, CareError> {
        found(self.view.offers.get_mut(&id), "offer")
    }
}

fn found<T>(row: Option<T>, what: &'static str) -> Result<T, CareError> {
    row.ok_or(CareError::NotLoaded(what))
}

/// The passes of `one` that `other` does not have, or not so.
fn only_in<'a>(
    one: &'a BTreeMap<Pass, Passing>,
    other: &'a BTreeMap<Pass, Passing>,
) -> impl Iterator<Item = (Pass, Passing)> + 'a {
    one.iter()
        .filter(|(pass, how)| other.get(pass) != Some(how))
        .map(|(pass, how)| (*pass, *how))
}

/// Beds whose state or resident differs, in order of their ids.
fn bed_changes(old: &View, new: &View) -> Vec<BedChange> {
    let published = |view: &View, bed: &Bed| (bed.state.published(), view.resident(bed));
    new.beds
        .values()
        .filter(|bed| {
            let before = old.beds.get(&bed.id).map(|was| published(old, was));
            before != Some(published(new, bed))
        })
        .filter_map(|bed| {
            let site = new.sites.get(&bed.facility_id)?;
            Some(BedChange {
                bed_id: bed.id,
                facility_id: bed.facility_id,
                division: site.facility.division,
                state: bed.state,
                person_id: new.resident(bed),
            })
        })
        .collect()
}
