//! Who is offered which bed: it follows from the vacant beds and the queue.
//!
//! Whoever stands first in the queue is offered a bed first. An offer stands while others join the
//! list behind or before it (it is *promised*); a fact about a death may take one back that was
//! only made because of an older fact. Which people hold an offer depends on beds, queue and passes
//! alone, not on the order in which they came about; who keeps an offer keeps its bed.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::bed::{BedState, HeldFor};
use super::desk::Desk;
use super::errors::CareError;
use super::offer::{Offer, OfferState};
use super::view::{Pass, View};
use super::waiting::EntryState;

/// Somebody to whom a bed can be offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Candidate {
    entry_id: Uuid,
    person_id: Uuid,
    promised: Option<Uuid>,
    current: Option<Uuid>,
}

/// Candidates and beds as indices; `wants[c]` are the beds that candidate `c` has not passed.
struct Matching<'a> {
    wants: &'a [Vec<usize>],
    holder: Vec<Option<usize>>,
}

impl<'a> Matching<'a> {
    fn new(wants: &'a [Vec<usize>], beds: usize) -> Self {
        Self {
            wants,
            holder: vec![None; beds],
        }
    }

    fn is_full(&self) -> bool {
        self.holder.iter().all(Option::is_some)
    }

    fn holds(&self, candidate: usize) -> bool {
        self.holder.contains(&Some(candidate))
    }

    /// Finds a bed for a candidate without taking anybody's away; others may have to change theirs
    /// for one that this candidate has passed (an augmenting path).
    fn seat(&mut self, candidate: usize) -> bool {
        let mut seen = vec![false; self.holder.len()];
        self.seat_unseen(candidate, &mut seen)
    }

    fn seat_unseen(&mut self, candidate: usize, seen: &mut [bool]) -> bool {
        let wants = self.wants;
        let wanted = &wants[candidate];
        if let Some(&bed) = wanted.iter().find(|bed| self.holder[**bed].is_none()) {
            self.holder[bed] = Some(candidate);
            return true;
        }
        for &bed in wanted {
            if std::mem::replace(&mut seen[bed], true) {
                continue;
            }
            let movable = self.holder[bed];
            if movable.is_some_and(|holder| self.seat_unseen(holder, seen)) {
                self.holder[bed] = Some(candidate);
                return true;
            }
        }
        false
    }
}

/// The bed of each candidate of a queue who is offered one, by entry.
fn offers_due(
    queue: &[Candidate],
    beds: &[Uuid],
    passed: impl Fn(Uuid, Uuid) -> bool,
) -> BTreeMap<Uuid, Uuid> {
    let (promised, open): (Vec<Candidate>, Vec<Candidate>) = queue.iter().partition(|candidate| {
        candidate
            .promised
            .is_some_and(|bed| beds.contains(&bed) && !passed(candidate.person_id, bed))
    });
    let mut due: BTreeMap<Uuid, Uuid> = promised
        .iter()
        .filter_map(|candidate| Some((candidate.entry_id, candidate.promised?)))
        .collect();
    let taken: BTreeSet<Uuid> = due.values().copied().collect();
    let beds: Vec<Uuid> = beds
        .iter()
        .copied()
        .filter(|bed| !taken.contains(bed))
        .collect();
    let wants: Vec<Vec<usize>> = open
        .iter()
        .map(|candidate| {
            let wanted = |bed: &usize| !passed(candidate.person_id, beds[*bed]);
            (0..beds.len()).filter(wanted).collect()
        })
        .collect();
    for (candidate, bed) in seat_all(&open, &beds, &wants) {
        due.insert(open[candidate].entry_id, beds[bed]);
    }
    due
}

