//! A record around the child turns out to be somebody else's.

use super::*;
use ParentSituationKind::*;

const UNCLEAR: Uuid = Uuid::from_u128(99);

fn with_unclear_father() -> Child {
    let unclear = kin(UNCLEAR, Relation::Parent, "unknown");
    child_with(&[unclear, mother()], &[])
}

#[test]
fn the_survivor_takes_the_place_and_its_own_fate() {
    let at = moment(TODAY);
    let mut child = with_unclear_father();
    let change = child.merge_person(UNCLEAR, &dead(FATHER, "2026-02-01"), &at, &mut counter());
    assert_eq!(child.standing.situation, Situation::OneParent);
    assert_eq!(change.shares.get(&FATHER), Some(&Share::Done));
    assert_eq!(change.shares.get(&UNCLEAR), Some(&Share::Nothing));
    assert!(!child.relatives.contains_key(&UNCLEAR));
    let told_first = child_with(&[father(), mother()], &[dead(FATHER, "2026-02-01")]);
    assert_eq!(child.standing, told_first.standing);
    let again = child.merge_person(UNCLEAR, &dead(FATHER, "2026-02-01"), &at, &mut counter());
    assert_eq!(again, Change::default());
}

#[test]
fn a_death_of_the_record_that_went_is_forgotten() {
    let at = moment(TODAY);
    let mut child = with_unclear_father();
    child.hear(&dead(UNCLEAR, "2026-02-01"), &at, &mut counter());
    assert_eq!(child.standing.situation, Situation::OneParent);
    child.merge_person(UNCLEAR, &alive(FATHER), &at, &mut counter());
    assert_eq!(child.standing.situation, Situation::TwoParents);
}

#[test]
fn what_was_recorded_of_both_is_kept() {
    let at = moment(TODAY);
    let unclear = kin(UNCLEAR, Relation::Parent, "unknown");
    let mut child = child_with(&[unclear, father(), mother()], &[]);
    record(&mut child, FATHER, spell(SeverelyIll, "2026-01-01", None));
    record(&mut child, UNCLEAR, spell(Deported, "2025-01-01", None));
    child.merge_person(UNCLEAR, &alive(FATHER), &at, &mut counter());
    let kinds: Vec<_> = child.relatives[&FATHER]
        .spells
        .iter()
        .map(|it| it.kind)
        .collect();
    assert_eq!(kinds, [Deported, SeverelyIll]);
    assert_eq!(child.standing.situation, Situation::OneParent);
}

#[test]
fn a_childs_own_record_that_goes_leaves_nothing_open() {
    let at = moment(TODAY);
    let facts = [dead(FATHER, "2026-02-01"), dead(MOTHER, "2026-03-01")];
    let mut child = child_with(&[father(), mother()], &facts);
    let change = child.merge_person(CHILD, &alive(TEEN), &at, &mut counter());
    assert_eq!(child.visit, None);
    assert_eq!(change.shares.get(&FATHER), Some(&Share::Nothing));
    assert!(child.fingerprint().is_empty());
}
