//! A person who moves while a case is open.

use minzheng_chassis::person::FactKind;
use uuid::Uuid;

use super::desk::*;
use crate::domain::death::*;

const P: Uuid = Uuid::from_u128(1);

fn moved(divisions: Divisions) -> Input {
    Input::Moved { divisions }
}

/// A confirmed death whose date is in conflict.
fn contested() -> Desk {
    let mut desk = Desk::new();
    let mut report = said(Source::MedicalCertificate, "1", "2026-03-02");
    report.statement.place = Some("520103".parse().unwrap());
    desk.file(P, report).unwrap();
    desk.file(P, said(Source::HouseholdCancellation, "2", "2026-01-02"))
        .unwrap();
    desk
}

#[test]
fn the_case_and_what_waits_stand_in_the_new_county() {
    let mut desk = contested();
    let place = desk.case(P).divisions.place;
    assert!(place.is_some());
    let step = desk.give(P, &moved(elsewhere())).unwrap();
    let expected = Divisions {
        place,
        ..elsewhere()
    };
    assert_eq!(step.case.divisions, expected, "where the death was stays");
    let item = items(&step.case)[0];
    assert_eq!(step.effects, [Effect::ChangeItem(item)]);
    assert_eq!(desk.item_divisions(), [elsewhere().standing]);
    assert_eq!(desk.kinds(P), [FactKind::Confirmed], "nothing is announced");

    let again = desk.give(P, &moved(elsewhere())).unwrap();
    assert_eq!(again.effects, [Effect::Noted(Note::Duplicate)]);

    let evidence_id = desk.case(P).evidence[1].id;
    let decided = Input::ConflictDecided { evidence_id };
    let step = desk.give(P, &decided).unwrap();
    let fact = step.fact().unwrap();
    assert_eq!(fact.kind, FactKind::Corrected);
    assert_eq!(fact.domicile, elsewhere().domicile, "the next fact says so");
}

#[test]
fn what_has_ended_stays_and_the_next_episode_begins_where_the_person_lives() {
    let mut desk = Desk::new();
    desk.file(P, said(Source::Village, "1", "2026-03")).unwrap();
    desk.give(P, &Input::Verified(Finding::Alive)).unwrap();
    let step = desk.give(P, &moved(elsewhere())).unwrap();
    assert_eq!(step.effects, [Effect::Noted(Note::NothingWaits)]);
    assert_eq!(step.case.divisions, divisions());

    let mut report = said(Source::Village, "2", "2026-03");
    report.opening.divisions = elsewhere();
    desk.file(P, report).unwrap();
    assert_eq!(desk.case(P).episode, 2);
    assert_eq!(desk.case(P).divisions, elsewhere());
    assert_eq!(desk.cases[0].divisions, divisions());
}