/// Pairs of candidate and bed.
fn seat_all(open: &[Candidate], beds: &[Uuid], wants: &[Vec<usize>]) -> Vec<(usize, usize)> {
    // First who: the earliest in the queue that can all be served at once.
    let mut served = Matching::new(wants, beds.len());
    let mut chosen = Vec::new();
    for candidate in 0..open.len() {
        if served.is_full() {
            break;
        }
        if served.seat(candidate) {
            chosen.push(candidate);
        }
    }
    // Then which bed: who has an offer keeps its bed where that is possible.
    let mut kept = Matching::new(wants, beds.len());
    for &candidate in &chosen {
        let current = open[candidate].current;
        let bed = beds.iter().position(|bed| current == Some(*bed));
        if let Some(bed) = bed.filter(|bed| wants[candidate].contains(bed)) {
            kept.holder[bed] = Some(candidate);
        }
    }
    for &candidate in &chosen {
        if !kept.holds(candidate) {
            kept.seat(candidate);
        }
    }
    let holders = kept.holder.iter().enumerate();
    holders
        .filter_map(|(bed, holder)| holder.map(|candidate| (candidate, bed)))
        .collect()
}

impl Desk<'_> {
    /// Begins a command: offers made since the last one, on the strength of facts, are promised
    /// from now on, so that nobody overtakes them.
    pub(super) fn begin_command(&mut self) {
        let open: BTreeMap<Uuid, Uuid> = self
            .view
            .offers
            .values()
            .filter(|offer| offer.state.is_open())
            .map(|offer| (offer.entry_id, offer.bed_id))
            .collect();
        for entry in self.view.entries.values_mut() {
            entry.promised_bed_id = open.get(&entry.id).copied();
        }
    }

    /// Ends a command: beds are offered to whom they are due, and these offers are promised.
    pub(super) fn end_command(&mut self) -> Result<(), CareError> {
        self.allocate()?;
        self.begin_command();
        Ok(())
    }

    /// Offers every vacant bed to whom it is due, and takes back the offers that are no longer.
    pub(super) fn allocate(&mut self) -> Result<(), CareError> {
        let facilities: Vec<Uuid> = self.view.sites.keys().copied().collect();
        for facility_id in facilities {
            self.allocate_in(facility_id)?;
        }
        Ok(())
    }

    fn allocate_in(&mut self, facility_id: Uuid) -> Result<(), CareError> {
        let due = due_in(&self.view, facility_id);
        let stale: Vec<Uuid> = self
            .view
            .open_offers(facility_id)
            .filter(|offer| due.get(&offer.entry_id) != Some(&offer.bed_id))
            .map(|offer| offer.id)
            .collect();
        for offer_id in stale {
            self.close_offer(offer_id, OfferState::Withdrawn)?;
        }
        self.mark_entries(facility_id, &due);
        self.mark_beds(facility_id, &due);
        let kept: BTreeSet<Uuid> = self
            .view
            .open_offers(facility_id)
            .map(|offer| offer.entry_id)
            .collect();
        for (entry_id, bed_id) in due {
            if !kept.contains(&entry_id) {
                self.make_offer(facility_id, entry_id, bed_id)?;
            }
        }
        Ok(())
    }

    fn mark_entries(&mut self, facility_id: Uuid, due: &BTreeMap<Uuid, Uuid>) {
        for entry in self.view.entries.values_mut() {
            if entry.facility_id != facility_id || !entry.state.is_eligible() {
                continue;
            }
            entry.state = if due.contains_key(&entry.id) {
                EntryState::Offered
            } else {
                EntryState::Waiting
            };
        }
    }

    fn mark_beds(&mut self, facility_id: Uuid, due: &BTreeMap<Uuid, Uuid>) {
        let offered: BTreeSet<Uuid> = due.values().copied().collect();
        for bed in self.view.beds.values_mut() {
            if bed.facility_id != facility_id || !bed.state.is_vacant() {
                continue;
            }
            bed.state = if offered.contains(&bed.id) {
                BedState::Held(HeldFor::Offer)
            } else {
                BedState::Free
            };
        }
    }

    fn make_offer(
        &mut self,
        facility_id: Uuid,
        entry_id: Uuid,
        bed_id: Uuid,
    ) -> Result<(), CareError> {
        let terms = self.site(facility_id)?.terms;
        let person_id = self.entry_mut(entry_id)?.person_id;
        let id = self.fresh_id();
        let offer = Offer {
            id,
            facility_id,
            bed_id,
            entry_id,
            person_id,
            state: OfferState::Open,
            made_at: self.now,
            expires_at: terms.expires_at(self.now),
            closed_at: None,
            rule_id: terms.rule_id,
        };
        self.view.offers.insert(id, offer);
        Ok(())
    }
}

