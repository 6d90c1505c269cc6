//! Loads and saves as the storage does: a decision sees only the rows that [`View`] promises, and
//! is saved in the order that [`Decision`] promises, under the unique indexes of the tables.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::world::{Named, World};
use crate::domain::*;

impl World {
    pub(super) fn load(&self, named: &Named) -> View {
        let all = &self.all;
        let standing = named
            .people
            .iter()
            .filter_map(|person| all.standing_stay(*person));
        let stays: Vec<&Stay> = standing
            .chain(named.stay.iter().map(|id| &all.stays[id]))
            .collect();
        let mut facilities: BTreeSet<Uuid> = named.facility.into_iter().collect();
        facilities.extend(stays.iter().map(|stay| stay.facility_id));
        facilities.extend(named.bed.map(|id| all.beds[&id].facility_id));
        for person in &named.people {
            facilities.extend(all.live_entries_of(*person).map(|entry| entry.facility_id));
        }
        let in_sight = |id: &Uuid| facilities.contains(id);
        let mut beds: BTreeSet<Uuid> = named.bed.into_iter().collect();
        beds.extend(stays.iter().map(|stay| stay.bed_id));
        let vacant = |bed: &Bed| in_sight(&bed.facility_id) && bed.state.is_vacant();
        beds.extend(
            all.beds
                .values()
                .filter(|bed| vacant(bed))
                .map(|bed| bed.id),
        );
        View {
            sites: pick(&all.sites, |site| in_sight(&site.facility.id)),
            entries: pick(&all.entries, |e| {
                named.entry == Some(e.id) || in_sight(&e.facility_id) && e.state.is_live()
            }),
            offers: pick(&all.offers, |o| {
                named.offer == Some(o.id) || in_sight(&o.facility_id) && o.state.is_open()
            }),
            passes: all
                .passes
                .iter()
                .filter(|(pass, _)| beds.contains(&pass.bed_id))
                .map(|(pass, how)| (*pass, *how))
                .collect(),
            beds: pick(&all.beds, |bed| beds.contains(&bed.id)),
            stays: stays
                .iter()
                .map(|stay| (stay.id, (*stay).clone()))
                .collect(),
        }
    }

    pub(super) fn save(&mut self, decision: Decision) {
        for bed in decision.beds.all() {
            self.all.beds.insert(bed.id, bed.clone());
            unique(self.all.beds.values().filter_map(|bed| bed.stay_id));
        }
        for stay in decision.stays.all() {
            self.all.stays.insert(stay.id, stay.clone());
            let standing = self.all.stays.values().filter(|stay| stay.state.stands());
            unique(standing.map(|stay| stay.person_id));
        }
        for entry in decision.entries.all() {
            self.all.entries.insert(entry.id, entry.clone());
            let live = self
                .all
                .entries
                .values()
                .filter(|entry| entry.state.is_live());
            unique(live.map(|entry| (entry.facility_id, entry.person_id)));
        }
        for offer in decision.offers.all() {
            self.all.offers.insert(offer.id, offer.clone());
            let open = self
                .all
                .offers
                .values()
                .filter(|offer| offer.state.is_open());
            unique(open.clone().map(|offer| offer.bed_id));
            unique(open.map(|offer| offer.entry_id));
        }
        for pass in &decision.passes_removed {
            self.all.passes.remove(pass);
        }
        self.all.passes.extend(decision.passes_added);
        self.bed_changes.extend(decision.bed_changes);
        for effect in decision.work {
            match effect {
                WorkEffect::Open { .. } => self.open_work.insert(effect.key()),
                WorkEffect::Done { .. } | WorkEffect::Cancel { .. } => {
                    self.open_work.remove(&effect.key())
                }
            };
        }
    }

    /// What holds after every decision.
    pub(super) fn check(&self) {
        let all = &self.all;
        let running = all
            .stays
            .values()
            .filter(|s| matches!(s.state, StayState::Active | StayState::Held));
        unique(running.clone().map(|stay| stay.bed_id));
        for stay in running {
            let bed = &all.beds[&stay.bed_id];
            assert_eq!(bed.stay_id, Some(stay.id), "a stay has its bed");
            assert!(bed.state.has_resident());
        }
        for bed in all.beds.values() {
            let offered = all
                .offers
                .values()
                .any(|o| o.state.is_open() && o.bed_id == bed.id);
            assert_eq!(offered, bed.state == BedState::Held(HeldFor::Offer));
            assert_eq!(bed.vacancy_id.is_some(), bed.state.is_vacant());
            assert!(!bed.state.has_resident() || all.resident(bed).is_some());
        }
        for entry in all.entries.values() {
            let offered = all
                .offers
                .values()
                .any(|o| o.state.is_open() && o.entry_id == entry.id);
            assert_eq!(offered, entry.state == EntryState::Offered);
        }
        for stay in all.stays.values() {
            let awaits = matches!(stay.state, StayState::AwaitingSettlement(_));
            assert_eq!(
                awaits,
                stay.owed_fen != 0 && stay.state.end_cause().is_some()
            );
            let priority = all
                .entries
                .values()
                .any(|e| e.displaced_stay_id == Some(stay.id) && e.state.is_live());
            assert_eq!(priority, stay.state == StayState::Displaced);
        }
        self.check_nobody_waits_beside_a_free_bed();
    }

    fn check_nobody_waits_beside_a_free_bed(&self) {
        for bed in self
            .all
            .beds
            .values()
            .filter(|bed| bed.state == BedState::Free)
        {
            for entry in self.all.queue(bed.facility_id) {
                let pass = Pass {
                    bed_id: bed.id,
                    vacancy_id: bed.vacancy_id.unwrap(),
                    person_id: entry.person_id,
                };
                let waits = entry.state == EntryState::Waiting;
                let said_no = self.all.passes.get(&pass) == Some(&Passing::Declined);
                assert!(!waits || said_no, "a free bed is offered");
            }
        }
    }
}

fn pick<T: Clone>(rows: &BTreeMap<Uuid, T>, keep: impl Fn(&T) -> bool) -> BTreeMap<Uuid, T> {
    rows.iter()
        .filter(|(_, row)| keep(row))
        .map(|(id, row)| (*id, row.clone()))
        .collect()
}

fn unique<T: Ord>(values: impl Iterator<Item = T>) {
    let mut seen = BTreeSet::new();
    for value in values {
        assert!(seen.insert(value), "a unique index is violated");
    }
}
