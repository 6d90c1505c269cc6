//! Situation, carer and beginning, row by row.

use super::*;
use ParentSituationKind::*;

type Record<'a> = (Uuid, ParentSituationKind, &'a str, Option<&'a str>);

struct Case<'a> {
    name: &'a str,
    dead: &'a [(Uuid, &'a str)],
    records: &'a [Record<'a>],
    situation: Situation,
    since: &'a str,
}

fn since_text(since: Since) -> String {
    match since {
        Since::NotCounted => "-".to_owned(),
        Since::Month(month) => month.to_string(),
        Since::Unknown => "?".to_owned(),
    }
}

#[test]
fn situations_of_two_recorded_parents() {
    use Situation::*;
    let f = FATHER;
    let m = MOTHER;
    #[rustfmt::skip]
    let cases = [
        Case { name: "nothing", dead: &[], records: &[], situation: TwoParents, since: "-" },
        Case { name: "father dead", dead: &[(f, "2026-03-04")], records: &[], situation: OneParent, since: "2026-04" },
        Case { name: "month only", dead: &[(f, "2026-03")], records: &[], situation: OneParent, since: "2026-04" },
        Case { name: "year only", dead: &[(f, "2025")], records: &[], situation: OneParent, since: "?" },
        Case { name: "this year", dead: &[(f, "2026")], records: &[], situation: OneParent, since: "?" },
        Case { name: "no date", dead: &[(f, "unknown")], records: &[], situation: OneParent, since: "?" },
        Case { name: "both dead", dead: &[(f, "2025-11-30"), (m, "2026-01-01")], records: &[], situation: Orphan, since: "2026-02" },
        Case { name: "both dead, the first undated", dead: &[(f, "2019"), (m, "2026-01-01")], records: &[], situation: Orphan, since: "2026-02" },
        Case { name: "both dead, the last undated", dead: &[(f, "2019-01"), (m, "2026")], records: &[], situation: Orphan, since: "?" },
        Case { name: "both dead, undated but before", dead: &[(f, "unknown"), (m, "2026-03-20")], records: &[], situation: Orphan, since: "2026-04" },
        Case { name: "dead before the birth", dead: &[(f, "2016-12-01")], records: &[], situation: OneParent, since: "2017-02" },
        Case { name: "dead and missing", dead: &[(f, "2025-01-01")], records: &[(m, DeclaredMissing, "2025-06-01", None)], situation: Orphan, since: "2025-07" },
        Case { name: "dead and in prison", dead: &[(f, "2025-01-01")], records: &[(m, Imprisoned, "2026-02-01", Some("2028-02-01"))], situation: DeFactoUnsupported, since: "2026-03" },
        Case { name: "dead and a short term", dead: &[(f, "2025-01-01")], records: &[(m, Imprisoned, "2026-02-01", Some("2026-07-31"))], situation: OneParent, since: "2025-02" },
        Case { name: "dead and exactly six months", dead: &[(f, "2025-01-01")], records: &[(m, Imprisoned, "2026-02-01", Some("2026-08-01"))], situation: DeFactoUnsupported, since: "2026-03" },
        Case { name: "dead and an open term, five months", dead: &[(f, "2025-01-01")], records: &[(m, CompulsoryRehabilitation, "2025-09-21", None)], situation: OneParent, since: "2025-02" },
        Case { name: "dead and an open term, six months", dead: &[(f, "2025-01-01")], records: &[(m, CompulsoryRehabilitation, "2025-09-20", None)], situation: DeFactoUnsupported, since: "2026-04" },
        Case { name: "dead and out of contact", dead: &[(f, "2025-01-01")], records: &[(m, OutOfContact, "2025-07-15", None)], situation: DeFactoUnsupported, since: "2026-02" },
        Case { name: "both in the set", dead: &[], records: &[(f, SeverelyIll, "2025-01-01", None), (m, Deported, "2025-10-01", None)], situation: DeFactoUnsupported, since: "2025-11" },
        Case { name: "one in the set", dead: &[], records: &[(f, SeverelyDisabled, "2025-01-01", None)], situation: OneParent, since: "2025-02" },
        Case { name: "missing and in the set", dead: &[], records: &[(f, DeclaredMissing, "2025-01-01", None), (m, GuardianshipRevoked, "2025-03-01", None)], situation: DeFactoUnsupported, since: "2025-04" },
        Case { name: "a term that is over", dead: &[(f, "2025-01-01")], records: &[(m, Imprisoned, "2025-02-01", Some("2025-10-01"))], situation: OneParent, since: "2025-11" },
        Case { name: "one set after the other", dead: &[(f, "2025-01-01")], records: &[(m, Imprisoned, "2025-02-01", Some("2025-10-01")), (m, SeverelyIll, "2025-09-01", None)], situation: DeFactoUnsupported, since: "2025-03" },
    ];
    for case in cases {
        let facts: Vec<PersonFact> = case.dead.iter().map(|(id, on)| dead(*id, on)).collect();
        let mut child = child_with(&[father(), mother()], &[]);
        for (parent, kind, since, until) in case.records {
            record(&mut child, *parent, spell(*kind, since, *until));
        }
        for fact in &facts {
            child.hear(fact, &moment(TODAY), &mut counter());
        }
        assert_eq!(child.standing.situation, case.situation, "{}", case.name);
        assert_eq!(
            since_text(child.standing.since),
            case.since,
            "{}",
            case.name
        );
        assert_eq!(
            child.visit.is_some(),
            case.situation.is_unsupported(),
            "{}",
            case.name
        );
        let month_item = case.since == "?" && case.situation.is_unsupported();
        assert_eq!(child.month_item.is_some(), month_item, "{}", case.name);
    }
}

