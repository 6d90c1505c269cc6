//! The stories of the flagship, told step by step.

use super::world::{VALID_HOURS, World, person};
use crate::domain::*;
use uuid::Uuid;

const CASE: u128 = 0xca5e;

struct Home {
    world: World,
    facility: Uuid,
    bed: Uuid,
    grandmother: Uuid,
    next: Uuid,
    second: Uuid,
}

/// The grandmother in bed 3-12, two people waiting.
fn home() -> Home {
    let mut world = World::new();
    let facility = world.add_facility("花溪养老院");
    let bed = world.add_bed(facility, "3-12");
    let (grandmother, next, second) = (person(1), person(2), person(3));
    world.place(grandmother, bed).unwrap();
    world.wait(second, facility, 3).unwrap();
    world.wait(next, facility, 2).unwrap();
    world.pass_hours(240);
    Home {
        world,
        facility,
        bed,
        grandmother,
        next,
        second,
    }
}

fn outcomes(answers: &[Answer]) -> Vec<(CareAction, AnswerOutcome)> {
    answers
        .iter()
        .map(|answer| (answer.action, answer.outcome))
        .collect()
}

#[test]
fn suspected_then_confirmed_then_reversed() {
    let Home {
        mut world,
        bed,
        grandmother,
        next,
        ..
    } = home();
    let before = world.fingerprint();
    let answers = world.tell(FactKind::Suspected, grandmother, CASE, "2026-03");
    assert_eq!(
        outcomes(&answers),
        [(CareAction::HoldBed, AnswerOutcome::Done)]
    );
    assert_eq!(world.bed(bed).state, BedState::Held(HeldFor::Suspicion));
    assert!(world.open_offer(next).is_none());

    let answers = world.tell(FactKind::Confirmed, grandmother, CASE, "2026-03-11");
    let done = [
        (CareAction::EndStay, AnswerOutcome::Done),
        (CareAction::ReleaseBed, AnswerOutcome::Done),
    ];
    assert_eq!(outcomes(&answers), done);
    assert_eq!(world.bed(bed).state, BedState::Held(HeldFor::Offer));
    let offer = world.open_offer(next).unwrap().clone();
    assert_eq!(offer.bed_id, bed);
    assert_eq!(
        offer.expires_at.duration_since(offer.made_at).as_hours(),
        i64::from(VALID_HOURS)
    );
    let stay = world.standing(grandmother).unwrap();
    assert_eq!(stay.last_day.unwrap().to_string(), "2026-03-11");
    let change = world.bed_changes.last().unwrap();
    assert_eq!(
        (change.state, change.person_id),
        (BedState::Held(HeldFor::Offer), None)
    );

    let answers = world.tell(FactKind::Reversed, grandmother, CASE, "2026-03-11");
    assert_eq!(
        outcomes(&answers),
        [(CareAction::RestoreStay, AnswerOutcome::Done)]
    );
    assert_eq!(world.bed(bed).state, BedState::Occupied);
    assert_eq!(world.all.offers[&offer.id].state, OfferState::Withdrawn);
    assert_eq!(world.accept(offer.id), Err(CareError::OfferNotOpen));
    assert_eq!(world.fingerprint(), before);
    assert_eq!(
        world.bed_changes.last().unwrap().person_id,
        Some(grandmother)
    );
}

#[test]
fn a_bed_let_anew_is_not_taken_back() {
    let Home {
        mut world,
        facility,
        bed,
        grandmother,
        next,
        second,
    } = home();
    world.tell(FactKind::Confirmed, grandmother, CASE, "2026-03-11");
    let offer = world.open_offer(next).unwrap().id;
    world.accept(offer).unwrap();

    let answers = world.tell(FactKind::Reversed, grandmother, CASE, "2026-03-11");
    assert_eq!(answers[0].outcome, AnswerOutcome::Done);
    assert_eq!(answers[0].reason, Some("BED_RELET"));
    assert_eq!(world.all.resident(world.bed(bed)), Some(next));
    assert_eq!(
        world.standing(grandmother).unwrap().state,
        StayState::Displaced
    );
    let queue: Vec<Uuid> = world
        .all
        .queue(facility)
        .iter()
        .map(|entry| entry.person_id)
        .collect();
    assert_eq!(queue, [grandmother, second]);

    // The next bed is hers, and the stay in it is another one.
    let other = world.add_bed(facility, "3-13");
    let offer = world.open_offer(grandmother).unwrap().clone();
    assert_eq!(offer.bed_id, other);
    let displaced = world.standing(grandmother).unwrap().id;
    let stay = world.accept(offer.id).unwrap();
    assert_eq!(world.standing(grandmother).unwrap().id, stay);
    assert_eq!(
        world.all.stays[&displaced].state,
        StayState::Ended(EndCause::Replaced)
    );

    // A year later she dies.
    world.pass_hours(365 * 24);
    world.tell(FactKind::Suspected, grandmother, CASE + 1, "unknown");
    world.tell(FactKind::Confirmed, grandmother, CASE + 1, "2027-03-10");
    assert_eq!(world.open_offer(second).unwrap().bed_id, other);
}

