//! The tables on both databases: what is written comes back, versions decide, scope hides.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, date};
use minzheng_chassis::civil::{Month, PartialDate, instant_at_start_of};
use minzheng_chassis::clock::{FakeClock, SharedClock};
use minzheng_chassis::db::Database;
use minzheng_chassis::db::writes::run_all;
use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::grpc::page::Page;
use minzheng_chassis::node::apply_migrations;
use minzheng_chassis::on_both_databases;
use minzheng_chassis::testing::{TestDatabase, clerk};
use minzheng_child_welfare::domain::{
    Answer, AskedFact, Carer, Child, DeathAnswer, FactKind, GuardianAppointment, GuardianBasis,
    KinTold, KinshipSource, KinshipTold, Life, Moment, Outcome, ParentSituationKind, PersonFact,
    Question, Relation, Share, Since, Situation, SituationRecord, VisitOutcome,
};
use minzheng_child_welfare::module;
use minzheng_child_welfare::storage::children::Filter;
use minzheng_child_welfare::storage::rules::{InForce, in_force};
use minzheng_child_welfare::storage::{answers, children};
use uuid::Uuid;

on_both_databases!(
    a_child_comes_back_as_it_was_written,
    a_version_is_written_once,
    the_caller_sees_its_own_divisions_only,
    reviews_are_due_on_their_day,
    answers_come_back_and_name_their_item,
    rules_are_the_provinces_even_outside_it,
);

const TODAY: Date = date(2026, 3, 20);
const VILLAGE: u64 = 520_102_016_001;

struct Ground {
    _database: TestDatabase,
    db: Database,
    rules: InForce,
}

async fn ground(database: TestDatabase) -> Ground {
    database.create(&["child-welfare"]).await.expect("created");
    let db = database.open("child-welfare").await.expect("opened");
    let now = instant_at_start_of(TODAY);
    let clock: SharedClock = std::sync::Arc::new(FakeClock::at(now));
    apply_migrations(&db, &module(), &clock)
        .await
        .expect("migrated");
    let village = DivisionCode::from_number(VILLAGE).unwrap();
    let rules = in_force(db.reader(), village, TODAY).await.expect("rules");
    Ground {
        _database: database,
        db,
        rules,
    }
}

fn partial(text: &str) -> PartialDate {
    text.parse().unwrap()
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
        life: Life::Dead {
            died_on: partial(died_on),
        },
        fact_version: 3,
        case_id: Some(Uuid::now_v7()),
        ..alive(person_id)
    }
}

/// Father dead in an unknown month, mother ill, grandmother unable, a guardian appointed.
struct Family {
    father: PersonFact,
    mother: Uuid,
    grandmother: Uuid,
    aunt: Uuid,
}

fn family() -> Family {
    Family {
        father: dead(Uuid::now_v7(), "2026"),
        mother: Uuid::now_v7(),
        grandmother: Uuid::now_v7(),
        aunt: Uuid::now_v7(),
    }
}

impl Ground {
    fn moment(&self) -> Moment {
        Moment {
            now: instant_at_start_of(TODAY),
            rules: self.rules.rules,
        }
    }

    fn child(&self, birth: &str, division: u64, family: &Family) -> Child {
        let kin = [
            (family.father.person_id, Relation::Parent, "1980-01-01"),
            (family.mother, Relation::Parent, "1982"),
            (family.grandmother, Relation::Grandparent, "1948-03"),
        ];
        let told = KinshipTold {
            birth_date: partial(birth),
            division: DivisionCode::from_number(division).unwrap(),
            kin: kin
                .map(|(person_id, relation, birth)| KinTold {
                    person_id,
                    relation,
                    birth_date: partial(birth),
                })
                .to_vec(),
        };
        let id = Uuid::now_v7();
        let (own, facts) = (alive(id), [family.father]);
        let stream = KinshipSource::Stream;
        let made = Child::from_kinship(
            id,
            &told,
            stream,
            &own,
            &facts,
            &self.moment(),
            &mut Uuid::now_v7,
        );
        made.expect("a child").0
    }

    async fn insert(&self, child: &Child) {
        let inserted = children::insert(self.db.writer(), child, &self.rules, TODAY).await;
        inserted.expect("inserted");
    }

