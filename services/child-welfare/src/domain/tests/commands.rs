//! What people record, and what is refused.

use super::*;
use ParentSituationKind::*;

fn orphan() -> Child {
    let facts = [dead(FATHER, "2026-02-01"), dead(MOTHER, "2026-03-01")];
    child_with(&[father(), mother(), grandmother()], &facts)
}

fn will(guardian: PersonFact, birth: &str, since: &str) -> GuardianAppointment {
    GuardianAppointment {
        person: guardian,
        birth_date: partial(birth),
        basis: GuardianBasis::Will,
        since: day(since),
        legal_basis: "will of 2025".to_owned(),
    }
}

#[test]
fn a_guardian_by_will_means_no_urgent_placement() {
    let at = moment(TODAY);
    let mut child = orphan();
    let unable = child
        .record_carer_ability(GRANDMOTHER, false, &at, &mut counter())
        .unwrap();
    let item = child.visit.unwrap();
    assert!(
        unable
            .effects
            .contains(&Effect::ItemChanged(ItemKind::ChildVisit, item))
    );
    assert_eq!(item.urgency, Urgency::Urgent);
    let appointment = will(alive(AUNT), "1975-01-01", "2026-03-02");
    child
        .appoint_guardian(appointment, &at, &mut counter())
        .unwrap();
    assert_eq!(child.standing.carer, Some(Carer::Guardian));
    assert_eq!(
        child.visit,
        Some(OpenItem {
            urgency: Urgency::Alarm,
            ..item
        }),
        "the same item"
    );
    child
        .end_guardianship(AUNT, day("2026-03-20"), &at, &mut counter())
        .unwrap();
    assert_eq!(child.standing.carer, Some(Carer::Nobody));
    assert_eq!(urgency(&child), Some(Urgency::Urgent));
}

#[test]
fn a_visit_is_due_in_a_day_and_covers_what_it_saw() {
    let at = moment(TODAY);
    let mut child = orphan();
    let item = child.visit.unwrap();
    assert_eq!(item.due_at.as_second() - at.now.as_second(), 24 * 3600);
    let mut ids = counter();
    ids();
    let change = child
        .complete_visit(item.id, VisitOutcome::CaredFor, &at, &mut ids)
        .unwrap();
    let completed = Effect::ItemCompleted(ItemKind::ChildVisit, item.id, "cared_for");
    assert_eq!(change.effects, [completed]);
    assert_eq!(change.shares.get(&FATHER), Some(&Share::Done));
    assert_eq!(change.shares.get(&MOTHER), Some(&Share::Done));
    for fact in [dead(FATHER, "2026-02-01"), dead(MOTHER, "2026-03-01")] {
        assert_eq!(child.hear(&fact, &at, &mut ids), Change::default());
    }
    let unable = child
        .record_carer_ability(GRANDMOTHER, false, &at, &mut ids)
        .unwrap();
    assert!(matches!(
        unable.effects[1],
        Effect::ItemOpened(ItemKind::ChildVisit, _)
    ));
    assert_eq!(urgency(&child), Some(Urgency::Urgent));
    let again = child.complete_visit(item.id, VisitOutcome::Placed, &at, &mut ids);
    assert_eq!(again, Err(ChildWelfareError::ItemNotOpen));
}

#[test]
fn a_child_that_was_not_reached_is_visited_again() {
    let at = moment(TODAY);
    let mut child = orphan();
    let first = child.visit.unwrap();
    let mut ids = counter();
    ids();
    child
        .complete_visit(first.id, VisitOutcome::NotReached, &at, &mut ids)
        .unwrap();
    let second = child.visit.unwrap();
    assert_ne!(second.id, first.id);
    assert_eq!(second.urgency, Urgency::Alarm);
}

