//! Facts about deaths for the inbox, and the same as rows for its baseline.

use minzheng_chassis::bus::{Bus, Delivery, Envelope};
use minzheng_chassis::civil::PartialDate;
use minzheng_chassis::convert::date_to_wire;
use minzheng_chassis::db::{Database, Sql, val};
use minzheng_proto::catalogue::EventType;
use minzheng_proto::life_events::v1 as pb;
use minzheng_tests::family::VILLAGE;
use prost::Message;
use uuid::Uuid;

/// Spreads persons over the order of their registration, as deaths are; a prime that divides no amount
/// used here.
const SPREAD: u64 = 7919;

/// Bits of a person's id beside the number: a UUIDv7.
const PERSON: u128 = 0x0190_0000_0000_7000_8000_0000_0000_0000;

/// Bits of the ids of events and cases.
const EVENT: u128 = 0x01a2_0000_0000_7000_8000_0000_0000_0000;
const CASE: u128 = 0x01a2_0000_0000_7000_9000_0000_0000_0000;

/// Events handed to the bus at once.
const AT_ONCE: usize = 5000;

/// Bytes of the receipt that elderly-care answers with, as logged.
const RECEIPT: i64 = 197;

/// The person that stands at a place of a random order.
pub(crate) fn person(place: u64, residents: u64) -> Uuid {
    by_number(place * SPREAD % residents)
}

/// The person of a number.
pub(crate) fn by_number(number: u64) -> Uuid {
    Uuid::from_u128(PERSON | u128::from(number))
}

/// Sends facts about so many persons: those at these places of the random order of all.
pub(crate) async fn send(
    bus: &dyn Bus,
    places: std::ops::Range<u64>,
    residents: u64,
) -> anyhow::Result<()> {
    let numbers: Vec<u64> = places.collect();
    let day: jiff::civil::Date = "2026-11-24".parse()?;
    let day = date_to_wire(PartialDate::of_day(day)?);
    for chunk in numbers.chunks(AT_ONCE) {
        let batch: Vec<Envelope> = chunk.iter().map(|n| fact(*n, residents, &day)).collect();
        let sent = bus.send(&batch).await;
        anyhow::ensure!(
            sent.iter().all(|delivery| *delivery == Delivery::Stored),
            "a fact was not stored"
        );
    }
    Ok(())
}

fn fact(n: u64, residents: u64, day: &minzheng_proto::common::v1::PartialDate) -> Envelope {
    let person = person(n, residents).to_string();
    let case = Uuid::from_u128(CASE | u128::from(n));
    let confirmed = pb::DeathConfirmed {
        fact: Some(pb::DeathFact {
            person_id: person.clone(),
            case_id: case.to_string(),
            episode: 1,
            fact_version: 1,
            died_on: Some(*day),
            domicile_division: VILLAGE.to_owned(),
            residence_division: VILLAGE.to_owned(),
            place_division: VILLAGE.to_owned(),
            ..Default::default()
        }),
    };
    Envelope {
        id: Uuid::from_u128(EVENT | u128::from(n)),
        source: "life-events".to_owned(),
        topic: pb::DeathConfirmed::TOPIC.name.to_owned(),
        key: person,
        sequence: 1,
        event_type: pb::DeathConfirmed::TYPE.to_owned(),
        time: jiff::Timestamp::now(),
        division: None,
        causation_id: None,
        correlation_id: Some(case),
        traceparent: None,
        value: confirmed.encode_to_vec(),
    }
}

/// Writes what a baseline's batches are made of: the same ids in the same order.
pub(crate) async fn store(db: &Database, count: usize) -> anyhow::Result<()> {
    let person =
        format!("('01900000-0000-7000-8000-' || lpad(to_hex((n * {SPREAD}) % $1), 12, '0'))");
    let text = format!(
        "CREATE TABLE bench_event AS SELECT n, \
         ('01a20000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid AS event_id, \
         ('01a30000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid AS receipt_id, \
         ('01a20000-0000-7000-9000-' || lpad(to_hex(n), 12, '0'))::uuid AS case_id, \
         {person}::uuid AS person_id, {person} AS key, CAST(n % 12 AS integer) AS partition, \
         decode(repeat('0a', {RECEIPT}), 'hex') AS receipt FROM generate_series(0, $1 - 1) AS n"
    );
    // No parameters in a CREATE TABLE AS.
    let text = text.replace("$1", &format!("{count}::bigint"));
    for statement in [
        text.as_str(),
        "ALTER TABLE bench_event ADD PRIMARY KEY (n)",
        "INSERT INTO position (subscription, topic, partition, next_offset) \
         VALUES ('elderly-care.follow-deaths', 'life-events.death', 0, 0)",
        "VACUUM ANALYZE bench_event",
    ] {
        db.writer().run(statement, []).await?;
    }
    Ok(())
}

/// Empties what the batches write.
pub(crate) async fn forget(db: &Database) -> anyhow::Result<()> {
    db.writer()
        .run("TRUNCATE inbox, known_person, stream_sequence, outbox", [])
        .await?;
    db.writer()
        .run("UPDATE position SET next_offset = $1", [val(0_i64)])
        .await?;
    Ok(())
}