#[test]
fn a_suspected_parent_is_alive() {
    let suspected = PersonFact {
        life: Life::Suspected,
        fact_version: 1,
        ..alive(FATHER)
    };
    let child = child_with(
        &[father(), mother()],
        &[suspected, dead(MOTHER, "2026-03-01")],
    );
    assert_eq!(child.standing.situation, Situation::OneParent);
    assert_eq!(child.standing.carer, Some(Carer::Parent));
    assert_eq!(child.visit, None);
}

#[test]
fn a_missing_record_never_keeps_the_alarm_back() {
    let one = child_with(&[father()], &[]);
    assert_eq!(one.standing.situation, Situation::OneParent);
    assert_eq!(one.standing.since, Since::NotCounted);
    let gone = child_with(&[father()], &[dead(FATHER, "2026-03-01")]);
    assert_eq!(gone.standing.situation, Situation::Orphan);
    assert_eq!(urgency(&gone), Some(Urgency::Urgent));
    let mut lacking = child_with(&[father()], &[]);
    record(&mut lacking, FATHER, spell(Deported, "2026-01-01", None));
    assert_eq!(lacking.standing.situation, Situation::DeFactoUnsupported);
}

#[test]
fn without_any_parent_a_person_says_that_none_is_found() {
    let mut child = child_with(&[], &[]);
    assert_eq!(child.standing.situation, Situation::Unknown);
    assert_eq!(child.visit, None);
    assert!(child.fingerprint().is_empty());
    child
        .open_file(true, &moment(TODAY), &mut counter())
        .unwrap();
    assert_eq!(child.standing.situation, Situation::Orphan);
    assert_eq!(child.standing.since, Since::Month(month("2026-04")));
    assert_eq!(urgency(&child), Some(Urgency::Urgent));
}

#[test]
fn without_parents_the_loss_of_the_last_carer_alarms() {
    let guardian = kin(AUNT, Relation::Guardian, "1975-01-01");
    let kept = child_with(&[guardian], &[]);
    assert_eq!(
        (kept.standing.carer, kept.visit),
        (Some(Carer::Guardian), None)
    );
    let lost = child_with(&[guardian], &[dead(AUNT, "2026-03-01")]);
    assert_eq!(lost.standing.carer, Some(Carer::Nobody));
    assert_eq!(urgency(&lost), Some(Urgency::Urgent));
}