#[test]
fn what_is_owed_is_settled_first() {
    for owed in [12_300, -500_000] {
        let Home {
            mut world,
            bed,
            grandmother,
            next,
            ..
        } = home();
        let stay = world.standing(grandmother).unwrap().id;
        world.owe(stay, owed).unwrap();
        let answers = world.tell(FactKind::Confirmed, grandmother, CASE, "2026-03");
        let settlement = AnswerOutcome::NeedsHuman {
            kind: WorkKind::SettleStay,
            subject_id: stay,
        };
        let expected = [
            (CareAction::EndStay, AnswerOutcome::Done),
            (CareAction::ReleaseBed, settlement),
        ];
        assert_eq!(outcomes(&answers), expected);
        assert_eq!(world.bed(bed).state, BedState::Held(HeldFor::Settlement));
        assert!(world.standing(grandmother).unwrap().last_day_provisional);
        assert!(world.open_offer(next).is_none());

        let answers = world.tell(FactKind::Corrected, grandmother, CASE, "2026-03-09");
        assert_eq!(outcomes(&answers), [(CareAction::RecountDays, settlement)]);
        let ended = world.standing(grandmother).unwrap();
        assert_eq!(ended.last_day.unwrap().to_string(), "2026-03-09");
        assert!(!ended.last_day_provisional);

        let mut reversed = world.clone();
        reversed.tell(FactKind::Reversed, grandmother, CASE, "2026-03-09");
        assert!(reversed.open_work.is_empty());
        assert_eq!(reversed.bed(bed).state, BedState::Occupied);
        assert_eq!(reversed.standing(grandmother).unwrap().owed_fen, owed);

        let mut paid = world.clone();
        paid.owe(stay, 0).unwrap();
        assert!(paid.open_work.is_empty());
        assert_eq!(paid.open_offer(next).unwrap().bed_id, bed);

        world.settle(stay).unwrap();
        assert_eq!(world.open_offer(next).unwrap().bed_id, bed);
        let answers = world.tell(FactKind::Corrected, grandmother, CASE, "2026-03-08");
        assert_eq!(
            outcomes(&answers),
            [(CareAction::RecountDays, AnswerOutcome::Done)]
        );
        assert!(world.open_work.is_empty());
        assert_eq!(world.open_offer(next).unwrap().bed_id, bed);
    }
}

#[test]
fn who_leaves_frees_the_bed_in_the_same_way() {
    let Home {
        mut world,
        bed,
        grandmother,
        next,
        ..
    } = home();
    let stay = world.standing(grandmother).unwrap().id;
    let mut owing = world.clone();
    world.leave(stay).unwrap();
    assert_eq!(world.open_offer(next).unwrap().bed_id, bed);
    assert!(world.standing(grandmother).is_none());
    owing.owe(stay, 1).unwrap();
    owing.leave(stay).unwrap();
    assert_eq!(owing.bed(bed).state, BedState::Held(HeldFor::Settlement));
    // Dying later does not touch what is being settled.
    let answers = owing.tell(FactKind::Confirmed, grandmother, CASE, "2026-03-11");
    let nothing = AnswerOutcome::NothingToDo;
    assert!(answers.iter().all(|answer| answer.outcome == nothing));
    owing.settle(stay).unwrap();
    assert_eq!(owing.open_offer(next).unwrap().bed_id, bed);
}

