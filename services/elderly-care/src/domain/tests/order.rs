//! Order independence: whatever happened before, the facts that follow end in one state in every
//! order, each possibly doubled.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::Index;
use uuid::Uuid;

use super::world::{World, person};
use crate::domain::*;

const PEOPLE: u128 = 7;

/// Something that people do.
#[derive(Debug, Clone)]
enum Deed {
    Wait {
        who: u128,
        facility: Index,
        rank: i32,
    },
    Withdraw {
        entry: Index,
    },
    Place {
        who: u128,
        bed: Index,
    },
    Leave {
        stay: Index,
    },
    Owe {
        stay: Index,
        fen: i64,
    },
    Settle {
        stay: Index,
    },
    Accept {
        offer: Index,
    },
    Decline {
        offer: Index,
    },
    Expire,
    SetBed {
        bed: Index,
        to: BedState,
    },
    Tell {
        who: u128,
        kind: FactKind,
    },
}

fn kind() -> impl Strategy<Value = FactKind> {
    prop_oneof![
        1 => Just(FactKind::Suspected),
        1 => Just(FactKind::Lifted),
        3 => Just(FactKind::Confirmed),
        1 => Just(FactKind::Corrected),
        2 => Just(FactKind::Reversed),
    ]
}

fn deed() -> impl Strategy<Value = Deed> {
    let who = 1..=PEOPLE;
    let index = any::<Index>;
    prop_oneof![
        4 => (who.clone(), index(), 1..=5)
            .prop_map(|(who, facility, rank)| Deed::Wait { who, facility, rank }),
        1 => index().prop_map(|entry| Deed::Withdraw { entry }),
        3 => (who.clone(), index()).prop_map(|(who, bed)| Deed::Place { who, bed }),
        2 => index().prop_map(|stay| Deed::Leave { stay }),
        2 => (index(), -1..=1i64).prop_map(|(stay, fen)| Deed::Owe { stay, fen }),
        1 => index().prop_map(|stay| Deed::Settle { stay }),
        3 => index().prop_map(|offer| Deed::Accept { offer }),
        2 => index().prop_map(|offer| Deed::Decline { offer }),
        1 => Just(Deed::Expire),
        1 => (index(), prop_oneof![Just(BedState::Free), Just(BedState::UnderRepair)])
            .prop_map(|(bed, to)| Deed::SetBed { bed, to }),
        4 => (who, kind()).prop_map(|(who, kind)| Deed::Tell { who, kind }),
    ]
}

fn start() -> World {
    let mut world = World::new();
    for (name, beds) in [("甲", 3), ("乙", 2)] {
        let facility = world.add_facility(name);
        for number in 1..=beds {
            world.add_bed(facility, &format!("1-{number}"));
        }
    }
    world
}

fn pick(index: &Index, ids: impl Iterator<Item = Uuid>) -> Option<Uuid> {
    let ids: Vec<Uuid> = ids.collect();
    (!ids.is_empty()).then(|| *index.get(&ids))
}

/// Does it; that it is refused is part of life.
fn act(world: &mut World, deed: &Deed) -> Option<()> {
    world.pass_hours(1);
    let all = &world.all;
    match deed {
        Deed::Wait {
            who,
            facility,
            rank,
        } => {
            let facility = pick(facility, all.sites.keys().copied())?;
            world.wait(person(*who), facility, *rank).ok().map(drop)
        }
        Deed::Withdraw { entry } => {
            let live = all.entries.values().filter(|entry| entry.state.is_live());
            let entry = pick(entry, live.map(|entry| entry.id))?;
            world.withdraw(entry).ok()
        }
        Deed::Place { who, bed } => {
            let bed = pick(bed, all.beds.keys().copied())?;
            world.place(person(*who), bed).ok().map(drop)
        }
        Deed::Leave { stay } => {
            let stay = pick(stay, all.stays.keys().copied())?;
            world.leave(stay).ok()
        }
        Deed::Owe { stay, fen } => {
            let stay = pick(stay, all.stays.keys().copied())?;
            world.owe(stay, *fen).ok()
        }
        Deed::Settle { stay } => {
            let awaits = |stay: &&Stay| matches!(stay.state, StayState::AwaitingSettlement(_));
            let stay = pick(stay, all.stays.values().filter(awaits).map(|stay| stay.id))?;
            world.settle(stay).ok()
        }
        Deed::Accept { offer } => {
            let open = all.offers.values().filter(|offer| offer.state.is_open());
            let offer = pick(offer, open.map(|offer| offer.id))?;
            world.accept(offer).ok().map(drop)
        }
        Deed::Decline { offer } => {
            let open = all.offers.values().filter(|offer| offer.state.is_open());
            let offer = pick(offer, open.map(|offer| offer.id))?;
            world.decline(offer).ok()
        }
        Deed::Expire => {
            world.pass_hours(24);
            let offers: Vec<Uuid> = world.all.offers.keys().copied().collect();
            for offer in offers {
                world.expire(offer).unwrap();
            }
            Some(())
        }
        Deed::SetBed { bed, to } => {
            let bed = pick(bed, all.beds.keys().copied())?;
            world.set_bed(bed, *to).ok()
        }
        Deed::Tell { who, kind } => {
            let history = numbered(world, &[(*who, *kind)]);
            for (version, fact) in &history {
                world.hear(*version, fact);
            }
            Some(())
        }
    }
}

