//! The past of a province: cases that are finished, with everything that they left in the tables of
//! `life-events` and of a department, and items that wait for somebody.

use std::fmt::Write;

use minzheng_chassis::crypto::{FieldAddress, KeyRing};
use minzheng_chassis::db::{Database, Sql};
use minzheng_chassis::division::DivisionCode;
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::facts;
use crate::residents::{bytes, villages};

/// Bits of the ids of finished cases and of their documents, before those of a run.
const CASE: u128 = 0x0192_0000_0000_7000_9000_0000_0000_0000;
const EVIDENCE: u128 = 0x0192_0000_0000_7000_a000_0000_0000_0000;

/// Rows that are made before they are sent.
const AT_ONCE: u64 = 2000;

/// When the first case was opened, in microseconds, and how far apart they are.
const FIRST: u64 = 1_500_000_000_000_000;
const APART: u64 = 600_000_000;

/// One resident of so many has died since the records begin: fourteen years of seven in a thousand.
const PER_CASE: u64 = 10;

/// One item waits for so many residents.
const PER_ITEM: u64 = 1000;

/// How many residents there are, and what follows from it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) residents: u64,
}

impl Size {
    /// Finished cases.
    pub(crate) fn cases(self) -> u64 {
        self.residents / PER_CASE
    }

    /// Items that wait.
    pub(crate) fn open_items(self) -> u64 {
        (self.residents / PER_ITEM).max(1)
    }
}

/// A finished case.
pub(crate) fn case(number: u64) -> Uuid {
    Uuid::from_u128(CASE | u128::from(number))
}

/// Whose: the last of the random order, so that those whom a run reports are alive.
fn dead(size: Size, number: u64) -> Uuid {
    facts::person(size.residents - 1 - number, size.residents)
}

const CASES: &str = "COPY death_case (id, person_id, episode, phase, plan_version, fact_version, died_on, division, \
                     domicile, residence, place, verification_escalated, opened_at, changed_at, version) FROM STDIN";

const DOCUMENTS: &str = "COPY evidence (id, case_id, position, organisation, reference, document_index, revision, \
                         source, died_on, place, document_hash, reporter, received_at, standing) FROM STDIN";

/// What else a case leaves, of the rows that it has; each as the product writes it. Of requests the newest tenth: they
/// are deleted after thirty days.
const CASE_REST: [&str; 8] = [
    "INSERT INTO question (case_id, fact_version, department, action, state, asked_at, due_at, escalated, outcome, \
     legal_basis, undo, receipt_event_id, answered_at) \
     SELECT id, 1, department, action, 'answered', opened_at, opened_at + 86400000000, false, 'nothing_to_do', \
     'MZ/T 039-2013 6.1', 'machine', gen_random_uuid(), opened_at + 50000 FROM death_case, (VALUES \
     ('residents', 'mark-deceased'), ('elderly-care', 'end-stay'), ('elderly-care', 'release-bed'), \
     ('child-welfare', 'close-child-file'), ('child-welfare', 'assess-dependants')) AS asked (department, action)",
    "INSERT INTO known_person (person_id, fact_version, status, died_on, case_id) \
     SELECT person_id, 1, 'dead', died_on, id FROM death_case",
    "INSERT INTO stream_sequence (topic, key, sequence) \
     SELECT 'life-events.death', person_id::text, 3 FROM death_case",
    "INSERT INTO inbox (subscription, event_id, state, topic, partition, record_offset, key, received_at) \
     SELECT 'life-events.take-receipts', receipt_event_id, 'applied', 'life-events.receipts', \
     CAST(asked_at / 600000000 % 12 AS integer), asked_at, case_id::text, answered_at FROM question",
    "INSERT INTO request (caller, method, request_id, content_hmac, answer, created_at) \
     SELECT 'test.hospital', 'DeathCaseService/ReportDeath', gen_random_uuid(), sha256(id::text::bytea), \
     decode(repeat('5a', 1200), 'hex'), opened_at FROM death_case \
     ORDER BY opened_at DESC LIMIT (SELECT count(*) / 10 FROM death_case)",
    "INSERT INTO audit (id, at, action, subject, service, aggregate, aggregate_id, division, causation_id, record, \
     key_id, mac) SELECT gen_random_uuid(), opened_at, 'ReportDeath', 'test.hospital', 'life-events', 'death_case', \
     id, division, gen_random_uuid(), 'phase=notifying fact_version=1 source=medical_certificate', '{key_id}', \
     sha256(id::text::bytea) FROM death_case, generate_series(1, 4)",
    "INSERT INTO work_item (id, kind, subject_id, division, role, urgency, opened_at, due_at, state, claimed_by, \
     outcome, version) SELECT gen_random_uuid(), 'overdue-answer', id, division, 'county_clerk', 'normal', \
     opened_at, opened_at + 86400000000, 'completed', 'test.clerk', 'followed-up', 3 FROM death_case",
    "VACUUM ANALYZE",
];

/// Fills the tables of `life-events`.
pub(crate) async fn of_life_events(url: &str, keys: &KeyRing, size: Size) -> anyhow::Result<()> {
    let villages = villages(size.residents)?;
    copy_cases(url, keys, size, &villages).await?;
    let db = Database::open_postgres(url, "bench", 1)?;
    let key_id = keys.key_id().to_string();
    for statement in CASE_REST {
        db.writer()
            .run(statement.replace("{key_id}", &key_id), [])
            .await?;
    }
    db.writer().run(open_items(size, &villages), []).await?;
    db.writer().run("VACUUM ANALYZE work_item", []).await?;
    db.close().await;
    Ok(())
}

