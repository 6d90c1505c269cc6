//! A case without a platform: its transactions by a bare client, which is what the peers are measured
//! beside too. One transaction takes the report; each department has one (inbox, its own record,
//! audit), all at once; one settles the case. Nobody carries a message, and nobody would tell a
//! department again that was away.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use futures::StreamExt;
use minzheng_chassis::testing::TestDatabase;
use sqlx::postgres::{PgPool, PgPoolOptions};
use uuid::Uuid;

use crate::latency::{Times, arrivals, wait_until};

/// Where the report is, and the departments that act.
const HOME: &str = "bare-life-events";
const DEPARTMENTS: [&str; 3] = ["bare-residents", "bare-elderly-care", "bare-child-welfare"];

/// Connections to each database: more active ones than this do not help two processors.
const CONNECTIONS: u32 = 4;

const HOME_TABLES: &str = "
CREATE TABLE death_case (id uuid PRIMARY KEY, person_id uuid NOT NULL, phase text NOT NULL, died_on text NOT NULL,
    division text NOT NULL, opened_at bigint NOT NULL, changed_at bigint NOT NULL);
CREATE INDEX death_case_person ON death_case (person_id);
CREATE TABLE evidence (id uuid PRIMARY KEY, case_id uuid NOT NULL, organisation text NOT NULL,
    reference bytea NOT NULL, received_at bigint NOT NULL);
CREATE INDEX evidence_case ON evidence (case_id);
CREATE TABLE inbox (event_id uuid PRIMARY KEY, received_at bigint NOT NULL);
CREATE TABLE audit (id uuid PRIMARY KEY, at bigint NOT NULL, action text NOT NULL, subject text NOT NULL,
    aggregate_id uuid NOT NULL, record text NOT NULL);
";

const DEPARTMENT_TABLES: &str = "
CREATE TABLE inbox (event_id uuid PRIMARY KEY, received_at bigint NOT NULL);
CREATE TABLE record (person_id uuid PRIMARY KEY, state text NOT NULL, died_on text NOT NULL, case_id uuid,
    changed_at bigint NOT NULL);
CREATE TABLE audit (id uuid PRIMARY KEY, at bigint NOT NULL, action text NOT NULL, subject text NOT NULL,
    aggregate_id uuid NOT NULL, record text NOT NULL);
";

const OPEN_CASE: &str = "INSERT INTO death_case (id, person_id, phase, died_on, division, opened_at, changed_at) \
                         VALUES ($1, $2, 'notifying', '2026-11-24', '520102016001', $3, $3)";
const KEEP_EVIDENCE: &str = "INSERT INTO evidence (id, case_id, organisation, reference, received_at) \
                             VALUES ($1, $2, 'org-medical-certificate', decode(repeat('5a', 64), 'hex'), $3)";
const TAKE: &str = "INSERT INTO inbox (event_id, received_at) VALUES ($1, $2)";
const ACT: &str = "UPDATE record SET state = 'ended', died_on = '2026-11-24', case_id = $2, changed_at = $3 \
                   WHERE person_id = $1";
const SETTLE: &str = "UPDATE death_case SET phase = 'settled', changed_at = $2 WHERE id = $1";
const AUDIT: &str = "INSERT INTO audit (id, at, action, subject, aggregate_id, record) \
                     VALUES ($1, $2, 'Act', 'bench', $3, 'state=ended fact_version=1 source=medical_certificate')";

/// Its databases, with a record of everybody in each department.
pub(crate) struct Bare {
    pools: BTreeMap<&'static str, PgPool>,
    told: AtomicI64,
    people: i64,
}

impl Bare {
    /// Creates databases and tables for so many people.
    pub(crate) async fn prepare(database: &TestDatabase, people: i64) -> anyhow::Result<Self> {
        let mut pools = BTreeMap::new();
        for name in DEPARTMENTS.into_iter().chain([HOME]) {
            database.create(&[name]).await?;
            let options = PgPoolOptions::new()
                .max_connections(CONNECTIONS)
                // As the product's: else each transaction would begin with a question to the server.
                .test_before_acquire(false)
                .acquire_timeout(Duration::from_secs(60));
            let pool = options.connect(&database.url(name)).await?;
            let tables = if name == HOME {
                HOME_TABLES
            } else {
                DEPARTMENT_TABLES
            };
            sqlx::raw_sql(tables).execute(&pool).await?;
            pools.insert(name, pool);
        }
        for department in DEPARTMENTS {
            let text = "INSERT INTO record (person_id, state, died_on, changed_at) \
                        SELECT lpad(to_hex(n), 32, '0')::uuid, 'open', 'unknown', 0 FROM generate_series(0, $1 - 1) AS n";
            let pool = &pools[department];
            sqlx::query(text).bind(people).execute(pool).await?;
            sqlx::query("VACUUM ANALYZE record").execute(pool).await?;
        }
        Ok(Self {
            pools,
            told: AtomicI64::new(0),
            people,
        })
    }