#[test]
fn two_beds_freed_go_to_two_people() {
    let Home {
        mut world,
        facility,
        bed,
        grandmother,
        next,
        second,
    } = home();
    world.tell(FactKind::Confirmed, grandmother, CASE, "2026-03-11");
    let other = world.add_bed(facility, "3-13");
    assert_eq!(world.open_offer(next).unwrap().bed_id, bed);
    assert_eq!(world.open_offer(second).unwrap().bed_id, other);
}

#[test]
fn an_offer_goes_on_to_the_next() {
    let Home {
        mut world,
        facility,
        bed,
        grandmother,
        next,
        second,
    } = home();
    world.tell(FactKind::Confirmed, grandmother, CASE, "2026-03-11");
    let offer = world.open_offer(next).unwrap().id;
    world.expire(offer).unwrap();
    assert!(world.open_offer(next).is_some(), "its time is not over");
    world.pass_hours(i64::from(VALID_HOURS));
    assert_eq!(world.accept(offer), Err(CareError::OfferExpired));
    world.expire(offer).unwrap();
    assert_eq!(world.all.offers[&offer].state, OfferState::Expired);
    let offer = world.open_offer(second).unwrap().id;
    world.decline(offer).unwrap();

    // Who only kept silent is asked once more, and then said no as well.
    let again = world.open_offer(next).unwrap().clone();
    assert_eq!(again.bed_id, bed);
    world.decline(again.id).unwrap();
    assert_eq!(world.bed(bed).state, BedState::Free);

    // Both declined this bed and wait for another; a third person is offered it at once.
    let third = person(4);
    world.wait(third, facility, 5).unwrap();
    assert_eq!(world.open_offer(third).unwrap().bed_id, bed);
    let other = world.add_bed(facility, "3-13");
    assert_eq!(world.open_offer(next).unwrap().bed_id, other);
}

/// A server whose clock is a day behind made it, one whose clock is a day ahead looks at it.
#[test]
fn an_offer_that_a_wrong_clock_ends_is_made_again() {
    let Home {
        mut world,
        bed,
        grandmother,
        next,
        second,
        facility,
    } = home();
    let entry = world.all.live_entries_of(second).next().unwrap().id;
    world.withdraw(entry).unwrap();
    world.pass_hours(-24);
    world.tell(FactKind::Confirmed, grandmother, CASE, "2026-03-11");
    let first = world.open_offer(next).unwrap().id;
    world.pass_hours(48);
    world.expire(first).unwrap();
    assert_eq!(world.all.offers[&first].state, OfferState::Expired);
    let again = world.open_offer(next).unwrap().clone();
    assert_eq!((again.bed_id, again.made_at), (bed, world.now));
    // The expiry that comes twice changes nothing.
    world.expire(first).unwrap();
    assert_eq!(world.open_offer(next), Some(&again));
    // Nobody who comes later overtakes it, and both clocks can accept it.
    world.wait(person(9), facility, 1).unwrap();
    assert_eq!(world.open_offer(next), Some(&again));
    world.pass_hours(-48);
    world.accept(again.id).unwrap();
    assert_eq!(world.bed(bed).state, BedState::Occupied);
}

#[test]
fn silence_takes_turns() {
    let Home {
        mut world,
        grandmother,
        next,
        second,
        ..
    } = home();
    world.tell(FactKind::Confirmed, grandmother, CASE, "2026-03-11");
    for who in [next, second, next, second, next] {
        let offer = world.open_offer(who).expect("it is their turn").id;
        world.pass_hours(i64::from(VALID_HOURS));
        world.expire(offer).unwrap();
    }
}

#[test]
fn who_is_suspected_keeps_the_place_but_not_the_offer() {
    let Home {
        mut world,
        grandmother,
        next,
        second,
        ..
    } = home();
    world.tell(FactKind::Confirmed, grandmother, CASE, "2026-03-11");
    let before = world.fingerprint();
    let answers = world.tell(FactKind::Suspected, next, CASE + 1, "unknown");
    assert_eq!(answers[0].outcome, AnswerOutcome::NothingToDo);
    assert!(world.open_offer(next).is_none());
    assert!(world.open_offer(second).is_some());
    world.tell(FactKind::Lifted, next, CASE + 1, "unknown");
    assert_eq!(world.fingerprint(), before);
    assert!(world.open_offer(next).is_some());
}

