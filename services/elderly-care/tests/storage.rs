//! What the tables themselves refuse, and what the service's own check finds, on both databases.

use minzheng_chassis::civil::from_micros;
use minzheng_chassis::db::migrate::Migrator;
use minzheng_chassis::db::{Database, Fault, Sql, classify, val};
use minzheng_chassis::on_both_databases;
use minzheng_chassis::testing::TestDatabase;
use minzheng_elderly_care::storage::{MIGRATIONS, list, verify};
use sea_orm::{DbErr, Value};
use uuid::Uuid;

on_both_databases!(
    a_bed_and_a_person_have_one_stay,
    nobody_waits_twice_in_one_list,
    one_offer_is_open_for_a_bed_and_for_an_entry,
    labels_are_unique_within_a_facility,
    contradictions_are_found,
    offers_are_due_by_time,
);

async fn migrated(place: &TestDatabase) -> Database {
    place.create(&["elderly-care"]).await.expect("created");
    let db = place.open("elderly-care").await.expect("opened");
    let migrator = Migrator::new(MIGRATIONS);
    migrator.migrate(&db).await.expect("migrated");
    let again = migrator.migrate(&db).await.expect("migrated again");
    assert!(again.is_empty());
    db
}

/// Inserts a row of these columns.
async fn insert(db: &Database, table: &str, row: &[(&str, Value)]) -> Result<u64, DbErr> {
    let columns: Vec<&str> = row.iter().map(|(name, _)| *name).collect();
    let places: Vec<String> = (1..=row.len()).map(|at| format!("${at}")).collect();
    let text = format!(
        "INSERT INTO {table} ({}) VALUES ({})",
        columns.join(", "),
        places.join(", ")
    );
    let values: Vec<Value> = row.iter().map(|(_, value)| value.clone()).collect();
    db.writer().run(text, values).await
}

fn refused(outcome: Result<u64, DbErr>) -> bool {
    outcome.is_err_and(|error| classify(&error) == Fault::Conflict)
}

async fn bed(db: &Database, of: Bed) -> Result<u64, DbErr> {
    let row = [
        ("id", val(of.id)),
        ("facility_id", val(of.facility)),
        ("division", val("520102016000")),
        ("label", val(of.label)),
        ("state", val(of.state)),
        ("held_for", val(of.held_for)),
        ("stay_id", val(of.stay)),
        ("changed_at", val(0_i64)),
        ("version", val(1_i64)),
    ];
    insert(db, "bed", &row).await
}

#[derive(Clone, Copy)]
struct Bed {
    id: Uuid,
    facility: Uuid,
    label: &'static str,
    state: &'static str,
    held_for: Option<&'static str>,
    stay: Option<Uuid>,
}

fn a_bed(label: &'static str) -> Bed {
    Bed {
        id: Uuid::now_v7(),
        facility: Uuid::now_v7(),
        label,
        state: "free",
        held_for: None,
        stay: None,
    }
}

#[derive(Clone, Copy)]
struct Stay {
    id: Uuid,
    person: Uuid,
    bed: Uuid,
    state: &'static str,
    cause: Option<&'static str>,
}

fn a_stay(state: &'static str) -> Stay {
    Stay {
        id: Uuid::now_v7(),
        person: Uuid::now_v7(),
        bed: Uuid::now_v7(),
        state,
        cause: None,
    }
}

async fn stay(db: &Database, of: Stay) -> Result<u64, DbErr> {
    let row = [
        ("id", val(of.id)),
        ("person_id", val(of.person)),
        ("facility_id", val(Uuid::nil())),
        ("bed_id", val(of.bed)),
        ("division", val("520102016000")),
        ("placed_at", val(0_i64)),
        ("first_day", val("2026-01-10")),
        ("state", val(of.state)),
        ("end_cause", val(of.cause)),
        ("last_day_provisional", val(false)),
        ("owed_fen", val(0_i64)),
        ("version", val(1_i64)),
    ];
    insert(db, "stay", &row).await
}

async fn entry(
    db: &Database,
    facility: Uuid,
    person: Uuid,
    state: &'static str,
) -> Result<u64, DbErr> {
    let row = [
        ("id", val(Uuid::now_v7())),
        ("facility_id", val(facility)),
        ("person_id", val(person)),
        ("division", val("520102016000")),
        ("rank", val(2_i32)),
        ("priority", val(false)),
        ("since", val(0_i64)),
        ("place", val(0_i64)),
        ("state", val(state)),
        ("version", val(1_i64)),
    ];
    insert(db, "waiting_entry", &row).await
}

async fn offer(
    db: &Database,
    (bed, entry): (Uuid, Uuid),
    state: &'static str,
    expires_at: i64,
) -> Result<Uuid, DbErr> {
    let id = Uuid::now_v7();
    let row = [
        ("id", val(id)),
        ("facility_id", val(Uuid::nil())),
        ("bed_id", val(bed)),
        ("entry_id", val(entry)),
        ("person_id", val(Uuid::nil())),
        ("division", val("520102016000")),
        ("state", val(state)),
        ("made_at", val(0_i64)),
        ("expires_at", val(expires_at)),
        ("rule_id", val(Uuid::nil())),
        ("version", val(1_i64)),
    ];
    insert(db, "offer", &row).await?;
    Ok(id)
}