    /// One case from report to settled.
    async fn settle(&self) -> anyhow::Result<()> {
        let n = self.told.fetch_add(1, Ordering::Relaxed);
        ensure!(n < self.people, "everybody is dead");
        let person = Uuid::from_u128(u128::try_from(n)?);
        let case = Uuid::now_v7();
        self.report(case, person).await?;
        let departments = DEPARTMENTS.map(|name| self.act(name, case, person));
        futures::future::try_join_all(departments).await?;
        self.close(case).await
    }

    async fn report(&self, case: Uuid, person: Uuid) -> anyhow::Result<()> {
        let now = now();
        let mut transaction = self.pools[HOME].begin().await?;
        let open = sqlx::query(OPEN_CASE).bind(case).bind(person).bind(now);
        open.execute(&mut *transaction).await?;
        let keep = sqlx::query(KEEP_EVIDENCE).bind(Uuid::now_v7()).bind(case);
        keep.bind(now).execute(&mut *transaction).await?;
        audit(case, now).execute(&mut *transaction).await?;
        Ok(transaction.commit().await?)
    }

    async fn act(&self, department: &str, case: Uuid, person: Uuid) -> anyhow::Result<()> {
        let now = now();
        let mut transaction = self.pools[department].begin().await?;
        let take = sqlx::query(TAKE).bind(Uuid::now_v7()).bind(now);
        take.execute(&mut *transaction).await?;
        let act = sqlx::query(ACT).bind(person).bind(case).bind(now);
        act.execute(&mut *transaction).await?;
        audit(person, now).execute(&mut *transaction).await?;
        Ok(transaction.commit().await?)
    }

    async fn close(&self, case: Uuid) -> anyhow::Result<()> {
        let now = now();
        let mut transaction = self.pools[HOME].begin().await?;
        let take = sqlx::query(TAKE).bind(Uuid::now_v7()).bind(now);
        take.execute(&mut *transaction).await?;
        let settle = sqlx::query(SETTLE).bind(case).bind(now);
        settle.execute(&mut *transaction).await?;
        audit(case, now).execute(&mut *transaction).await?;
        Ok(transaction.commit().await?)
    }

    /// Settles cases that do not count, and has the tables analysed, as the platform's are.
    pub(crate) async fn warm(&self, count: usize, in_flight: usize) -> anyhow::Result<()> {
        self.cases(count, in_flight).await?;
        for pool in self.pools.values() {
            sqlx::query("VACUUM ANALYZE").execute(pool).await?;
        }
        Ok(())
    }

    /// So many cases with so many in flight; how long they took.
    pub(crate) async fn cases(&self, count: usize, in_flight: usize) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        let mut cases = futures::stream::iter(0..count)
            .map(|_| self.settle())
            .buffer_unordered(in_flight);
        while let Some(case) = cases.next().await {
            case?;
        }
        let took = begun.elapsed();
        self.is_complete().await?;
        Ok(took)
    }

    /// Cases at random moments, from the intended start.
    pub(crate) async fn open(&self, rate: f64, time: Duration) -> anyhow::Result<Times> {
        let begin = Instant::now() + Duration::from_millis(100);
        let cases = arrivals(begin, rate, time)
            .into_iter()
            .map(|start| async move {
                wait_until(start).await;
                self.settle().await?;
                anyhow::Ok(start.elapsed())
            });
        Times::of_durations(futures::future::try_join_all(cases).await?)
    }

    /// Each department has acted on each case, and each is settled.
    async fn is_complete(&self) -> anyhow::Result<()> {
        let cases = self.told.load(Ordering::Relaxed);
        for name in DEPARTMENTS.into_iter().chain([HOME]) {
            let text = if name == HOME {
                "SELECT count(*) FROM death_case WHERE phase = 'settled'"
            } else {
                "SELECT count(*) FROM record WHERE state = 'ended'"
            };
            let rows: i64 = sqlx::query_scalar(text)
                .fetch_one(&self.pools[name])
                .await?;
            ensure!(rows == cases, "{rows} rows of {cases} cases in {name}");
        }
        Ok(())
    }

    /// Drops the databases.
    pub(crate) async fn clear(self, database: &TestDatabase, server: &str) -> anyhow::Result<()> {
        let server = PgPoolOptions::new()
            .max_connections(1)
            .connect(server)
            .await?;
        for (name, pool) in self.pools {
            pool.close().await;
            let url = database.url(name);
            let (_, name) = url.rsplit_once('/').context("a database in the URL")?;
            let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            sqlx::raw_sql(sqlx::AssertSqlSafe(drop))
                .execute(&server)
                .await?;
        }
        Ok(())
    }
}

fn audit<'q>(
    aggregate: Uuid,
    now: i64,
) -> sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments> {
    let audit = sqlx::query(AUDIT).bind(Uuid::now_v7());
    audit.bind(now).bind(aggregate)
}

fn now() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}