/// The bed due to each entry of a facility that is due one.
fn due_in(view: &View, facility_id: Uuid) -> BTreeMap<Uuid, Uuid> {
    let current: BTreeMap<Uuid, Uuid> = view
        .open_offers(facility_id)
        .map(|offer| (offer.entry_id, offer.bed_id))
        .collect();
    let queue: Vec<Candidate> = view
        .queue(facility_id)
        .into_iter()
        .filter(|entry| entry.state.is_eligible())
        .map(|entry| Candidate {
            entry_id: entry.id,
            person_id: entry.person_id,
            promised: entry.promised_bed_id,
            current: current.get(&entry.id).copied(),
        })
        .collect();
    let vacancies: BTreeMap<Uuid, Option<Uuid>> = view
        .beds
        .values()
        .filter(|bed| bed.facility_id == facility_id && bed.state.is_vacant())
        .map(|bed| (bed.id, bed.vacancy_id))
        .collect();
    let beds: Vec<Uuid> = vacancies.keys().copied().collect();
    offers_due(&queue, &beds, |person_id, bed_id| {
        let vacancy_id = vacancies.get(&bed_id).copied().flatten();
        vacancy_id.is_some_and(|vacancy_id| {
            view.passes.contains(&Pass {
                bed_id,
                vacancy_id,
                person_id,
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: u128 = 1;
    const Y: u128 = 2;
    const Z: u128 = 3;
    const B1: u128 = 11;
    const B2: u128 = 12;

    fn candidate(id: u128, promised: Option<u128>, current: Option<u128>) -> Candidate {
        Candidate {
            entry_id: Uuid::from_u128(id),
            person_id: Uuid::from_u128(id),
            promised: promised.map(Uuid::from_u128),
            current: current.map(Uuid::from_u128),
        }
    }

    fn due(queue: &[Candidate], beds: &[u128], passes: &[(u128, u128)]) -> Vec<(u128, u128)> {
        let beds: Vec<Uuid> = beds.iter().map(|bed| Uuid::from_u128(*bed)).collect();
        let passed = |person: Uuid, bed: Uuid| passes.contains(&(person.as_u128(), bed.as_u128()));
        offers_due(queue, &beds, passed)
            .into_iter()
            .map(|(entry, bed)| (entry.as_u128(), bed.as_u128()))
            .collect()
    }

    #[test]
    fn the_first_in_the_queue_come_first() {
        let queue = [X, Y, Z].map(|id| candidate(id, None, None));
        assert_eq!(due(&queue, &[], &[]), []);
        assert_eq!(due(&queue, &[B2], &[]), [(X, B2)]);
        assert_eq!(due(&queue, &[B1, B2], &[]), [(X, B1), (Y, B2)]);
    }

    #[test]
    fn who_has_an_offer_keeps_its_bed() {
        let queue = [
            candidate(X, None, Some(B2)),
            candidate(Y, None, None),
            candidate(Z, None, Some(B1)),
        ];
        // Z was only reached while Y was not there.
        assert_eq!(due(&queue, &[B1, B2], &[]), [(X, B2), (Y, B1)]);
    }

    #[test]
    fn nobody_overtakes_a_promise() {
        let queue = [
            candidate(X, None, None),
            candidate(Y, None, None),
            candidate(Z, Some(B1), Some(B1)),
        ];
        assert_eq!(due(&queue, &[B1, B2], &[]), [(X, B2), (Z, B1)]);
        // The bed is gone: an ordinary place in the queue again.
        assert_eq!(due(&queue, &[B2], &[]), [(X, B2)]);
    }

    #[test]
    fn who_passed_a_bed_is_not_offered_it_again() {
        let queue = [candidate(X, None, None), candidate(Y, None, None)];
        assert_eq!(due(&queue, &[B1], &[(X, B1)]), [(Y, B1)]);
        assert_eq!(due(&queue, &[B1], &[(X, B1), (Y, B1)]), []);
        // X holds the only bed that Y has not passed, and changes it.
        let queue = [candidate(X, None, Some(B2)), candidate(Y, None, None)];
        assert_eq!(due(&queue, &[B1, B2], &[(Y, B1)]), [(X, B1), (Y, B2)]);
    }
}