fn past() -> impl Strategy<Value = Vec<Deed>> {
    prop::collection::vec(deed(), 0..45)
}

/// A world in which anything may have happened.
fn after_deeds(deeds: &[Deed]) -> World {
    let mut world = start();
    for deed in deeds {
        act(&mut world, deed);
    }
    world
}

/// Facts with rising versions per person; the case changes with every return to life.
fn numbered(world: &World, kinds: &[(u128, FactKind)]) -> Vec<(i64, DeathFact)> {
    let mut versions: BTreeMap<u128, i64> = BTreeMap::new();
    let mut facts: Vec<(i64, DeathFact)> = Vec::new();
    for (who, kind) in kinds {
        let known = world
            .known
            .get(&person(*who))
            .map_or(0, |(version, _)| *version);
        let version = versions.entry(*who).or_insert(known);
        *version += 1;
        let days = [
            "2026-02-27",
            "2026-02",
            "2026-01-31",
            "unknown",
            "2025",
            "2026-03-01",
        ];
        let fact = DeathFact {
            kind: *kind,
            person_id: person(*who),
            case_id: Uuid::from_u128(*who * 1000 + (*version as u128) / 3),
            died_on: days[*version as usize % days.len()].parse().unwrap(),
        };
        facts.push((*version, fact));
    }
    facts
}

fn facts() -> impl Strategy<Value = Vec<(u128, FactKind)>> {
    prop::collection::vec((1..=PEOPLE, kind()), 1..9)
}

/// The facts in two orders, some of them twice.
fn two_orders() -> impl Strategy<Value = (Vec<(u128, FactKind)>, Vec<usize>, Vec<usize>)> {
    facts().prop_flat_map(|kinds| {
        let order = |count: usize| {
            prop::collection::vec(0..count, 0..=count)
                .prop_map(move |twice| (0..count).chain(twice).collect::<Vec<usize>>())
                .prop_shuffle()
        };
        let count = kinds.len();
        (Just(kinds), order(count), order(count))
    })
}

fn after(world: &World, facts: &[(i64, DeathFact)], order: &[usize]) -> World {
    let mut world = world.clone();
    for index in order {
        let (version, fact) = &facts[*index];
        world.hear(*version, fact);
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_order_of_facts_ends_in_one_state(
        past in past(),
        (kinds, one, other) in two_orders(),
    ) {
        let world = after_deeds(&past);
        let facts = numbered(&world, &kinds);
        let (one, other) = (after(&world, &facts, &one), after(&world, &facts, &other));
        prop_assert_eq!(one.fingerprint(), other.fingerprint());
        prop_assert_eq!(one.answers, other.answers);
    }

    #[test]
    fn what_did_not_happen_leaves_nothing_behind(
        past in past(),
        who in 1..=PEOPLE,
        suspected in any::<bool>(),
        others in facts(),
    ) {
        let mut world = after_deeds(&past);
        // The same facts about others, with and without the death that did not happen.
        let others: Vec<_> = others.into_iter().filter(|(other, _)| *other != who).collect();
        if world.person(person(who)).life != Life::Alive {
            for (version, fact) in numbered(&world, &[(who, FactKind::Reversed)]) {
                world.hear(version, &fact);
            }
        }
        let before = world.fingerprint();
        let story: &[FactKind] = if suspected {
            &[FactKind::Suspected, FactKind::Lifted]
        } else {
            &[FactKind::Suspected, FactKind::Confirmed, FactKind::Corrected, FactKind::Reversed]
        };
        let kinds: Vec<(u128, FactKind)> = story.iter().map(|kind| (who, *kind)).collect();
        let mut told = world.clone();
        let own = numbered(&told, &kinds);
        for (version, fact) in &own {
            told.hear(*version, fact);
        }
        prop_assert_eq!(told.fingerprint(), before);

        let foreign = numbered(&world, &others);
        let mut told = world.clone();
        let (last, first) = own.split_last().unwrap();
        for (version, fact) in first.iter().chain(&foreign).chain([last]) {
            told.hear(*version, fact);
        }
        for (version, fact) in &foreign {
            world.hear(*version, fact);
        }
        prop_assert_eq!(told.fingerprint(), world.fingerprint());
    }

    #[test]
    fn a_fact_twice_publishes_nothing_new(past in past(), kinds in facts()) {
        let mut world = after_deeds(&past);
        for (version, fact) in numbered(&world, &kinds) {
            world.hear(version, &fact);
            let (beds, offers) = (world.bed_changes.len(), world.all.offers.clone());
            world.hear(version, &fact);
            prop_assert_eq!(world.bed_changes.len(), beds);
            prop_assert_eq!(&world.all.offers, &offers);
        }
    }

    #[test]
    fn random_interleavings_keep_every_promise(
        deeds in prop::collection::vec(deed(), 0..120),
    ) {
        // The world checks itself after every decision.
        after_deeds(&deeds);
    }
}
