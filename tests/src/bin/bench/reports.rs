//! Reports of deaths to the product, and the same statements by pgbench: in a closed and in an open
//! loop.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use hdrhistogram::Histogram;
use minzheng_chassis::crypto::KeyRing;
use minzheng_chassis::db::Sql;
use minzheng_proto::common::v1::PartialDate;
use minzheng_proto::life_events::v1 as pb;
use minzheng_tests::family::{COUNTY, VILLAGE};
use minzheng_tests::platform::{Callers, ClockControl, Platform};
use minzheng_tests::processes::{Process, free_port};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use uuid::Uuid;

use crate::facts;
use crate::held_lease::HeldLease;
use crate::pgbench::{Logged, Pgbench, Ran, logged};
use crate::ratio::Leg;
use crate::residents;
use crate::stand::{Stand, end};

/// The baseline's database: the tables of both services.
const BASELINE: &str = "residents-baseline";

const REPORT_SQL: &str = include_str!("sql/report_death.sql");

/// Connections of the open loop's baseline: more than are ever busy.
const OPEN_CLIENTS: usize = 64;

/// How long each run goes before it counts: a new connection of pgbench prepares every statement.
const WARM_UP: Duration = Duration::from_secs(2);

/// Prefix of pgbench's logs.
const LOG: &str = "latency";

/// Seed of the arrivals.
const SEED: u64 = 5;

/// Longest latency that is told apart, in microseconds.
const LONGEST_MICROS: u64 = 600_000_000;

/// Two services, their databases, and the baseline's.
pub(crate) struct Commands {
    stand: Stand,
    platform: Platform,
    callers: Callers,
    processes: [Process; 2],
    lease: HeldLease,
    residents: u64,
    /// Reports so far: the place of the next person.
    told: AtomicU64,
}

impl Commands {
    /// Fills the table of persons and starts both services, of which none relays.
    pub(crate) async fn start(stand: Stand, count: u64) -> anyhow::Result<Self> {
        let keys = KeyRing::load(&stand.key_file())?;
        let db = stand.open("residents")?;
        residents::fill(&db, &keys, count).await?;
        db.close().await;
        stand.copy("residents", BASELINE).await?;
        forget_migrations(&stand).await?;
        stand
            .migrate(BASELINE, &minzheng_life_events::module())
            .await?;
        stand.administer("CHECKPOINT").await?;
        let lease = HeldLease::take(&stand.open("life-events")?).await?;
        let (at, asked) = (free_port(), free_port());
        let neighbour = format!("neighbours.residents=http://127.0.0.1:{asked}");
        let processes = [
            stand.start("residents", asked, &[]),
            stand.start("life-events", at, &[neighbour]),
        ];
        for process in &processes {
            process.is_serving().await;
        }
        let addresses = [
            ("residents", vec![processes[0].address.clone()]),
            ("life-events", vec![processes[1].address.clone()]),
        ];
        let clock = stand.directory.path().join("clock-offset");
        Ok(Self {
            platform: Platform::new(addresses.into(), ClockControl::File(clock)),
            callers: Callers::of(COUNTY),
            processes,
            lease,
            residents: count,
            told: AtomicU64::new(0),
            stand,
        })
    }

