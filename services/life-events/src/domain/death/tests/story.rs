//! The story of one family, and every order of its five reports.

use jiff::civil::date as day;
use minzheng_chassis::person::FactKind::{Confirmed, Corrected, Reversed, Suspected};
use minzheng_chassis::problem::DomainError;

use super::desk::*;
use crate::domain::death::*;
use uuid::Uuid;

fn father() -> Uuid {
    id(1)
}
fn mother() -> Uuid {
    id(2)
}
fn grandmother() -> Uuid {
    id(3)
}

/// Whom each of the five reports of steps 1 to 3 is about, and what it says.
fn reports() -> [(Uuid, Report); 5] {
    [
        (
            father(),
            said(Source::MedicalCertificate, "H-1", "2026-03-02"),
        ),
        (father(), said(Source::Village, "V-1", "2026-03")),
        (
            mother(),
            said(Source::MedicalCertificate, "H-2", "2026-03-05"),
        ),
        (
            grandmother(),
            said(Source::CareFacility, "F-1", "2026-03-08"),
        ),
        (
            grandmother(),
            said(Source::HouseholdCancellation, "P-1", "2026-03-08"),
        ),
    ]
}

/// What a department says: the orphans' alarms are the one thing that needs a person.
fn outcome(fact: &Fact, department: &str) -> Outcome {
    match department {
        "child-welfare" if fact.person_id == mother() => Outcome::NeedsHuman,
        "child-welfare" => Outcome::NothingToDo,
        _ => Outcome::Done,
    }
}

fn answer_all(desk: &mut Desk, person: Uuid) {
    let fact = desk
        .facts
        .iter()
        .rfind(|fact| fact.person_id == person)
        .unwrap()
        .clone();
    for step in PLAN.steps {
        let receipt = desk.receipt(&fact, step.department, outcome(&fact, step.department));
        desk.give(person, &receipt).unwrap();
    }
}

#[test]
fn the_story() {
    let mut desk = Desk::new();
    let [hospital, village, mothers, facility, police] = reports();

    // 1. Two reports of the father, one case.
    desk.file(hospital.0, hospital.1).unwrap();
    assert_eq!(desk.phase(father()), Phase::Notifying);
    desk.file(village.0, village.1).unwrap();
    assert_eq!(desk.case(father()).evidence.len(), 2);
    assert_eq!(desk.kinds(father()), [Confirmed]);
    assert!(desk.case(father()).conflict.is_none());
    answer_all(&mut desk, father());
    assert_eq!(desk.phase(father()), Phase::Finished);
    assert!(waiting(desk.case(father())).is_empty());

    // 2. The mother: two visit alarms.
    desk.file(mothers.0, mothers.1).unwrap();
    answer_all(&mut desk, mother());
    assert_eq!(desk.phase(mother()), Phase::Settled);

    // 3. The grandmother: suspected, then confirmed.
    desk.file(facility.0, facility.1).unwrap();
    assert_eq!(desk.phase(grandmother()), Phase::Suspected);
    assert_eq!(desk.open_items(grandmother()), [ItemKind::VerifyDeath]);
    assert_eq!(desk.case(grandmother()).due_at(), Some(due(START, 15)));
    desk.file(police.0, police.1).unwrap();
    assert_eq!(desk.kinds(grandmother()), [Suspected, Confirmed]);
    assert!(desk.open_items(grandmother()).is_empty());
    answer_all(&mut desk, grandmother());
    assert_eq!(desk.phase(grandmother()), Phase::Finished);

    // 4. It was another woman.
    let request = ReversalRequest {
        id: id(77),
        prepared_by: "clerk-1".to_owned(),
        reason: "another woman of that name".to_owned(),
        revoked_on: None,
    };
    desk.give(grandmother(), &Input::ReversalPrepared(request))
        .unwrap();
    let by = |clerk: &str| {
        Input::ReversalDecided(ReversalDecision {
            reversal_id: id(77),
            decided_by: clerk.to_owned(),
            approved: true,
        })
    };
    let refused = desk.give(grandmother(), &by("clerk-1")).unwrap_err();
    assert_eq!(refused.reason(), "FOUR_EYES");
    desk.give(grandmother(), &by("clerk-2")).unwrap();
    assert_eq!(desk.phase(grandmother()), Phase::Reversing);
    answer_all(&mut desk, grandmother());
    assert_eq!(desk.phase(grandmother()), Phase::Reversed);

    // 5. The mother's date, corrected by a month.
    let correction = Input::Corrected {
        died_on: date("2026-02-05"),
        cause: CorrectionCause::Formal,
        ruling: Ruling::default(),
    };
    let step = desk.give(mother(), &correction).unwrap();
    let fact = step.fact().unwrap();
    assert_eq!((fact.kind, fact.fact_version), (Corrected, 2));
    assert_eq!(fact.cause, Some(Cause::FormalCorrection));
    assert_eq!(desk.phase(mother()), Phase::Notifying);
    answer_all(&mut desk, mother());
    assert_eq!(desk.phase(mother()), Phase::Settled);
    assert!(desk.case(mother()).conflict.is_none());
    assert_eq!(clearance(desk.case(mother()), 2), []);

    // 6. The grandmother, a year later.
    desk.today = day(2027, 3, 10);
    desk.file(
        grandmother(),
        said(Source::CareFacility, "F-2", "2027-03-09"),
    )
    .unwrap();
    desk.file(
        grandmother(),
        said(Source::HouseholdCancellation, "P-2", "2027-03-09"),
    )
    .unwrap();
    answer_all(&mut desk, grandmother());
    let case = desk.case(grandmother());
    assert_eq!(
        (case.episode, case.phase, case.fact_version),
        (2, Phase::Finished, 5)
    );
    let told = [Suspected, Confirmed, Reversed, Suspected, Confirmed];
    assert_eq!(desk.kinds(grandmother()), told);
}