#[test]
fn a_loss_after_a_return_is_visited_again() {
    let at = moment(TODAY);
    let mut ids = counter();
    let mut child = orphan();
    let fact = |version, life| PersonFact {
        person_id: GRANDMOTHER,
        life,
        fact_version: version,
        case_id: Some(Uuid::from_u128(700 + version as u128)),
    };
    let died = Life::Dead {
        died_on: partial("2026-03-10"),
    };
    child.hear(&fact(1, died), &at, &mut ids);
    let item = child.visit.unwrap();
    assert_eq!(item.urgency, Urgency::Urgent);
    child
        .complete_visit(item.id, VisitOutcome::Placed, &at, &mut ids)
        .unwrap();
    child.hear(&fact(2, Life::Alive), &at, &mut ids);
    assert_eq!(
        child.visit, None,
        "an orphan cared for by its grandmother was seen"
    );
    child.hear(&fact(3, died), &at, &mut ids);
    assert_eq!(
        urgency(&child),
        Some(Urgency::Urgent),
        "another episode is another loss"
    );
}

#[test]
fn a_month_that_cannot_be_computed_is_determined_by_a_person() {
    let at = moment(TODAY);
    let mut ids = counter();
    let facts = [dead(FATHER, "2026-02-01"), dead(MOTHER, "2026")];
    let mut child = child_with(&[father(), mother(), grandmother()], &facts);
    assert_eq!(child.standing.since, Since::Unknown);
    let item = child.month_item.unwrap();
    let late = child.determine_start_month(Some(month("2026-05")), &at, &mut ids);
    assert_eq!(late, Err(ChildWelfareError::MonthInFuture));
    let change = child
        .determine_start_month(Some(month("2026-03")), &at, &mut ids)
        .unwrap();
    let completed = Effect::ItemCompleted(ItemKind::DetermineMonth, item.id, "determined");
    assert_eq!(change.effects, [completed, Effect::StandingChanged]);
    assert_eq!(child.standing.since, Since::Month(month("2026-03")));
    assert_eq!(child.month_item, None);
    let visit = child.visit.unwrap();
    let open = Share::NeedsHuman {
        work_item_id: visit.id,
    };
    assert_eq!(
        child.shares().get(&FATHER),
        Some(&open),
        "the visit is still open"
    );
    let corrected = PersonFact {
        fact_version: 2,
        ..dead(MOTHER, "2026-01")
    };
    child.hear(&corrected, &at, &mut ids);
    assert_eq!(
        child.standing.since,
        Since::Month(month("2026-03")),
        "father died later"
    );
    let again = child.determine_start_month(None, &at, &mut ids);
    assert_eq!(again, Err(ChildWelfareError::MonthNotNeeded));
}

#[test]
fn a_situation_that_ended_is_ended() {
    let at = moment(TODAY);
    let mut ids = counter();
    let facts = [dead(FATHER, "2025-02-01")];
    let mut child = child_with(&[father(), mother()], &facts);
    record(
        &mut child,
        MOTHER,
        spell(Imprisoned, "2025-06-01", Some("2027-06-01")),
    );
    assert_eq!(child.standing.situation, Situation::DeFactoUnsupported);
    let item = child.visit.unwrap();
    let change = child
        .end_parent_situation(MOTHER, Imprisoned, day("2026-03-15"), &at, &mut ids)
        .unwrap();
    assert!(
        change
            .effects
            .contains(&Effect::ItemCancelled(ItemKind::ChildVisit, item.id))
    );
    assert_eq!(child.standing.situation, Situation::OneParent);
    assert_eq!(child.standing.since, Since::Month(month("2026-04")));
    record(
        &mut child,
        MOTHER,
        spell(Imprisoned, "2026-03-15", Some("2026-04-01")),
    );
    child
        .end_parent_situation(MOTHER, Imprisoned, day("2026-03-15"), &at, &mut ids)
        .unwrap();
    record(&mut child, MOTHER, spell(Imprisoned, "2026-03-16", None));
}