    /// Ends the services and drops the databases.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        for process in self.processes {
            end(process).await?;
        }
        drop(self.lease);
        self.stand
            .clear(&["residents", "life-events", BASELINE])
            .await
    }

    fn pids(&self) -> [u32; 2] {
        [self.processes[0].pid(), self.processes[1].pid()]
    }

    /// One report about somebody nobody has reported.
    async fn report(&self) -> anyhow::Result<()> {
        let place = self.told.fetch_add(1, Ordering::Relaxed);
        ensure!(place < self.residents, "everybody is dead");
        let reference = Uuid::new_v4().to_string();
        let request = pb::ReportDeathRequest {
            request_id: Uuid::new_v4().to_string(),
            person_id: facts::person(place, self.residents).to_string(),
            source_organisation: "org-evidence_source_medical_certificate".to_owned(),
            reference: reference.clone(),
            source: pb::EvidenceSource::MedicalCertificate.into(),
            died_on: Some(PartialDate {
                year: 2026,
                month: 11,
                day: 20,
            }),
            place_division: VILLAGE.to_owned(),
            document_number: reference,
            ..Default::default()
        };
        let mut client = self.platform.life_events(&self.callers.reporter);
        client.report_death(request).await?;
        Ok(())
    }

    /// So many reports in flight for a while.
    pub(crate) async fn reports(&self, in_flight: usize, time: Duration) -> anyhow::Result<Leg> {
        let before = self.told.load(Ordering::Relaxed);
        self.stand.administer("CHECKPOINT").await?;
        let meter = self.stand.servers.start(&self.pids()).await?;
        let until = Instant::now() + time;
        let workers = (0..in_flight).map(|_| async {
            while Instant::now() < until {
                self.report().await?;
            }
            anyhow::Ok(())
        });
        futures::future::try_join_all(workers).await?;
        let (took, cost) = meter.stop().await?;
        let told = self.told.load(Ordering::Relaxed) - before;
        Ok(Leg {
            operations: told as f64,
            took,
            cost,
        })
    }

    /// The same statements by pgbench, once its connections are warm.
    pub(crate) async fn statements(&self, clients: usize, seconds: u64) -> anyhow::Result<Leg> {
        let options = logging(Duration::from_secs(seconds));
        let first = self.first_free().await?;
        self.stand.administer("CHECKPOINT").await?;
        let warmed = async {
            tokio::time::sleep(WARM_UP).await;
            let begun = jiff::Timestamp::now().as_microsecond();
            Ok((begun.unsigned_abs(), self.stand.servers.start(&[]).await?))
        };
        let running = self.pgbench(clients, first, &options);
        let (_, (begun, meter)) = futures::try_join!(running, warmed)?;
        let (_, mut cost) = meter.stop().await?;
        let all = logged(self.stand.scratch(), LOG)?;
        let counted: Vec<&Logged> = all.iter().filter(|one| one.ended >= begun).collect();
        let last = counted.iter().map(|one| one.ended).max();
        let last = last.context("transactions after the warm-up")?;
        // The system counts pgbench's own time at its end, the warm-up's with it.
        cost.client *= counted.len() as f64 / all.len() as f64;
        Ok(Leg {
            operations: counted.len() as f64,
            took: Duration::from_micros(last - begun),
            cost,
        })
    }

    async fn pgbench(&self, clients: usize, first: i64, options: &[String]) -> anyhow::Result<Ran> {
        let variables = [
            ("n", -1),
            ("clients", i64::try_from(clients)?),
            ("first", first),
            ("residents", i64::try_from(self.residents)?),
        ];
        let url = self.stand.database.url(BASELINE);
        let pgbench = Pgbench {
            url: &url,
            script: REPORT_SQL,
            clients,
            variables: &variables,
            options,
        };
        pgbench.run(self.stand.scratch()).await
    }

    /// The first number that the baseline has not used: the script makes each case's id of it.
    async fn first_free(&self) -> anyhow::Result<i64> {
        let db = self.stand.open(BASELINE)?;
        let row = db
            .reader()
            .one("SELECT id FROM death_case ORDER BY id DESC LIMIT 1", [])
            .await?;
        db.close().await;
        let last = row.map(|row| row.get::<Uuid>("id")).transpose()?;
        let first = last.map_or(0, |id| (id.as_u128() >> 3) + 1);
        ensure!(
            first < u128::from(self.residents),
            "the baseline has reported everybody"
        );
        Ok(i64::try_from(first)?)
    }

    /// Reports at random moments, `rate` a second; microseconds from the intended start.
    pub(crate) async fn open_reports(
        &self,
        rate: f64,
        time: Duration,
    ) -> anyhow::Result<Histogram<u64>> {
        let mut random = StdRng::seed_from_u64(SEED);
        let begin = Instant::now() + Duration::from_millis(100);
        let mut starts = Vec::new();
        let mut at = 0.0;
        while at < (WARM_UP + time).as_secs_f64() {
            starts.push(begin + Duration::from_secs_f64(at));
            at -= (1.0 - random.random::<f64>()).ln() / rate;
        }
        let reports = starts.into_iter().map(|start| async move {
            tokio::time::sleep_until(start.into()).await;
            self.report().await?;
            anyhow::Ok((start, start.elapsed()))
        });
        let told = futures::future::try_join_all(reports).await?;
        let counted = told.iter().filter(|(start, _)| *start >= begin + WARM_UP);
        histogram(counted.map(|(_, took)| u64::try_from(took.as_micros()).unwrap_or(u64::MAX)))
    }

    /// The same by pgbench.
    pub(crate) async fn open_statements(
        &self,
        rate: f64,
        time: Duration,
    ) -> anyhow::Result<Histogram<u64>> {
        let mut options = logging(time);
        options.extend([format!("--rate={rate:.1}"), format!("--random-seed={SEED}")]);
        self.pgbench(OPEN_CLIENTS, self.first_free().await?, &options)
            .await
            .context("the open loop")?;
        let all = logged(self.stand.scratch(), LOG)?;
        let start = |one: &Logged| one.ended.saturating_sub(one.latency);
        let begin = all.iter().map(start).min().unwrap_or_default();
        let warm = begin + u64::try_from(WARM_UP.as_micros())?;
        let counted = all.iter().filter(|one| start(one) >= warm);
        histogram(counted.map(|one| one.latency))
    }
}

/// Options of a run that is warm for so long, with a log.
fn logging(time: Duration) -> Vec<String> {
    vec![
        format!("--time={}", (WARM_UP + time).as_secs()),
        "--log".to_owned(),
        format!("--log-prefix={LOG}"),
    ]
}

/// A service refuses a database with migrations of another; in the baseline's the tables of both are
/// wanted.
async fn forget_migrations(stand: &Stand) -> anyhow::Result<()> {
    let db = stand.open(BASELINE)?;
    let text = "DELETE FROM seaql_migrations WHERE version LIKE 'residents_%'";
    db.writer().run(text, []).await?;
    db.close().await;
    Ok(())
}

fn histogram(micros: impl Iterator<Item = u64>) -> anyhow::Result<Histogram<u64>> {
    let mut times = Histogram::new_with_max(LONGEST_MICROS, 3)?;
    for one in micros {
        times.saturating_record(one);
    }
    Ok(times)
}
