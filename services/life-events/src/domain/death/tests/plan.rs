//! The plan and what it asks.

use std::collections::BTreeSet;

use minzheng_chassis::person::FactKind;
use minzheng_proto::death_plan;

use super::{PLAN, PLANS, Plan, action};

const KINDS: [FactKind; 5] = [
    FactKind::Suspected,
    FactKind::Lifted,
    FactKind::Confirmed,
    FactKind::Corrected,
    FactKind::Reversed,
];

fn codes(kind: FactKind) -> Vec<&'static str> {
    PLAN.asks(kind).map(|(_, action)| action.code).collect()
}

#[test]
fn what_each_fact_asks() {
    assert_eq!(codes(FactKind::Suspected), ["pause-contact", "hold-bed"]);
    assert_eq!(codes(FactKind::Lifted), ["resume-contact", "restore-stay"]);
    assert_eq!(
        codes(FactKind::Confirmed),
        [
            "mark-deceased",
            "end-stay",
            "release-bed",
            "close-child-file",
            "assess-dependants"
        ]
    );
    assert_eq!(
        codes(FactKind::Corrected),
        [
            "correct-date",
            "recount-days",
            "correct-child-file",
            "assess-dependants"
        ]
    );
    assert_eq!(
        codes(FactKind::Reversed),
        [
            "mark-alive",
            "restore-stay",
            "reopen-child-file",
            "assess-dependants"
        ]
    );
}

#[test]
fn every_plan_is_well_formed() {
    for plan in PLANS {
        let departments: BTreeSet<_> = plan.steps.iter().map(|step| step.department).collect();
        assert_eq!(
            departments.len(),
            plan.steps.len(),
            "one entry per department"
        );
        for kind in KINDS {
            let asked: Vec<_> = plan.asks(kind).collect();
            for (step, asked) in &asked {
                assert_eq!(
                    step.department, asked.department,
                    "asked of whom it belongs to"
                );
                assert_eq!(action(asked.department, asked.code), Some(*asked));
            }
            let distinct: BTreeSet<_> = asked.iter().map(|(_, action)| action).collect();
            assert_eq!(distinct.len(), asked.len(), "an action is asked once");
        }
        for step in plan.steps {
            assert!(step.answer_within.0 > 0);
            let facts: BTreeSet<_> = step.on.iter().map(|(kind, _)| kind).collect();
            assert_eq!(facts.len(), step.on.len(), "a fact is listed once");
        }
    }
}

#[test]
fn every_action_is_asked_by_some_fact() {
    let asked: BTreeSet<_> = KINDS
        .iter()
        .flat_map(|kind| PLAN.asks(*kind))
        .map(|(_, action)| action)
        .collect();
    assert_eq!(asked, death_plan::ALL.iter().copied().collect());
}

#[test]
fn plans_are_found_by_version() {
    let versions: BTreeSet<_> = PLANS.iter().map(|plan| plan.version).collect();
    assert_eq!(versions.len(), PLANS.len());
    assert_eq!(Plan::of_version(1), Some(&PLAN));
    assert_eq!(Plan::of_version(0), None);
    assert_eq!(action("elderly-care", "mark-alive"), None);
}