#[test]
fn who_joins_later_does_not_overtake_an_offer() {
    let Home {
        mut world,
        facility,
        grandmother,
        next,
        ..
    } = home();
    world.tell(FactKind::Confirmed, grandmother, CASE, "2026-03-11");
    let urgent = person(5);
    world.wait(urgent, facility, 1).unwrap();
    assert!(world.open_offer(next).is_some());
    assert!(world.open_offer(urgent).is_none());
    // Nor through an unrelated death.
    world.tell(FactKind::Confirmed, person(9), CASE + 1, "2026-03-11");
    world.tell(FactKind::Suspected, next, CASE + 2, "unknown");
    assert!(world.open_offer(urgent).is_some());
    world.tell(FactKind::Lifted, next, CASE + 2, "unknown");
    assert!(world.open_offer(next).is_some());
    assert!(world.open_offer(urgent).is_none());
}

#[test]
fn the_dead_who_never_lived_here() {
    let mut world = World::new();
    let cases = [
        (FactKind::Suspected, 1),
        (FactKind::Confirmed, 2),
        (FactKind::Corrected, 1),
        (FactKind::Reversed, 1),
    ];
    for (kind, count) in cases {
        let answers = world.tell(kind, person(1), CASE, "2026-03-01");
        assert_eq!(answers.len(), count);
        let nothing = AnswerOutcome::NothingToDo;
        assert!(answers.iter().all(|answer| answer.outcome == nothing));
    }
    assert!(world.bed_changes.is_empty());
}

#[test]
fn who_declined_is_asked_again_after_another_death() {
    let Home {
        mut world,
        bed,
        grandmother,
        next,
        second,
        ..
    } = home();
    world.tell(FactKind::Confirmed, grandmother, CASE, "2026-03-11");
    for person in [next, second] {
        let offer = world.open_offer(person).unwrap().id;
        world.decline(offer).unwrap();
    }
    assert_eq!(world.bed(bed).state, BedState::Free);
    assert_eq!(world.all.passes.len(), 2);

    // The same death restored: they declined this vacancy.
    let mut restored = world.clone();
    restored.tell(FactKind::Reversed, grandmother, CASE, "2026-03-11");
    restored.tell(FactKind::Confirmed, grandmother, CASE, "2026-03-11");
    assert_eq!(restored.bed(bed).state, BedState::Free);

    // Another death, whether the reversal between was heard or not.
    let mut missed = world.clone();
    missed.tell(FactKind::Confirmed, grandmother, CASE + 1, "2027-03-10");
    world.tell(FactKind::Reversed, grandmother, CASE, "2026-03-11");
    world.tell(FactKind::Confirmed, grandmother, CASE + 1, "2027-03-10");
    assert_eq!(world.fingerprint(), missed.fingerprint());
    let offer = world.open_offer(next).unwrap().id;
    world.accept(offer).unwrap();
    assert!(
        world.all.passes.is_empty(),
        "let anew, nobody's passing matters"
    );
}

#[test]
fn of_two_displaced_residents_the_longer_one_comes_first() {
    let mut world = World::new();
    let facility = world.add_facility("花溪养老院");
    let (one, two) = (
        world.add_bed(facility, "1-1"),
        world.add_bed(facility, "1-2"),
    );
    let (longer, shorter) = (person(9), person(1));
    world.place(longer, one).unwrap();
    world.pass_hours(24);
    world.place(shorter, two).unwrap();
    for (resident, bed, tenant) in [(longer, one, person(5)), (shorter, two, person(6))] {
        world.tell(FactKind::Confirmed, resident, CASE, "2026-03-02");
        world.place(tenant, bed).unwrap();
    }
    for order in [[longer, shorter], [shorter, longer]] {
        let mut world = world.clone();
        for resident in order {
            world.pass_hours(1);
            world.tell(FactKind::Reversed, resident, CASE, "2026-03-02");
        }
        let queue = world.all.queue(facility);
        let queue: Vec<Uuid> = queue.iter().map(|entry| entry.person_id).collect();
        assert_eq!(queue, [longer, shorter]);
    }
}
