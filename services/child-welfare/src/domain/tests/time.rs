//! What time alone changes.

use super::*;
use ParentSituationKind::*;

#[test]
fn the_eighteenth_birthday_ends_everything() {
    let facts = [dead(FATHER, "2026-02-01"), dead(MOTHER, "2026-03-01")];
    let mut child = child_born("2008-04-01", &[father(), mother()], &facts);
    assert_eq!(urgency(&child), Some(Urgency::Urgent));
    assert_eq!(child.next_review_on(TODAY, &RULES), Some(day("2026-04-01")));
    let eve = child.review(&moment(day("2026-03-31")), &mut counter());
    assert_eq!(eve, Change::default());
    let item = child.visit.unwrap();
    let change = child.review(&moment(day("2026-04-01")), &mut counter());
    let cancelled = Effect::ItemCancelled(ItemKind::ChildVisit, item.id);
    assert_eq!(change.effects, [Effect::StandingChanged, cancelled]);
    assert_eq!(child.standing.situation, Situation::Grown);
    assert_eq!(
        change.shares.get(&FATHER),
        Some(&Share::Done),
        "it was a child at the death"
    );
    assert_eq!(child.next_review_on(day("2026-04-01"), &RULES), None);
    assert!(child.fingerprint().is_empty());
}

#[test]
fn six_months_pass() {
    let mut child = child_with(&[father(), mother()], &[dead(FATHER, "2025-02-01")]);
    record(&mut child, MOTHER, spell(OutOfContact, "2025-10-05", None));
    assert_eq!(child.standing.situation, Situation::OneParent);
    assert_eq!(child.next_review_on(TODAY, &RULES), Some(day("2026-04-05")));
    child.review(&moment(day("2026-04-05")), &mut counter());
    assert_eq!(child.standing.situation, Situation::DeFactoUnsupported);
    assert_eq!(child.standing.since, Since::Month(month("2026-05")));
    assert_eq!(urgency(&child), Some(Urgency::Urgent));
}

#[test]
fn a_sister_comes_of_age() {
    let facts = [dead(FATHER, "2026-02-01"), dead(MOTHER, "2026-03-01")];
    let mut child = child_with(&[father(), mother(), sister()], &facts);
    assert_eq!(urgency(&child), Some(Urgency::Urgent));
    assert_eq!(child.next_review_on(TODAY, &RULES), Some(day("2026-06-15")));
    child.review(&moment(day("2026-06-15")), &mut counter());
    assert_eq!(child.standing.carer, Some(Carer::AdultSibling));
    assert_eq!(urgency(&child), Some(Urgency::Alarm));
}

#[test]
fn nothing_is_reviewed_where_nobody_would_see_it() {
    assert_eq!(
        child_with(&[father(), mother()], &[]).next_review_on(TODAY, &RULES),
        None
    );
}

#[test]
fn the_month_of_an_undated_death_does_not_depend_on_the_day_it_is_asked() {
    let mut child = child_with(&[father(), mother()], &[]);
    let at = moment(day("2026-01-05"));
    child.hear(&dead(FATHER, "2026"), &at, &mut counter());
    assert_eq!(child.standing.since, Since::Unknown);
    child.review(&moment(TODAY), &mut counter());
    assert_eq!(child.standing.since, Since::Unknown);
}

#[test]
fn a_file_closes_with_the_childs_death_and_opens_again() {
    let facts = [dead(FATHER, "2026-02-01"), dead(MOTHER, "2026-03-01")];
    let mut child = child_with(&[father(), mother(), grandmother()], &facts);
    let at = moment(TODAY);
    let mut ids = counter();
    ids();
    child
        .complete_visit(
            child.visit.unwrap().id,
            VisitOutcome::CaredFor,
            &at,
            &mut ids,
        )
        .unwrap();
    let before = child.fingerprint();
    child.hear(&dead(CHILD, "2026-03-15"), &at, &mut ids);
    assert_eq!(child.standing.situation, Situation::Closed);
    assert!(child.is_tracked());
    child.hear(
        &PersonFact {
            fact_version: 2,
            ..alive(CHILD)
        },
        &at,
        &mut ids,
    );
    assert_eq!(
        child.fingerprint(),
        before,
        "the visit that was made still counts"
    );
}