/// How departments answer while reports come in.
#[derive(Clone, Copy)]
enum Answering {
    /// At once, before the next report.
    AtOnce,
    /// Once all reports are in, older facts' receipts among them.
    AtTheEnd,
    /// Some now, some later, in any order.
    Anyhow,
}

fn play(order: &[usize], seed: u64, answering: Answering) -> [Fingerprint; 3] {
    let mut dice = Dice::new(seed);
    let mut desk = Desk::new();
    let mut told: Vec<usize> = order.to_vec();
    for index in order {
        let first = told.iter().position(|known| known == index).unwrap();
        let place = first + 1 + dice.below(told.len() - first);
        told.insert(place, *index);
    }
    let mut receipts = Vec::new();
    for index in told {
        let (person, report) = reports()[index].clone();
        let step = desk.file(person, report).unwrap();
        if let Some(fact) = step.fact() {
            for step in PLAN.steps {
                let receipt = desk.receipt(fact, step.department, outcome(fact, step.department));
                receipts.push((fact.case_id, receipt));
            }
        }
        let now = match answering {
            Answering::AtOnce => receipts.len(),
            Answering::AtTheEnd => 0,
            Answering::Anyhow => dice.below(receipts.len() + 1),
        };
        dice.shuffle(&mut receipts);
        for (case, receipt) in receipts.split_off(receipts.len() - now) {
            desk.give_case(case, &receipt).unwrap();
        }
    }
    for (case, receipt) in receipts {
        desk.give_case(case, &receipt).unwrap();
    }
    assert_eq!(desk.cases.len(), 3, "one case per person");
    [father(), mother(), grandmother()].map(|person| desk.fingerprint(person))
}

#[test]
fn every_order_of_the_five_reports_ends_alike() {
    let expected = play(&[0, 1, 2, 3, 4], 0, Answering::AtOnce);
    assert_eq!(expected[0].phase, Phase::Finished);
    assert_eq!(expected[0].died_on, date("2026-03-02"));
    assert_eq!(expected[1].phase, Phase::Settled);
    assert_eq!(expected[2].phase, Phase::Finished);
    let all = orders(5);
    assert_eq!(all.len(), 120);
    for (seed, order) in (1..).zip(all) {
        for answering in [Answering::AtOnce, Answering::AtTheEnd, Answering::Anyhow] {
            assert_eq!(
                play(&order, seed, answering),
                expected,
                "order {order:?}, seed {seed}"
            );
        }
    }
}
