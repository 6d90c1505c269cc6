//! What stands now, as lines that can be compared.
//!
//! Ids, instants and closed rows are history and left out. A vacant bed is one whether it is on
//! offer or not, and an offer does not name its bed: which of two free beds is offered to which of
//! two people depends on which was free first, and is no difference.

use uuid::Uuid;

use super::bed::{Bed, BedState, HeldFor};
use super::stay::{Stay, StayState};
use super::view::View;

/// The lines of some people, sorted. Each person comes with the name that the lines use for them.
/// The view holds their stays with the beds, and the whole queue and all open offers of every
/// facility where they wait.
pub fn fingerprint(view: &View, people: &[(Uuid, String)]) -> Vec<String> {
    let mut lines: Vec<String> = people
        .iter()
        .flat_map(|(person_id, name)| {
            stay_lines(view, *person_id, name)
                .chain(queue_lines(view, *person_id, name))
                .collect::<Vec<_>>()
        })
        .collect();
    lines.sort();
    lines
}

fn stay_lines(view: &View, person_id: Uuid, name: &str) -> impl Iterator<Item = String> {
    view.stays
        .values()
        .filter(move |stay| stay.person_id == person_id && is_current(stay))
        .map(move |stay| {
            let bed = view.beds.get(&stay.bed_id);
            let label = bed.map_or("?", |bed| bed.label.as_str());
            let last_day = stay.last_day.map_or("-".to_owned(), |day| day.to_string());
            format!(
                "stay {name} {} {label} {} last_day={last_day} provisional={} owed={} bed={}",
                facility(view, stay.facility_id),
                stay.state.name(),
                stay.last_day_provisional,
                stay.owed_fen,
                bed.map_or("?", |bed| bed_word(bed, stay)),
            )
        })
}

/// It stands, or its settlement is open.
fn is_current(stay: &Stay) -> bool {
    stay.state.stands() || matches!(stay.state, StayState::AwaitingSettlement(_))
}

fn bed_word(bed: &Bed, stay: &Stay) -> &'static str {
    if bed.state.has_resident() && bed.stay_id != Some(stay.id) {
        return "relet";
    }
    match bed.state {
        BedState::Free | BedState::Held(HeldFor::Offer) => "vacant",
        BedState::Held(HeldFor::Suspicion) => "held for suspicion",
        BedState::Held(HeldFor::Settlement) => "held for settlement",
        BedState::Planned | BedState::Occupied | BedState::UnderRepair | BedState::Retired => {
            bed.state.name()
        }
    }
}

fn queue_lines(view: &View, person_id: Uuid, name: &str) -> impl Iterator<Item = String> {
    view.live_entries_of(person_id).flat_map(move |entry| {
        let facility = facility(view, entry.facility_id);
        let queue = view.queue(entry.facility_id);
        let active = queue.iter().filter(|other| other.state.is_eligible());
        let place = active.take_while(|other| other.id != entry.id).count() + 1;
        let rank = entry.rank.number();
        let priority = entry.priority;
        let line = if entry.state.is_eligible() {
            format!("waiting {name} {facility} place={place} rank={rank} priority={priority}")
        } else {
            format!("suspended {name} {facility} rank={rank} priority={priority}")
        };
        let offered = view
            .open_offers(entry.facility_id)
            .any(|offer| offer.entry_id == entry.id)
            .then(|| format!("offer {name} {facility}"));
        std::iter::once(line).chain(offered)
    })
}

fn facility(view: &View, id: Uuid) -> &str {
    view.sites
        .get(&id)
        .map_or("?", |site| site.facility.name.as_str())
}