    async fn stored(&self, id: Uuid) -> Child {
        let mut found = children::of_ids(self.db.reader(), &[id])
            .await
            .expect("read");
        found.pop().expect("it is there")
    }
}

async fn a_child_comes_back_as_it_was_written(database: TestDatabase) {
    let ground = ground(database).await;
    let family = family();
    let mut child = ground.child("2017-01", VILLAGE, &family);
    ground.insert(&child).await;
    child.version = 1;
    assert_eq!(ground.stored(child.id).await, child);

    let before = child.clone();
    let (at, ids) = (ground.moment(), &mut Uuid::now_v7);
    child.open_file(false, &at, ids).unwrap();
    let ill = SituationRecord {
        kind: ParentSituationKind::SeverelyIll,
        since: date(2026, 1, 1),
        term_until: Some(date(2030, 1, 1)),
        legal_basis: "诊断证明".to_owned(),
    };
    child
        .record_parent_situation(family.mother, ill, &at, ids)
        .unwrap();
    child
        .record_carer_ability(family.grandmother, false, &at, ids)
        .unwrap();
    let guardian = GuardianAppointment {
        person: alive(family.aunt),
        birth_date: partial("1985-05-05"),
        basis: GuardianBasis::Court,
        since: date(2026, 3, 1),
        legal_basis: "判决书".to_owned(),
    };
    child.appoint_guardian(guardian, &at, ids).unwrap();
    assert_eq!(child.standing.situation, Situation::DeFactoUnsupported);
    assert_eq!(child.standing.since, Since::Unknown);
    assert!(child.visit.is_some() && child.month_item.is_some());
    let db = ground.db.writer();
    children::update(db, &before, &child, &ground.rules, TODAY)
        .await
        .expect("saved");
    child.version = 2;
    assert_eq!(ground.stored(child.id).await, child);

    let before = child.clone();
    let visit = child.visit.unwrap().id;
    child
        .complete_visit(visit, VisitOutcome::CaredFor, &at, ids)
        .unwrap();
    child
        .determine_start_month(Some(Month::of(TODAY)), &at, ids)
        .unwrap();
    child
        .end_guardianship(family.aunt, TODAY, &at, ids)
        .unwrap();
    let ended = date(2026, 2, 1);
    child
        .end_parent_situation(
            family.mother,
            ParentSituationKind::SeverelyIll,
            ended,
            &at,
            ids,
        )
        .unwrap();
    let no_kin = KinshipTold {
        birth_date: child.birth_date,
        division: child.division,
        kin: Vec::new(),
    };
    child.hear_kinship(&no_kin, KinshipSource::Stream, &[], &at, ids);
    assert!(!child.relatives.contains_key(&family.father.person_id));
    children::update(db, &before, &child, &ground.rules, TODAY)
        .await
        .expect("saved");
    child.version = 3;
    assert_eq!(ground.stored(child.id).await, child, "who is gone is gone");
}

async fn a_version_is_written_once(database: TestDatabase) {
    let ground = ground(database).await;
    let child = ground.child("2017-01-10", VILLAGE, &family());
    ground.insert(&child).await;
    let twice = children::insert(ground.db.writer(), &child, &ground.rules, TODAY).await;
    assert!(twice.expect_err("somebody was faster").is_conflict());
    let before = ground.stored(child.id).await;
    let db = ground.db.writer();
    children::update(db, &before, &before, &ground.rules, TODAY)
        .await
        .expect("saved");
    let stale = children::update(db, &before, &before, &ground.rules, TODAY).await;
    assert!(stale.expect_err("somebody was faster").is_conflict());
}

async fn the_caller_sees_its_own_divisions_only(database: TestDatabase) {
    let ground = ground(database).await;
    let here = ground.child("2017-01-10", VILLAGE, &family());
    let there = ground.child("2017-01-10", 520_103_001_001, &family());
    for child in [&here, &there] {
        ground.insert(child).await;
    }
    let db = ground.db.reader();
    let li = clerk("li", "520102");
    assert!(children::find(db, &li, here.id).await.unwrap().is_some());
    assert!(children::find(db, &li, there.id).await.unwrap().is_none());
    let page = Page::first(50);
    let seen = children::page(db, &li, &Filter::default(), &page)
        .await
        .unwrap();
    assert_eq!(
        seen.iter().map(|child| child.id).collect::<Vec<_>>(),
        [here.id]
    );
    let one_parent = Filter {
        situation: Some(Situation::OneParent),
        carer: Some(Carer::Parent),
        ..Filter::default()
    };
    assert_eq!(
        children::page(db, &li, &one_parent, &page)
            .await
            .unwrap()
            .len(),
        1
    );
    let mut nobody = li.clone();
    nobody.divisions.clear();
    assert!(
        children::find(db, &nobody, here.id)
            .await
            .unwrap()
            .is_none()
    );
    let seen = children::page(db, &nobody, &Filter::default(), &page)
        .await
        .unwrap();
    assert!(seen.is_empty(), "who sees nothing is shown nothing");
}

