//! Reports of deaths to the product, in a closed and in an open loop.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use minzheng_chassis::crypto::KeyRing;
use minzheng_chassis::db::{Database, Sql};
use minzheng_proto::common::v1::PartialDate;
use minzheng_proto::life_events::v1 as pb;
use minzheng_tests::family::VILLAGE;
use minzheng_tests::held_lease::HeldLease;
use minzheng_tests::platform::{Callers, Platform};
use minzheng_tests::processes::Process;
use tonic::Status;
use uuid::Uuid;

use crate::facts;
use crate::latency::{Times, arrivals, wait_until};
use crate::order::Order;
use crate::ratio::Leg;
use crate::residents;
use crate::services::{Addresses, Beside, pids};
use crate::stand::{LOOK_EVERY, Stand, end};

/// How soon the first call of an open loop is.
const BEGINS_IN: Duration = Duration::from_millis(100);

/// How long an outbox may take to empty.
const DRAINED_WITHIN: Duration = Duration::from_secs(300);

/// The service that takes the reports.
pub(crate) const LIFE_EVENTS: &str = "life-events";

/// The services that run, each with a database.
const SERVICES: [&str; 2] = ["residents", LIFE_EVENTS];

/// The whole province: a hospital reports whoever dies in it, from wherever.
const PROVINCE: &str = "52";

/// Whether the events of the reports leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relay {
    Runs,
    /// Its lease is held: events stay in the outbox, and nobody reacts.
    Rests,
}

impl Relay {
    /// The lease of the relay that rests.
    async fn lease(self, db: &Database) -> anyhow::Result<Option<HeldLease>> {
        Ok(match self {
            Self::Runs => None,
            Self::Rests => Some(HeldLease::take(db).await?),
        })
    }
}

/// The services `residents` and `life-events`, and clients of them.
pub(crate) struct Commands {
    pub(crate) stand: Stand,
    pub(crate) platform: Platform,
    pub(crate) callers: Callers,
    addresses: Addresses,
    processes: Vec<Process>,
    life_events: Database,
    relay: Relay,
    /// Of `life-events`, while its relay rests.
    lease: Option<HeldLease>,
    residents: u64,
    pub(crate) warm_up: Duration,
    /// Reports so far: the place of the next person.
    told: AtomicU64,
}

/// When a report was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    pub(crate) request: Uuid,
    /// When it was meant to be.
    pub(crate) start: Instant,
    pub(crate) answered: Instant,
}

impl Told {
    /// From the intended start to the answer.
    pub(crate) fn took(&self) -> Duration {
        self.answered.saturating_duration_since(self.start)
    }
}

impl Commands {
    /// Fills the table of persons of a stand.
    pub(crate) async fn fill(stand: &Stand, count: u64) -> anyhow::Result<()> {
        let keys = Arc::new(KeyRing::load(&stand.key_file())?);
        residents::fill(&stand.database.url("residents"), keys, count).await
    }

    /// Starts both services on a stand whose table of persons is full.
    pub(crate) async fn start(
        order: &Order,
        stand: Stand,
        count: u64,
        relay: Relay,
    ) -> anyhow::Result<Self> {
        stand.administer("CHECKPOINT").await?;
        let life_events = stand.open(LIFE_EVENTS)?;
        let addresses = Addresses::free();
        let mut commands = Self {
            platform: addresses.platform(&stand),
            callers: Callers::of(PROVINCE),
            addresses,
            processes: Vec::new(),
            lease: relay.lease(&life_events).await?,
            life_events,
            relay,
            residents: count,
            warm_up: order.warm_up(),
            told: AtomicU64::new(0),
            stand,
        };
        commands.serve(&[]).await?;
        Ok(commands)
    }

    /// Starts both services, anew if they run, with further settings.
    pub(crate) async fn serve(&mut self, more: &[String]) -> anyhow::Result<()> {
        self.end().await?;
        self.processes = self.addresses.serve(&self.stand, more).await;
        Ok(())
    }

    /// Starts both services once more beside these, with further settings.
    pub(crate) async fn beside(&self, more: &[String]) -> Beside {
        let addresses = Addresses::free();
        Beside {
            platform: addresses.platform(&self.stand),
            processes: addresses.serve(&self.stand, more).await,
        }
    }

    async fn end(&mut self) -> anyhow::Result<()> {
        for process in std::mem::take(&mut self.processes) {
            end(process).await?;
        }
        Ok(())
    }

    /// Analyses the tables and starts both services anew: `analysed.rs` says why.
    pub(crate) async fn analyse(&mut self) -> anyhow::Result<()> {
        for service in SERVICES {
            let db = self.stand.open(service)?;
            db.writer().run("VACUUM ANALYZE", []).await?;
            db.close().await;
        }
        self.serve(&[]).await
    }

    /// Puts a copy in the place of the database of `life-events`, starts both services anew, and begins again with
    /// the first person. The other database does not change while the relay rests.
    pub(crate) async fn restore(&mut self, copy: &str) -> anyhow::Result<()> {
        self.end().await?;
        self.lease = None;
        self.life_events.close().await;
        self.stand.copy(copy, LIFE_EVENTS).await?;
        self.life_events = self.stand.open(LIFE_EVENTS)?;
        self.lease = self.relay.lease(&self.life_events).await?;
        self.told.store(0, Ordering::Relaxed);
        self.serve(&[]).await
    }

    /// Ends the services and drops their databases and these.
    pub(crate) async fn stop(mut self, more: &[&str]) -> anyhow::Result<()> {
        self.end().await?;
        self.life_events.close().await;
        self.stand.clear(&[&SERVICES, more].concat()).await
    }

