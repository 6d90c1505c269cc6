//! What a decision is made upon: the rows that it can touch.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::bed::Bed;
use super::facility::Facility;
use super::offer::{Offer, OfferTerms};
use super::stay::Stay;
use super::waiting::WaitingEntry;

/// A facility with the terms on which it offers beds now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// The facility.
    pub facility: Facility,
    /// The rule row in force for its division.
    pub terms: OfferTerms,
}

/// Somebody's passing over a vacant bed, which lasts while it is vacant for the same cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pass {
    /// The bed.
    pub bed_id: Uuid,
    /// The cause of the vacancy, [`Bed::vacancy_id`].
    pub vacancy_id: Uuid,
    /// Who passed.
    pub person_id: Uuid,
}

/// How somebody passed a vacant bed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passing {
    /// Said no: it is not offered to them again.
    Declined,
    /// Let so many offers of it expire: silence is no answer. It is offered to them again when all
    /// others have passed too, so that it is never offered to nobody while somebody waits who did
    /// not say no. (A clock that is ahead of the one that made the offer ends it early, too.)
    Lapsed(u32),
}

impl Passing {
    /// Both together: a no stands, silences add up.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Passing::Declined, _) | (_, Passing::Declined) => Passing::Declined,
            (Passing::Lapsed(one), Passing::Lapsed(two)) => {
                Passing::Lapsed(one.saturating_add(two))
            }
        }
    }
}

/// The rows that one decision is made upon.
///
/// Of every facility involved (the bed's, the stay's, those where the person waits): the site, all
/// vacant beds, all live entries of the waiting list, all open offers, and the passes of the vacant
/// beds. Of the person: the standing stay with its bed. And the bed, the stay with its bed, the entry
/// or the offer that the command names, in whatever state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// Facilities, by id.
    pub sites: BTreeMap<Uuid, Site>,
    /// Beds, by id.
    pub beds: BTreeMap<Uuid, Bed>,
    /// Stays, by id.
    pub stays: BTreeMap<Uuid, Stay>,
    /// Entries of waiting lists, by id.
    pub entries: BTreeMap<Uuid, WaitingEntry>,
    /// Offers, by id.
    pub offers: BTreeMap<Uuid, Offer>,
    /// Passes.
    pub passes: BTreeMap<Pass, Passing>,
}

impl View {
    /// The stay that a person's life or death acts upon; at most one.
    pub fn standing_stay(&self, person_id: Uuid) -> Option<&Stay> {
        self.stays
            .values()
            .find(|stay| stay.person_id == person_id && stay.state.stands())
    }

    /// Live entries of a person, in every facility loaded.
    pub fn live_entries_of(&self, person_id: Uuid) -> impl Iterator<Item = &WaitingEntry> {
        self.entries
            .values()
            .filter(move |entry| entry.person_id == person_id && entry.state.is_live())
    }

    /// Live entries of a facility in queue order: priority, rank, time, person.
    pub fn queue(&self, facility_id: Uuid) -> Vec<&WaitingEntry> {
        let mut queue: Vec<&WaitingEntry> = self
            .entries
            .values()
            .filter(|entry| entry.facility_id == facility_id && entry.state.is_live())
            .collect();
        queue.sort_by_key(|entry| entry.place());
        queue
    }

    /// Open offers of a facility.
    pub fn open_offers(&self, facility_id: Uuid) -> impl Iterator<Item = &Offer> {
        self.offers
            .values()
            .filter(move |offer| offer.facility_id == facility_id && offer.state.is_open())
    }

    /// Notes that somebody passed a bed, beside what was noted before.
    pub(super) fn pass(&mut self, pass: Pass, how: Passing) {
        let noted = self.passes.entry(pass);
        noted.and_modify(|was| *was = was.and(how)).or_insert(how);
    }

    /// The person whose bed it is now.
    pub fn resident(&self, bed: &Bed) -> Option<Uuid> {
        let stay_id = bed.stay_id.filter(|_| bed.state.has_resident())?;
        self.stays.get(&stay_id).map(|stay| stay.person_id)
    }
}
