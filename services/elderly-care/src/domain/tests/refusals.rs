//! What is refused, and that nothing is left behind.

use minzheng_chassis::division::DivisionCode;
use uuid::Uuid;

use super::world::{Named, World, person};
use crate::domain::*;

fn two_beds() -> (World, Uuid, Uuid, Uuid) {
    let mut world = World::new();
    let facility = world.add_facility("花溪养老院");
    let (one, two) = (
        world.add_bed(facility, "1-1"),
        world.add_bed(facility, "1-2"),
    );
    (world, facility, one, two)
}

#[test]
fn nobody_is_placed_where_somebody_lives_or_twice_or_dead() {
    let (mut world, facility, one, two) = two_beds();
    let resident = person(1);
    world.place(resident, one).unwrap();
    let before = world.all.clone();
    assert_eq!(world.place(person(2), one), Err(CareError::BedOccupied));
    assert_eq!(world.place(resident, two), Err(CareError::AlreadyResident));
    assert_eq!(
        world.wait(resident, facility, 1),
        Err(CareError::AlreadyResident)
    );
    assert_eq!(world.all, before);

    world.tell(FactKind::Suspected, person(2), 1, "unknown");
    assert_eq!(world.place(person(2), two), Err(CareError::PersonNotAlive));
    let entry = world.wait(person(2), facility, 1).unwrap();
    assert_eq!(world.all.entries[&entry].state, EntryState::Suspended);
    world.tell(FactKind::Confirmed, person(3), 1, "2026-03-01");
    assert_eq!(world.place(person(3), two), Err(CareError::PersonNotAlive));
    assert_eq!(
        world.wait(person(3), facility, 1),
        Err(CareError::PersonNotAlive)
    );

    world.tell(FactKind::Suspected, resident, 1, "unknown");
    assert_eq!(world.place(person(4), one), Err(CareError::BedHeld));
    assert_eq!(
        world.set_bed(one, BedState::Retired),
        Err(CareError::BedHeld)
    );
    let stay = world.standing(resident).unwrap().id;
    assert_eq!(world.leave(stay), Err(CareError::PersonNotAlive));
}

#[test]
fn an_offered_bed_is_only_accepted() {
    let (mut world, facility, one, two) = two_beds();
    world.wait(person(1), facility, 3).unwrap();
    assert_eq!(
        world.wait(person(1), facility, 2),
        Err(CareError::AlreadyWaiting)
    );
    let offer = world.open_offer(person(1)).unwrap().clone();
    assert_eq!(
        world.place(person(2), offer.bed_id),
        Err(CareError::BedOffered)
    );
    let stranger = world.person(person(2));
    let named = Named {
        facility: Some(facility),
        ..Named::default()
    };
    let today = world.today();
    let refused = world.decide(named, |desk| desk.accept_offer(&stranger, offer.id, today));
    assert_eq!(refused, Err(CareError::OfferOfAnother));
    // Repaired, it is offered no more; the other one is.
    world.set_bed(offer.bed_id, BedState::UnderRepair).unwrap();
    let again = world.open_offer(person(1)).unwrap();
    assert_ne!(again.bed_id, offer.bed_id);
    assert!([one, two].contains(&again.bed_id));
    assert_eq!(
        world.place(person(2), offer.bed_id),
        Err(CareError::BedNotInService)
    );
}

#[test]
fn a_repaired_bed_is_nobodys() {
    let (mut world, _, one, two) = two_beds();
    world.set_bed(two, BedState::Retired).unwrap();
    world.place(person(1), one).unwrap();
    assert_eq!(
        world.set_bed(one, BedState::UnderRepair),
        Err(CareError::BedOccupied)
    );
    world.tell(FactKind::Confirmed, person(1), 1, "2026-03-01");
    world.set_bed(one, BedState::UnderRepair).unwrap();
    world.tell(FactKind::Reversed, person(1), 1, "2026-03-01");
    assert_eq!(
        world.standing(person(1)).unwrap().state,
        StayState::Displaced
    );
    world.set_bed(one, BedState::Free).unwrap();
    assert_eq!(world.open_offer(person(1)).unwrap().bed_id, one);
    for state in [
        BedState::Planned,
        BedState::Occupied,
        BedState::Held(HeldFor::Offer),
    ] {
        let refused = Err(CareError::BedStateNotSettable(state.name()));
        assert_eq!(world.set_bed(two, state), refused);
    }
}

