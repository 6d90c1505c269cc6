//! A provisional record turns out to be somebody known.

use uuid::Uuid;

use super::answer::{Answer, answers_anew};
use super::desk::Desk;
use super::errors::CareError;
use super::person::Known;
use super::stay::StayState;
use super::view::Pass;
use super::waiting::EntryState;
use super::work::{WorkEffect, WorkKind};

impl Desk<'_> {
    /// Moves stay and entries of a merged record to its survivor, and sets them to what the
    /// survivor's life status demands. Where both have a stay, the record's stays where it is; an
    /// entry beside a stay, or a second one in a facility, ends. Both leave a work item
    /// `merge-conflict`: a person looks.
    ///
    /// A stay that moves to a survivor who is or is suspected dead changes what was answered to the
    /// latest fact: the answers to everything that it may have asked are given again.
    ///
    /// # Errors
    /// A row was not loaded.
    pub fn merge(&mut self, gone: Uuid, survivor: &Known) -> Result<Vec<Answer>, CareError> {
        let moving = self.view.standing_stay(gone).map(|stay| stay.id);
        let standing = self
            .view
            .standing_stay(survivor.person_id)
            .map(|stay| stay.id);
        let mut conflict = None;
        let mut entries = self.live_entries(gone);
        match (moving, standing) {
            (None, _) => {}
            (Some(_), Some(stay_id)) => conflict = Some(self.stay(stay_id)?.facility_id),
            (Some(stay_id), None) => {
                self.stay_mut(stay_id)?.person_id = survivor.person_id;
                // The survivor's entries after those that move: now they stand beside a stay.
                entries.extend(self.live_entries(survivor.person_id));
            }
        }
        for entry_id in entries {
            conflict = self.move_entry(entry_id, survivor.person_id)?.or(conflict);
        }
        self.move_offers_and_passes(gone, survivor.person_id);
        if let Some(facility_id) = conflict {
            let division = self.site(facility_id)?.facility.division;
            self.work(WorkEffect::Open {
                kind: WorkKind::MergeConflict,
                subject_id: survivor.person_id,
                division,
            });
        }
        self.live_as(survivor.person_id, survivor.life)?;
        self.allocate()?;
        if moving.is_none() || standing.is_some() {
            return Ok(Vec::new());
        }
        let stay = self.view.standing_stay(survivor.person_id);
        Ok(answers_anew(survivor.life, stay))
    }

    /// Live entries of a person, the priority entry first.
    fn live_entries(&self, person_id: Uuid) -> Vec<Uuid> {
        let mut entries: Vec<_> = self.view.live_entries_of(person_id).collect();
        entries.sort_by_key(|entry| entry.place());
        entries.into_iter().map(|entry| entry.id).collect()
    }

    /// Gives an entry to the survivor, or ends it where the survivor needs no such entry. A
    /// priority entry follows its displaced stay. Answers with the facility of a conflict.
    fn move_entry(&mut self, entry_id: Uuid, survivor: Uuid) -> Result<Option<Uuid>, CareError> {
        let entry = self.entry_mut(entry_id)?;
        let facility_id = entry.facility_id;
        if let Some(stay_id) = entry.displaced_stay_id {
            let follows = self.stay(stay_id)?.person_id == survivor;
            if follows {
                self.entry_mut(entry_id)?.person_id = survivor;
            }
            return Ok(None);
        }
        let standing = self.view.standing_stay(survivor);
        let is_resident = standing.is_some_and(|stay| stay.state != StayState::Displaced);
        let waits_there = self
            .view
            .live_entries_of(survivor)
            .any(|entry| entry.facility_id == facility_id && entry.id != entry_id);
        let entry = self.entry_mut(entry_id)?;
        entry.person_id = survivor;
        if !is_resident && !waits_there {
            return Ok(None);
        }
        entry.state = EntryState::Withdrawn;
        Ok(Some(facility_id))
    }

    fn move_offers_and_passes(&mut self, gone: Uuid, survivor: Uuid) {
        for offer in self.view.offers.values_mut() {
            if offer.person_id == gone && offer.state.is_open() {
                offer.person_id = survivor;
            }
        }
        let moved = |pass: Pass| Pass {
            person_id: if pass.person_id == gone {
                survivor
            } else {
                pass.person_id
            },
            ..pass
        };
        for (pass, how) in std::mem::take(&mut self.view.passes) {
            self.view.pass(moved(pass), how);
        }
    }
}