/// Whether nobody else was faster.
async fn saved(db: &sea_orm::DatabaseConnection, row: &DeathAnswer) -> bool {
    let write = answers::write(db.get_database_backend(), &[row]).expect("it can be kept");
    let lost = run_all(db, vec![write]).await.expect("written");
    lost.is_none()
}

async fn reviews_are_due_on_their_day(database: TestDatabase) {
    let ground = ground(database).await;
    let soon = ground.child("2008-04-01", VILLAGE, &family());
    let later = ground.child("2009-04-01", VILLAGE, &family());
    for child in [&soon, &later] {
        ground.insert(child).await;
    }
    let db = ground.db.reader();
    let eve = children::due_for_review(db, date(2026, 3, 31), 10)
        .await
        .unwrap();
    assert!(eve.is_empty());
    let day = children::due_for_review(db, date(2026, 4, 1), 10)
        .await
        .unwrap();
    assert_eq!(day, [soon.id]);
    let both = children::due_for_review(db, date(2027, 4, 1), 10)
        .await
        .unwrap();
    assert_eq!(both, [soon.id, later.id], "the oldest first");
}

async fn answers_come_back_and_name_their_item(database: TestDatabase) {
    let ground = ground(database).await;
    let (item, person_id) = (Uuid::now_v7(), Uuid::now_v7());
    let fact = AskedFact {
        person_id,
        case_id: Uuid::now_v7(),
        fact_version: 2,
        kind: FactKind::Corrected,
        died_on: partial("2026-01"),
    };
    let shares = BTreeMap::from([
        (Uuid::now_v7(), Share::Done),
        (Uuid::now_v7(), Share::NeedsHuman { work_item_id: item }),
    ]);
    let (mut row, receipt) = DeathAnswer::hear(None, fact, true, shares.clone());
    assert!(receipt.is_some());
    let db = ground.db.writer();
    assert!(saved(db, &row).await, "saved");
    row.version = 1;
    let persons = BTreeSet::from([person_id, Uuid::now_v7()]);
    let found = answers::of_persons(db, &persons).await.unwrap();
    assert_eq!(found, BTreeMap::from([(person_id, row.clone())]));
    let waits = Answer::of(
        Question::AssessDependants,
        Outcome::NeedsHuman { work_item_id: item },
    );
    assert!(found[&person_id].given.contains(&waits));
    let questions = answers::questions_of_item(db, item).await.unwrap();
    assert_eq!(questions.len(), 1);
    assert_eq!(
        (questions[0].person_id, questions[0].fact_version),
        (person_id, 2)
    );
    assert_eq!(questions[0].action, "assess-dependants");

    for child_id in shares.keys() {
        row.set_share(*child_id, Share::Done);
    }
    assert!(row.refresh().is_some());
    assert!(saved(db, &row).await, "saved");
    assert!(!saved(db, &row).await, "somebody was faster");
    assert_eq!(answers::questions_of_item(db, item).await.unwrap(), vec![]);
}

async fn rules_are_the_provinces_even_outside_it(database: TestDatabase) {
    let ground = ground(database).await;
    let guangdong = DivisionCode::from_number(440_106_001_001).unwrap();
    let rules = in_force(ground.db.reader(), guangdong, TODAY)
        .await
        .unwrap();
    assert_eq!(rules, ground.rules);
    assert_eq!(rules.rules.separation_months, 6);
    assert_eq!((rules.rules.visit_hours, rules.rules.month_days), (24, 15));
    let before = in_force(ground.db.reader(), guangdong, date(2019, 1, 1)).await;
    assert_eq!(before.expect_err("no rule").reason(), "NO_RULE");
}