#[test]
fn days_lie_within_the_stay() {
    let (mut world, _, one, _) = two_beds();
    let tomorrow = world.today().tomorrow().unwrap();
    let who = world.person(person(1));
    let named = || Named {
        people: vec![person(1)],
        bed: Some(one),
        ..Named::default()
    };
    let refused = world.decide(named(), |desk| desk.place_resident(&who, one, tomorrow));
    assert_eq!(refused, Err(CareError::FirstDay));
    let stay = world.place(person(1), one).unwrap();
    for day in [tomorrow, world.today().yesterday().unwrap()] {
        let refused = world.decide(named(), |desk| desk.end_stay(&who, stay, day));
        assert_eq!(refused, Err(CareError::LastDay));
    }
    world.leave(stay).unwrap();
    assert_eq!(world.leave(stay), Err(CareError::StayEnded));
    assert_eq!(world.owe(stay, 1), Err(CareError::StayEnded));
    assert_eq!(world.settle(stay), Err(CareError::NotAwaitingSettlement));
}

#[test]
fn names_labels_and_ranks() {
    let village: DivisionCode = "520102016001".parse().unwrap();
    let county: DivisionCode = "520102".parse().unwrap();
    let facility = |tier, division, name: &str| {
        Facility::new(Uuid::nil(), tier, division, name, Filing::Registered)
    };
    assert_eq!(
        facility(Tier::County, county, " 南明区福利院 ")
            .unwrap()
            .name,
        "南明区福利院"
    );
    assert!(facility(Tier::County, village, "一").is_ok());
    assert_eq!(
        facility(Tier::Township, county, "一"),
        Err(CareError::DivisionTooCoarse)
    );
    for name in ["", "  ", "a\nb", &"长".repeat(101)] {
        assert_eq!(
            facility(Tier::Village, village, name),
            Err(CareError::FacilityName)
        );
    }
    assert!(facility(Tier::Village, village, &"长".repeat(100)).is_ok());
    let bed = |label: &str| Bed::new(Uuid::nil(), Uuid::nil(), label, BedState::Free);
    assert_eq!(bed(" 3-12 ").unwrap().label, "3-12");
    for label in ["", "3 12", "3/12", &"1".repeat(21)] {
        assert_eq!(bed(label), Err(CareError::BedLabel));
    }
    for rank in [-1, 0, 6, 257] {
        assert_eq!(Rank::new(rank), Err(CareError::Rank));
    }
    assert_eq!(Rank::new(5).unwrap().number(), 5);
}

#[test]
fn a_displaced_resident_can_give_up() {
    let (mut world, facility, one, two) = two_beds();
    world.place(person(1), one).unwrap();
    world.place(person(3), two).unwrap();
    world.tell(FactKind::Confirmed, person(1), 1, "2026-03-01");
    world.place(person(2), one).unwrap();
    world.tell(FactKind::Reversed, person(1), 1, "2026-03-01");
    let entry = world.all.queue(facility)[0].id;
    world.withdraw(entry).unwrap();
    assert_eq!(world.withdraw(entry), Err(CareError::EntryClosed));
    assert!(world.standing(person(1)).is_none());
    assert!(world.wait(person(1), facility, 4).is_ok());
}

#[test]
fn stored_names_come_back() {
    for state in BedState::ALL {
        assert_eq!(
            BedState::named(state.name(), state.held_for().map(HeldFor::name)),
            Some(state)
        );
    }
    let death = EndCause::Death {
        case_id: Uuid::from_u128(1),
    };
    let states = [
        StayState::Active,
        StayState::Held,
        StayState::AwaitingSettlement(death),
        StayState::AwaitingSettlement(EndCause::Left),
        StayState::Ended(EndCause::Replaced),
        StayState::Ended(death),
        StayState::Displaced,
    ];
    for state in states {
        let cause = state.end_cause();
        let stored = (cause.map(EndCause::name), cause.and_then(EndCause::case_id));
        assert_eq!(
            StayState::named(state.name(), stored.0, stored.1),
            Some(state)
        );
    }
    assert_eq!(StayState::named("ended", None, None), None);
    for state in EntryState::ALL {
        assert_eq!(EntryState::named(state.name()), Some(state));
    }
    for state in OfferState::ALL {
        assert_eq!(OfferState::named(state.name()), Some(state));
    }
}
