//! Who is offered which bed: it follows from the vacant beds and the queue.
//!
//! Whoever stands first in the queue is offered a bed first. An offer stands while others join the
//! list behind or before it (it is *promised*); a fact about a death may take one back that was
//! only made because of an older fact. Which people hold an offer depends on beds, queue and passes
//! alone, not on the order in which they came about; who keeps an offer keeps its bed. A bed that
//! everybody has passed goes round again to those who let their offer lapse without a word.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::bed::{BedState, HeldFor};
use super::desk::Desk;
use super::errors::CareError;
use super::offer::{Offer, OfferState};
use super::view::{Pass, Passing, View};
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
    passed: impl Fn(Uuid, Uuid) -> Option<Passing>,
) -> BTreeMap<Uuid, Uuid> {
    let said_no =
        |candidate: &Candidate, bed| passed(candidate.person_id, bed) == Some(Passing::Declined);
    let mut due: BTreeMap<Uuid, Uuid> = queue
        .iter()
        .filter_map(|candidate| Some((candidate, candidate.promised?)))
        .filter(|(candidate, bed)| beds.contains(bed) && !said_no(candidate, *bed))
        .map(|(candidate, bed)| (candidate.entry_id, bed))
        .collect();
    let (open, vacant) = left(queue, beds, &due);
    due.extend(seat_all(&open, &vacant, |candidate, bed| {
        passed(candidate.person_id, bed).is_none()
    }));
    // What is left was passed by all who are left: round again, to whom it came least often.
    let (mut open, vacant) = left(queue, beds, &due);
    open.sort_by_key(|candidate| {
        let turns = |bed: &Uuid| match passed(candidate.person_id, *bed) {
            Some(Passing::Lapsed(times)) => u64::from(times),
            Some(Passing::Declined) | None => 0,
        };
        vacant.iter().map(turns).sum::<u64>()
    });
    due.extend(seat_all(&open, &vacant, |candidate, bed| {
        !said_no(candidate, bed)
    }));
    due
}

/// Candidates and beds that are not in `due`.
fn left(
    queue: &[Candidate],
    beds: &[Uuid],
    due: &BTreeMap<Uuid, Uuid>,
) -> (Vec<Candidate>, Vec<Uuid>) {
    let taken: BTreeSet<&Uuid> = due.values().collect();
    let waits = |candidate: &&Candidate| !due.contains_key(&candidate.entry_id);
    (
        queue.iter().filter(waits).copied().collect(),
        beds.iter()
            .filter(|bed| !taken.contains(bed))
            .copied()
            .collect(),
    )
}

/// The bed of each who gets one of those that they want, the first of `open` first.
fn seat_all(
    open: &[Candidate],
    beds: &[Uuid],
    wants: impl Fn(&Candidate, Uuid) -> bool,
) -> Vec<(Uuid, Uuid)> {
    let wants: Vec<Vec<usize>> = open
        .iter()
        .map(|candidate| {
            let wanted = |bed: &usize| wants(candidate, beds[*bed]);
            (0..beds.len()).filter(wanted).collect()
        })
        .collect();
    // First who: the earliest in the queue that can all be served at once.
    let mut served = Matching::new(&wants, beds.len());
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
    let mut kept = Matching::new(&wants, beds.len());
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
        .filter_map(|(bed, holder)| holder.map(|candidate| (open[candidate].entry_id, beds[bed])))
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
        let vacancy_id = vacancies.get(&bed_id).copied().flatten()?;
        let pass = Pass {
            bed_id,
            vacancy_id,
            person_id,
        };
        view.passes.get(&pass).copied()
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

    fn due(queue: &[Candidate], beds: &[u128], declined: &[(u128, u128)]) -> Vec<(u128, u128)> {
        let passes: Vec<_> = declined
            .iter()
            .map(|(person, bed)| (*person, *bed, Passing::Declined))
            .collect();
        due_after(queue, beds, &passes)
    }

    fn due_after(
        queue: &[Candidate],
        beds: &[u128],
        passes: &[(u128, u128, Passing)],
    ) -> Vec<(u128, u128)> {
        let beds: Vec<Uuid> = beds.iter().map(|bed| Uuid::from_u128(*bed)).collect();
        let passed = |person: Uuid, bed: Uuid| {
            let of = |pass: &&(u128, u128, Passing)| {
                (pass.0, pass.1) == (person.as_u128(), bed.as_u128())
            };
            passes.iter().find(of).map(|pass| pass.2)
        };
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

    #[test]
    fn a_bed_that_all_passed_goes_round_again_to_who_did_not_say_no() {
        let queue = [X, Y, Z].map(|id| candidate(id, None, None));
        let lapsed = |id, times| (id, B1, Passing::Lapsed(times));
        let no = |id| (id, B1, Passing::Declined);
        type Passed<'a> = &'a [(u128, u128, Passing)];
        type Due<'a> = &'a [(u128, u128)];
        let table: [(Passed<'_>, Due<'_>); 6] = [
            (&[lapsed(X, 1)], &[(Y, B1)]),
            (&[lapsed(X, 1), lapsed(Y, 1)], &[(Z, B1)]),
            (&[lapsed(X, 1), lapsed(Y, 1), no(Z)], &[(X, B1)]),
            (&[lapsed(X, 2), lapsed(Y, 1), no(Z)], &[(Y, B1)]),
            (&[lapsed(X, 7), no(Y), no(Z)], &[(X, B1)]),
            (&[no(X), no(Y), no(Z)], &[]),
        ];
        for (passes, expected) in table {
            assert_eq!(due_after(&queue, &[B1], passes), expected, "{passes:?}");
        }
        // Another bed that nobody passed goes to the first, and the passed one to the next.
        let all = [lapsed(X, 1), lapsed(Y, 1), lapsed(Z, 1)];
        assert_eq!(due_after(&queue, &[B1, B2], &all), [(X, B2), (Y, B1)]);
        // It is a promise like any other.
        let mut queue = queue;
        queue[2] = candidate(Z, Some(B1), Some(B1));
        assert_eq!(due_after(&queue, &[B1], &all[2..]), [(Z, B1)]);
    }
}
