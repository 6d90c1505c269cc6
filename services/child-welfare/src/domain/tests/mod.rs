//! Tests of the rules: tables, the foundation's story, and every order of arrival.

use jiff::Timestamp;
use jiff::civil::{Date, date};
use minzheng_chassis::civil::{Month, PartialDate, instant_at_start_of};
use minzheng_chassis::division::DivisionCode;
use uuid::Uuid;

use super::*;

mod commands;
mod derivation;
mod merging;
mod order;
mod story;
mod time;
mod world;

const TODAY: Date = date(2026, 3, 20);

const RULES: Rules = Rules {
    separation_months: 6,
    visit_hours: 24,
    month_days: 15,
};

const CHILD: Uuid = Uuid::from_u128(1);
const TEEN: Uuid = Uuid::from_u128(2);
const FATHER: Uuid = Uuid::from_u128(11);
const MOTHER: Uuid = Uuid::from_u128(12);
const GRANDMOTHER: Uuid = Uuid::from_u128(13);
const SISTER: Uuid = Uuid::from_u128(14);
const AUNT: Uuid = Uuid::from_u128(15);

fn moment(day: Date) -> Moment {
    let noon = instant_at_start_of(day).as_second() + 12 * 3600;
    Moment {
        now: Timestamp::from_second(noon).unwrap(),
        rules: RULES,
    }
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn partial(text: &str) -> PartialDate {
    text.parse().unwrap()
}

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

fn kin(person_id: Uuid, relation: Relation, birth: &str) -> KinTold {
    KinTold {
        person_id,
        relation,
        birth_date: partial(birth),
    }
}

fn father() -> KinTold {
    kin(FATHER, Relation::Parent, "1980-01-01")
}

fn mother() -> KinTold {
    kin(MOTHER, Relation::Parent, "1982-02-02")
}

fn grandmother() -> KinTold {
    kin(GRANDMOTHER, Relation::Grandparent, "1948-03-03")
}

/// A sister who comes of age on 2026-06-15.
fn sister() -> KinTold {
    kin(SISTER, Relation::Sibling, "2008-06-15")
}

fn told(birth: &str, kin: &[KinTold]) -> KinshipTold {
    KinshipTold {
        birth_date: partial(birth),
        division: DivisionCode::from_number(520_102_016_001).unwrap(),
        kin: kin.to_vec(),
    }
}

fn alive(person_id: Uuid) -> PersonFact {
    PersonFact {
        person_id,
        life: Life::Alive,
        fact_version: 0,
        case_id: None,
    }
}

fn dead(person_id: Uuid, died_on: &str) -> PersonFact {
    PersonFact {
        person_id,
        life: Life::Dead {
            died_on: partial(died_on),
        },
        fact_version: 1,
        case_id: Some(Uuid::from_u128(900)),
    }
}

/// Ids in order, beginning far from the persons'.
fn counter() -> impl FnMut() -> Uuid {
    let mut next = 1_000_000_u128;
    move || {
        next += 1;
        Uuid::from_u128(next)
    }
}

/// A child of nine with these kin, on `TODAY`.
fn child_with(kin: &[KinTold], facts: &[PersonFact]) -> Child {
    child_born("2017-01-10", kin, facts)
}

fn child_born(birth: &str, kin: &[KinTold], facts: &[PersonFact]) -> Child {
    let told = told(birth, kin);
    let at = moment(TODAY);
    let stream = KinshipSource::Stream;
    let made = Child::from_kinship(
        CHILD,
        &told,
        stream,
        &alive(CHILD),
        facts,
        &at,
        &mut counter(),
    );
    made.unwrap().0
}

fn spell(kind: ParentSituationKind, since: &str, term_until: Option<&str>) -> SituationRecord {
    SituationRecord {
        kind,
        since: day(since),
        term_until: term_until.map(day),
        legal_basis: "court document".to_owned(),
    }
}

fn record(child: &mut Child, parent: Uuid, record: SituationRecord) -> Change {
    let at = moment(TODAY);
    child
        .record_parent_situation(parent, record, &at, &mut counter())
        .unwrap()
}

fn urgency(child: &Child) -> Option<Urgency> {
    child.visit.map(|item| item.urgency)
}
