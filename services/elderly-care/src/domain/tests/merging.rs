//! A provisional record merges into a known person.

use uuid::Uuid;

use super::world::{World, person};
use crate::domain::*;

const GONE: u128 = 1;
const SURVIVOR: u128 = 2;

fn home() -> (World, Uuid, Uuid, Uuid) {
    let mut world = World::new();
    let facility = world.add_facility("花溪养老院");
    let (one, two) = (
        world.add_bed(facility, "1-1"),
        world.add_bed(facility, "1-2"),
    );
    (world, facility, one, two)
}

#[test]
fn stay_and_place_follow_the_survivor() {
    let (mut world, facility, one, two) = home();
    world.place(person(3), two).unwrap();
    let stay = world.place(person(GONE), one).unwrap();
    world.wait(person(4), facility, 3).unwrap();
    world.merge(person(GONE), person(SURVIVOR));
    assert_eq!(world.standing(person(SURVIVOR)).unwrap().id, stay);
    assert_eq!(
        world.bed_changes.last().unwrap().person_id,
        Some(person(SURVIVOR))
    );
    assert!(world.open_work.is_empty());

    world.merge(person(4), person(5));
    assert_eq!(world.all.queue(facility)[0].person_id, person(5));
    assert!(world.open_work.is_empty());
}

#[test]
fn the_survivors_death_is_heard_too() {
    let (mut world, _, one, two) = home();
    world.place(person(3), two).unwrap();
    world.place(person(GONE), one).unwrap();
    let mut later = world.clone();
    world.tell(FactKind::Confirmed, person(SURVIVOR), 1, "2026-03-01");
    let anew = world.merge(person(GONE), person(SURVIVOR));
    assert!(later.merge(person(GONE), person(SURVIVOR)).is_empty());
    let answers = later.tell(FactKind::Confirmed, person(SURVIVOR), 1, "2026-03-01");
    assert!(answers.iter().all(|answer| anew.contains(answer)));
    // What a correction may have asked besides.
    assert_eq!(anew.len(), answers.len() + 1);
    assert_eq!(world.fingerprint(), later.fingerprint());
    assert_eq!(world.bed(one).state, BedState::Free);
}

#[test]
fn two_stays_are_for_a_person_to_look_at() {
    let (mut world, _, one, two) = home();
    world.place(person(GONE), one).unwrap();
    world.place(person(SURVIVOR), two).unwrap();
    world.merge(person(GONE), person(SURVIVOR));
    world.merge(person(GONE), person(SURVIVOR));
    assert!(world.standing(person(GONE)).is_some());
    let item = (WorkKind::MergeConflict, person(SURVIVOR));
    assert_eq!(world.open_work.iter().collect::<Vec<_>>(), [&item]);
}

#[test]
fn two_places_in_one_queue_become_one() {
    let mut world = World::new();
    let facility = world.add_facility("花溪养老院");
    let first = world.wait(person(GONE), facility, 1).unwrap();
    let second = world.wait(person(SURVIVOR), facility, 3).unwrap();
    world.merge(person(GONE), person(SURVIVOR));
    assert_eq!(world.all.entries[&first].state, EntryState::Withdrawn);
    assert_eq!(world.all.entries[&second].state, EntryState::Waiting);
    assert!(
        world
            .open_work
            .contains(&(WorkKind::MergeConflict, person(SURVIVOR)))
    );
}

#[test]
fn a_resident_does_not_wait() {
    let (mut world, facility, one, two) = home();
    world.place(person(3), two).unwrap();
    world.place(person(GONE), one).unwrap();
    let entry = world.wait(person(SURVIVOR), facility, 2).unwrap();
    world.merge(person(GONE), person(SURVIVOR));
    assert_eq!(world.all.entries[&entry].state, EntryState::Withdrawn);
    assert_eq!(world.standing(person(SURVIVOR)).unwrap().bed_id, one);
    assert!(
        world
            .open_work
            .contains(&(WorkKind::MergeConflict, person(SURVIVOR)))
    );
}