#[test]
fn refusals_change_nothing() {
    use ChildWelfareError as E;
    let at = moment(TODAY);
    let ids = &mut counter();
    let clean = child_with(
        &[father(), mother(), grandmother(), sister()],
        &[dead(FATHER, "2026-02-01")],
    );
    let mut child = clean.clone();
    let ill = |since, until| spell(SeverelyIll, since, until);
    let long = SituationRecord {
        legal_basis: "字".repeat(201),
        ..ill("2026-01-01", None)
    };
    let none = SituationRecord {
        legal_basis: " ".to_owned(),
        ..ill("2026-01-01", None)
    };
    let young = will(alive(AUNT), "2010-01-01", "2026-01-01");
    let past = day("2026-01-01");
    #[rustfmt::skip]
    let refused = [
        (child.record_parent_situation(GRANDMOTHER, ill("2026-01-01", None), &at, ids), E::NotAParent),
        (child.record_parent_situation(FATHER, ill("2026-01-01", None), &at, ids), E::ParentDead),
        (child.record_parent_situation(MOTHER, ill("2026-03-21", None), &at, ids), E::DateInFuture),
        (child.record_parent_situation(MOTHER, ill("2026-01-01", Some("2026-01-01")), &at, ids), E::DatesReversed),
        (child.record_parent_situation(MOTHER, long, &at, ids), E::LegalBasisTooLong),
        (child.record_parent_situation(MOTHER, none, &at, ids), E::LegalBasisMissing),
        (child.end_parent_situation(MOTHER, SeverelyIll, past, &at, ids), E::SituationNotOpen),
        (child.appoint_guardian(young, &at, ids), E::GuardianIsMinor),
        (child.appoint_guardian(will(alive(CHILD), "2017-01-10", "2026-01-01"), &at, ids), E::GuardianIsChild),
        (child.appoint_guardian(will(alive(MOTHER), "1982-02-02", "2026-01-01"), &at, ids), E::GuardianIsParent),
        (child.appoint_guardian(will(dead(AUNT, "2020-01-01"), "1975-01-01", "2026-01-01"), &at, ids), E::GuardianDead),
        (child.appoint_guardian(will(alive(AUNT), "1975-01-01", "2026-04-01"), &at, ids), E::DateInFuture),
        (child.end_guardianship(GRANDMOTHER, past, &at, ids), E::NotAGuardian),
        (child.record_carer_ability(MOTHER, true, &at, ids), E::NotACandidate),
        (child.record_carer_ability(AUNT, true, &at, ids), E::NotACandidate),
        (child.open_file(true, &at, ids), E::ParentsRecorded),
        (child.determine_start_month(None, &at, ids), E::MonthNotNeeded),
        (child.complete_visit(AUNT, VisitOutcome::NoNeed, &at, ids), E::ItemNotOpen),
    ];
    for (answer, reason) in refused {
        assert_eq!(answer, Err(reason));
        assert!(!reason.chinese().is_empty());
    }
    assert_eq!(child, clean);

    record(&mut child, MOTHER, ill("2026-01-01", None));
    let twice = child.record_parent_situation(MOTHER, ill("2026-02-01", None), &at, ids);
    assert_eq!(twice, Err(E::SituationAlreadyRecorded));
    child.open_file(false, &at, ids).unwrap();
    assert_eq!(child.open_file(false, &at, ids), Err(E::FileAlreadyOpen));
    child
        .record_carer_ability(GRANDMOTHER, false, &at, ids)
        .unwrap();
    let unable = child.appoint_guardian(
        will(alive(GRANDMOTHER), "1948-03-03", "2026-01-01"),
        &at,
        ids,
    );
    assert_eq!(unable, Err(E::GuardianUnable));
    child.hear(&dead(CHILD, "2026-03-01"), &at, ids);
    assert_eq!(
        child.record_carer_ability(GRANDMOTHER, true, &at, ids),
        Err(E::ChildDead)
    );
    let grown = moment(day("2035-01-10"));
    child.hear(
        &PersonFact {
            fact_version: 2,
            ..alive(CHILD)
        },
        &grown,
        ids,
    );
    assert_eq!(
        child.record_carer_ability(GRANDMOTHER, true, &grown, ids),
        Err(E::NotAMinor)
    );
}