    /// Process ids of both services.
    pub(crate) fn pids(&self) -> Vec<u32> {
        pids(&self.processes)
    }

    /// A client's view with so many connections to `life-events`: one carries only so many calls at once.
    pub(crate) fn with_connections(&self, count: usize) -> Platform {
        let address = format!("http://127.0.0.1:{}", self.addresses.life_events);
        let clock = self.platform.clock.clone();
        Platform::new([(LIFE_EVENTS, vec![address; count])].into(), clock)
    }

    /// Fails if fewer people are left than are to be reported: a benchmark that runs out of them measures nothing.
    pub(crate) fn has_people_for(&self, reports: usize) -> anyhow::Result<()> {
        let left = self.residents.saturating_sub(self.reported());
        ensure!(
            u64::try_from(reports)? <= left,
            "{left} people are left, and {reports} reports are to be made"
        );
        Ok(())
    }

    /// Reports so far, those that were refused among them.
    fn reported(&self) -> u64 {
        self.told.load(Ordering::Relaxed)
    }

    /// Reports somebody nobody has reported; the request's id.
    pub(crate) async fn tell(&self, platform: &Platform) -> Result<Uuid, Status> {
        let place = self.told.fetch_add(1, Ordering::Relaxed);
        if place >= self.residents {
            return Err(Status::failed_precondition("everybody is dead"));
        }
        let reference = Uuid::new_v4().to_string();
        let id = Uuid::new_v4();
        let request = pb::ReportDeathRequest {
            request_id: id.to_string(),
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
        let mut client = platform.life_events(&self.callers.reporter);
        client.report_death(request).await?;
        Ok(id)
    }

    /// So many reports in flight for a while.
    pub(crate) async fn reports(&self, in_flight: usize, time: Duration) -> anyhow::Result<Leg> {
        self.reports_over(&self.platform, in_flight, time).await
    }

    /// The same through another view.
    pub(crate) async fn reports_over(
        &self,
        platform: &Platform,
        in_flight: usize,
        time: Duration,
    ) -> anyhow::Result<Leg> {
        self.stand.administer("CHECKPOINT").await?;
        self.timed(platform, in_flight, time).await
    }

    /// The same once it is warm: the first that touches a page after a checkpoint writes it to the WAL as a whole.
    pub(crate) async fn warmed_reports(
        &self,
        in_flight: usize,
        time: Duration,
    ) -> anyhow::Result<Leg> {
        self.stand.administer("CHECKPOINT").await?;
        self.keep(&self.platform, in_flight, self.warm_up).await?;
        self.timed(&self.platform, in_flight, time).await
    }

    /// So many reports in flight for a while, as warm as it is.
    pub(crate) async fn timed(
        &self,
        platform: &Platform,
        in_flight: usize,
        time: Duration,
    ) -> anyhow::Result<Leg> {
        self.timed_of(&self.pids(), platform, in_flight, time).await
    }

    /// The same to processes beside, once they have been at it for a while.
    pub(crate) async fn turn_of(
        &self,
        beside: &Beside,
        in_flight: usize,
        before: Duration,
        time: Duration,
    ) -> anyhow::Result<Leg> {
        let Beside {
            platform,
            processes,
        } = beside;
        self.keep(platform, in_flight, before).await?;
        self.timed_of(&pids(processes), platform, in_flight, time)
            .await
    }

    async fn timed_of(
        &self,
        pids: &[u32],
        platform: &Platform,
        in_flight: usize,
        time: Duration,
    ) -> anyhow::Result<Leg> {
        let before = self.reported();
        let meter = self.stand.servers.start(pids).await?;
        self.keep(platform, in_flight, time).await?;
        let (took, cost) = meter.stop().await?;
        Ok(Leg {
            operations: (self.reported() - before) as f64,
            took,
            cost,
        })
    }

    /// Keeps so many reports in flight.
    async fn keep(
        &self,
        platform: &Platform,
        in_flight: usize,
        time: Duration,
    ) -> anyhow::Result<()> {
        let until = Instant::now() + time;
        let workers = (0..in_flight).map(|_| async {
            while Instant::now() < until {
                self.tell(platform).await?;
            }
            anyhow::Ok(())
        });
        futures::future::try_join_all(workers).await?;
        Ok(())
    }

    /// Reports at random moments, `rate` a second; those of the warm-up are left out.
    pub(crate) async fn open(&self, rate: f64, time: Duration) -> anyhow::Result<Vec<Told>> {
        let begin = Instant::now() + BEGINS_IN;
        let starts = arrivals(begin, rate, self.warm_up + time);
        let reports = starts.into_iter().map(|start| async move {
            wait_until(start).await;
            let request = self.tell(&self.platform).await?;
            anyhow::Ok(Told {
                request,
                start,
                answered: Instant::now(),
            })
        });
        let mut told = futures::future::try_join_all(reports).await?;
        told.retain(|one| one.start >= begin + self.warm_up);
        Ok(told)
    }

    /// The latency of [`Commands::open`].
    pub(crate) async fn open_reports(&self, rate: f64, time: Duration) -> anyhow::Result<Times> {
        let told = self.open(rate, time).await?;
        Times::of_durations(told.iter().map(Told::took))
    }

    /// Waits until the outbox of `life-events` is empty.
    pub(crate) async fn drained(&self) -> anyhow::Result<()> {
        let asked = Instant::now();
        let text = "SELECT count(*) AS n FROM (SELECT 1 FROM outbox LIMIT 1) AS first";
        loop {
            let row = self.life_events.reader().one(text, []).await?;
            if row.context("a count")?.get::<i64>("n")? == 0 {
                return Ok(());
            }
            ensure!(
                asked.elapsed() < DRAINED_WITHIN,
                "events stay in the outbox"
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}