async fn copy_cases(
    url: &str,
    keys: &KeyRing,
    size: Size,
    villages: &[DivisionCode],
) -> anyhow::Result<()> {
    let (mut one, mut other) = (
        PgConnection::connect(url).await?,
        PgConnection::connect(url).await?,
    );
    let mut cases = one.copy_in_raw(CASES).await?;
    let mut documents = other.copy_in_raw(DOCUMENTS).await?;
    for begin in (0..size.cases()).step_by(usize::try_from(AT_ONCE)?) {
        let mut rows = Rows::default();
        for n in begin..(begin + AT_ONCE).min(size.cases()) {
            let place = usize::try_from(n)? % villages.len();
            rows.add(keys, size, n, villages[place])?;
        }
        cases.send(rows.cases.as_bytes()).await?;
        documents.send(rows.documents.as_bytes()).await?;
    }
    cases.finish().await?;
    documents.finish().await?;
    Ok(())
}

#[derive(Default)]
struct Rows {
    cases: String,
    documents: String,
}

impl Rows {
    fn add(
        &mut self,
        keys: &KeyRing,
        size: Size,
        n: u64,
        village: DivisionCode,
    ) -> anyhow::Result<()> {
        let (id, person) = (case(n), dead(size, n));
        let opened = FIRST + n * APART;
        writeln!(
            self.cases,
            "{id}\t{person}\t1\tfinished\t1\t1\t2020-06-01\t{village}\t{village}\t{village}\t{village}\tf\t{opened}\t\
             {}\t9",
            opened + 60_000
        )?;
        let document = Uuid::from_u128(EVIDENCE | u128::from(n));
        let row = document.to_string();
        let address = FieldAddress {
            service: "life-events",
            table: "evidence",
            column: "reference",
            row: &row,
        };
        let reference = format!("2020-{n:08}");
        writeln!(
            self.documents,
            "{document}\t{id}\t0\torg-evidence_source_medical_certificate\t{}\t{}\t1\tmedical_certificate\t2020-06-01\t\
             {village}\t{}\ttest.hospital\t{opened}\tcurrent",
            bytes(&keys.encrypt_field(address, reference.as_bytes())),
            bytes(&keys.blind_index("bench-document", reference.as_bytes())),
            bytes(&keys.blind_index("bench-hash", reference.as_bytes())),
        )?;
        Ok(())
    }
}

/// Items that wait, the first in the county of the story: as many in each county as live there.
fn open_items(size: Size, villages: &[DivisionCode]) -> String {
    let villages: Vec<String> = villages.iter().map(|one| format!("'{one}'")).collect();
    format!(
        "INSERT INTO work_item (id, kind, subject_id, division, role, urgency, opened_at, due_at, state, version) \
         SELECT gen_random_uuid(), 'overdue-answer', gen_random_uuid(), \
         (ARRAY[{villages}])[CAST(1 + n * 1000003 % {count} AS integer)], 'county_clerk', 'normal', {FIRST} + n, \
         {FIRST} + n * 7919 % 1000000, 'open', 1 FROM generate_series(1, {items}::bigint) AS n",
        villages = villages.join(","),
        count = villages.len(),
        items = size.open_items(),
    )
}

/// Fills the tables of a department that heard of every case and had nothing to do.
pub(crate) async fn of_a_department(
    url: &str,
    keys: &KeyRing,
    subscription: &str,
    size: Size,
) -> anyhow::Result<()> {
    // One connection: a temporary table is its own.
    let db = Database::open_postgres(url, "bench", 1)?;
    let key_id = keys.key_id().to_string();
    let cases = size.cases();
    let past = format!(
        "CREATE TEMPORARY TABLE past AS SELECT n, gen_random_uuid() AS event_id, {FIRST} + n * {APART} AS at, \
         ('01910000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid AS person_id \
         FROM generate_series(1, {cases}::bigint) AS n"
    );
    let inbox = format!(
        "INSERT INTO inbox (subscription, event_id, state, topic, partition, record_offset, key, received_at) \
         SELECT '{subscription}', event_id, 'applied', 'life-events.death', CAST(n % 12 AS integer), n, \
         person_id::text, at FROM past"
    );
    let statements = [
        past.as_str(),
        inbox.as_str(),
        "INSERT INTO known_person (person_id, fact_version, status, died_on) \
         SELECT person_id, 1, 'dead', '2020-06-01' FROM past",
        "INSERT INTO stream_sequence (topic, key, sequence) SELECT 'life-events.receipts', person_id::text, 1 FROM past",
        "INSERT INTO audit (id, at, action, subject, service, aggregate, aggregate_id, record, key_id, mac) \
         SELECT gen_random_uuid(), at, 'EndStay', 'elderly-care', 'elderly-care', 'stay', person_id, 'state=ended', \
         '{key_id}', sha256(person_id::text::bytea) FROM past",
        "DROP TABLE past",
        "VACUUM ANALYZE",
    ];
    for statement in statements {
        db.writer()
            .run(statement.replace("{key_id}", &key_id), [])
            .await?;
    }
    db.close().await;
    Ok(())
}