async fn a_bed_and_a_person_have_one_stay(place: TestDatabase) {
    let db = migrated(&place).await;
    let first = a_stay("active");
    stay(&db, first).await.expect("the first");
    let of_person = |state, cause| Stay {
        person: first.person,
        state,
        cause,
        ..a_stay(state)
    };
    for (state, cause) in [
        ("active", None),
        ("held", None),
        ("displaced", None),
        ("ended", Some("death")),
        ("awaiting_settlement", Some("death")),
    ] {
        let second = of_person(state, cause);
        assert!(refused(stay(&db, second).await), "{state} {cause:?}");
    }
    stay(&db, of_person("ended", Some("left")))
        .await
        .expect("it is over");
    let same_bed = Stay {
        bed: first.bed,
        ..a_stay("held")
    };
    assert!(refused(stay(&db, same_bed).await));
    let waits_for_the_next = Stay {
        state: "displaced",
        ..same_bed
    };
    stay(&db, waits_for_the_next).await.expect("no claim to it");
    let with_stay = |label| Bed {
        stay: Some(first.id),
        ..a_bed(label)
    };
    bed(&db, with_stay("1-1")).await.expect("its bed");
    assert!(refused(bed(&db, with_stay("1-2")).await));
    db.close().await;
}

async fn nobody_waits_twice_in_one_list(place: TestDatabase) {
    let db = migrated(&place).await;
    let (facility, person) = (Uuid::now_v7(), Uuid::now_v7());
    entry(&db, facility, person, "waiting")
        .await
        .expect("the first");
    for state in ["waiting", "suspended", "offered"] {
        assert!(refused(entry(&db, facility, person, state).await));
    }
    for state in ["placed", "withdrawn", "withdrawn"] {
        entry(&db, facility, person, state).await.expect("over");
    }
    let elsewhere = entry(&db, Uuid::now_v7(), person, "waiting").await;
    elsewhere.expect("another list");
    db.close().await;
}

async fn one_offer_is_open_for_a_bed_and_for_an_entry(place: TestDatabase) {
    let db = migrated(&place).await;
    let (bed, entry) = (Uuid::now_v7(), Uuid::now_v7());
    offer(&db, (bed, entry), "open", 1).await.expect("open");
    let same_bed = offer(&db, (bed, Uuid::now_v7()), "open", 1).await;
    assert!(refused(same_bed.map(|_| 1)));
    let same_entry = offer(&db, (Uuid::now_v7(), entry), "open", 1).await;
    assert!(refused(same_entry.map(|_| 1)));
    offer(&db, (bed, entry), "expired", 1).await.expect("over");
    db.close().await;
}

async fn labels_are_unique_within_a_facility(place: TestDatabase) {
    let db = migrated(&place).await;
    let first = a_bed("3-12");
    bed(&db, first).await.expect("the first");
    let same = Bed {
        facility: first.facility,
        ..a_bed("3-12")
    };
    assert!(refused(bed(&db, same).await));
    bed(&db, a_bed("3-12")).await.expect("another facility");
    db.close().await;
}

async fn contradictions_are_found(place: TestDatabase) {
    let db = migrated(&place).await;
    let found = verify::contradictions(db.reader()).await.expect("looked");
    assert_eq!(found, Vec::<String>::new());
    stay(&db, a_stay("active")).await.expect("without a bed");
    let settling = Stay {
        cause: Some("left"),
        ..a_stay("awaiting_settlement")
    };
    stay(&db, settling).await.expect("without an item");
    let lonely = Bed {
        state: "occupied",
        stay: Some(Uuid::now_v7()),
        ..a_bed("1-1")
    };
    bed(&db, lonely).await.expect("without a stay");
    let unoffered = Bed {
        state: "held",
        held_for: Some("offer"),
        ..a_bed("1-2")
    };
    bed(&db, unoffered).await.expect("without an offer");
    let pair = (Uuid::now_v7(), Uuid::now_v7());
    offer(&db, pair, "open", 1).await.expect("of no bed");
    let offered = entry(&db, Uuid::now_v7(), Uuid::now_v7(), "offered").await;
    offered.expect("nothing");
    let found = verify::contradictions(db.reader()).await.expect("looked");
    assert_eq!(found.len(), 6, "{found:#?}");
    db.close().await;
}

async fn offers_are_due_by_time(place: TestDatabase) {
    let db = migrated(&place).await;
    let mut ids = Vec::new();
    for (state, expires_at) in [("open", 30), ("open", 10), ("expired", 5), ("open", 20)] {
        let pair = (Uuid::now_v7(), Uuid::now_v7());
        ids.push(offer(&db, pair, state, expires_at).await.expect("made"));
    }
    let due = async |now: i64, limit| {
        let now = from_micros(now).expect("an instant");
        list::offers_due(db.reader(), now, limit)
            .await
            .expect("due")
    };
    assert!(due(9, 10).await.is_empty());
    assert_eq!(due(20, 10).await, [ids[1], ids[3]]);
    assert_eq!(due(99, 2).await, [ids[1], ids[3]]);
    db.close().await;
}