#[test]
fn carers_follow_the_order_of_guardians() {
    let guardian = kin(AUNT, Relation::Guardian, "1975-01-01");
    let young_guardian = kin(AUNT, Relation::Guardian, "2010-01-01");
    let elder = kin(SISTER, Relation::Sibling, "2008-03-20");
    let younger = kin(SISTER, Relation::Sibling, "2008-03-21");
    let undated = kin(SISTER, Relation::Sibling, "unknown");
    let cases: [(&[KinTold], &[Uuid], Carer); 8] = [
        (&[guardian, grandmother(), elder], &[], Carer::Guardian),
        (&[young_guardian, grandmother()], &[], Carer::Grandparent),
        (
            &[guardian, grandmother(), elder],
            &[AUNT],
            Carer::Grandparent,
        ),
        (
            &[guardian, grandmother(), elder],
            &[AUNT, GRANDMOTHER],
            Carer::AdultSibling,
        ),
        (&[elder], &[], Carer::AdultSibling),
        (&[younger], &[], Carer::Nobody),
        (&[undated], &[], Carer::Nobody),
        (
            &[grandmother(), elder],
            &[GRANDMOTHER, SISTER],
            Carer::Nobody,
        ),
    ];
    for (around, others_dead, carer) in cases {
        let mut all = vec![father(), mother()];
        all.extend(around);
        let mut facts = vec![dead(FATHER, "2026-02-01"), dead(MOTHER, "2026-02-01")];
        facts.extend(others_dead.iter().map(|id| dead(*id, "2026-02-02")));
        let child = child_with(&all, &facts);
        assert_eq!(child.standing.carer, Some(carer), "{around:?}");
        let wanted = if carer == Carer::Nobody {
            Urgency::Urgent
        } else {
            Urgency::Alarm
        };
        assert_eq!(urgency(&child), Some(wanted));
    }
}

#[test]
fn whoever_is_of_age_is_not_followed() {
    let at = moment(TODAY);
    let follow = |birth: &str, own: PersonFact| {
        let told = told(birth, &[father()]);
        let stream = KinshipSource::Stream;
        Child::from_kinship(CHILD, &told, stream, &own, &[], &at, &mut counter()).is_some()
    };
    assert!(follow("2008-03-21", alive(CHILD)));
    assert!(!follow("2008-03-20", alive(CHILD)));
    assert!(
        follow("2008", alive(CHILD)),
        "the last possible day protects longest"
    );
    assert!(!follow("unknown", alive(CHILD)));
    assert!(
        follow("2008-03-20", dead(CHILD, "2026-03-19")),
        "died under age"
    );
    assert!(!follow("2008-03-20", dead(CHILD, "2026-03-20")));
}

#[test]
fn codes_are_stable_both_ways() {
    for kind in ParentSituationKind::ALL {
        assert_eq!(kind.code().parse(), Ok(*kind));
    }
    for situation in Situation::ALL {
        assert_eq!(situation.code().parse(), Ok(*situation));
    }
    assert_eq!("aunt".parse::<Relation>(), Err(UnknownCode("Relation")));
    let causes = [
        Cause::Death {
            person_id: FATHER,
            case_id: None,
        },
        Cause::Spell {
            person_id: FATHER,
            kind: Imprisoned,
            since: TODAY,
        },
        Cause::GuardianshipEnded {
            person_id: AUNT,
            until: TODAY,
        },
    ];
    let visit = Visit {
        level: Level {
            rank: 2,
            nobody: true,
        },
        causes: causes.into(),
    };
    let json = serde_json::to_string(&visit).unwrap();
    assert!(json.contains("2026-03-20"));
    assert_eq!(serde_json::from_str::<Visit>(&json).unwrap(), visit);
}
