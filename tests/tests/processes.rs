//! The story in several processes on PostgreSQL and Kafka: one per target; two replicas of each, one
//! after the other killed and restarted meanwhile; and one process killed at many moments.

#![allow(clippy::print_stdout)] // the seed must be seen

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use jiff::ToSpan;
use minzheng_chassis::civil;
use minzheng_chassis::testing::{KAFKA_VARIABLE, TestDatabase, real_service};
use minzheng_proto::life_events::v1 as pb;
use minzheng_proto::residents::v1::Sex;
use minzheng_tests::family::{COUNTY, VILLAGE, register};
use minzheng_tests::platform::{Callers, Platform, SERVICES};
use minzheng_tests::processes::{Cluster, Embedded};
use minzheng_tests::reports::{Report, day, reaches};
use minzheng_tests::story::{Acknowledged, Story};
use minzheng_tests::verify;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinHandle;
use uuid::Uuid;

async fn cluster(replicas: usize) -> Option<Cluster> {
    let kafka = real_service(KAFKA_VARIABLE)?;
    let database = TestDatabase::postgres().await?;
    Some(Cluster::start(database, &kafka, replicas).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_per_target() {
    let Some(cluster) = cluster(1).await else {
        return;
    };
    let platform = cluster.platform();
    Story::run(&platform).await;
    Story::reversal_after_the_offer_was_accepted(&platform).await;
    verify::finds_nothing(&platform).await;
}

/// The story and its variant, told again and again, each time of another family, while something
/// happens to the platform: whenever it happens, a story is running.
struct Telling {
    tells: JoinHandle<Vec<Acknowledged>>,
    told: Arc<AtomicUsize>,
    enough: Arc<AtomicBool>,
}

impl Telling {
    fn begin(platform: Arc<Platform>) -> Self {
        let (told, enough) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let tells = {
            let (told, enough) = (told.clone(), enough.clone());
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                while !enough.load(Ordering::Acquire) {
                    acknowledged.extend(Story::run(&platform).await);
                    told.fetch_add(1, Ordering::AcqRel);
                    Story::reversal_after_the_offer_was_accepted(&platform).await;
                }
                acknowledged
            })
        };
        Self {
            tells,
            told,
            enough,
        }
    }

    /// How many stories were told to their end.
    fn told(&self) -> usize {
        self.told.load(Ordering::Acquire)
    }

    fn is_running(&self) -> bool {
        !self.tells.is_finished()
    }

    /// Lets the story that is running be the last.
    fn is_enough(&self) {
        self.enough.store(true, Ordering::Release);
    }

    /// Waits for its end; the acknowledged reports.
    async fn end(self) -> Vec<Acknowledged> {
        self.is_enough();
        self.tells.await.expect("the story runs")
    }
}

/// Every replica of every service is killed: clients are sent to both, neighbours to replica 0. Each
/// comes back to work before the next goes: a service that loses both, again and again, before either
/// has its partitions, does nothing at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_of_each_one_killed_meanwhile() {
    const REPLICAS: usize = 2;
    let Some(mut cluster) = cluster(REPLICAS).await else {
        return;
    };
    let platform = Arc::new(cluster.platform());
    let telling = Telling::begin(platform.clone());
    let mut kills = 0;
    while telling.is_running() {
        let service = SERVICES[kills % SERVICES.len()];
        let replica = kills / SERVICES.len() % REPLICAS;
        let process = cluster.process(service, replica);
        process.kill();
        process.restart();
        process.is_serving().await;
        somebody_dies(&platform).await;
        kills += 1;
        if kills == SERVICES.len() * REPLICAS {
            telling.is_enough();
        }
    }
    let acknowledged = telling.end().await;
    assert!(
        kills >= SERVICES.len() * REPLICAS,
        "each replica was lost at least once; {kills} kills"
    );
    are_in_their_cases(&platform, &acknowledged).await;
    verify::finds_nothing(&platform).await;
}

/// A death that every department hears of and answers.
async fn somebody_dies(platform: &Platform) {
    let callers = Callers::of(COUNTY);
    let today = civil::today(platform.clock.now());
    let birth = today.saturating_sub(70.years());
    let member = register(platform, &callers, "某", birth, Sex::Female).await;
    let reference = Uuid::new_v4().to_string();
    let source = pb::EvidenceSource::MedicalCertificate;
    let report = Report::of(&member, source, &reference, day(today));
    let case = report.tell(platform, &callers).await.expect("taken");
    reaches(platform, &callers, &case.id, pb::Phase::Finished).await;
}

/// One process, killed with -9 at 50 seeded moments of the story; every acknowledged report is in its
/// case.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_fifty_moments() {
    const KILLS: usize = 50;
    let seed = std::env::var("MINZHENG_TEST_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(20_261_124_u64);
    println!("seed {seed} (MINZHENG_TEST_SEED)");
    let mut random = StdRng::seed_from_u64(seed);
    let mut embedded = Embedded::start().await;
    let platform = Arc::new(embedded.platform());
    let telling = Telling::begin(platform.clone());
    let done = Arc::new(AtomicBool::new(false));
    let client = {
        let (platform, done) = (platform.clone(), done.clone());
        tokio::spawn(async move { report_strangers(&platform, &done).await })
    };
    let mut kills = 0;
    // One story at least is told from beginning to end under the kills.
    while kills < KILLS || telling.told() == 0 {
        let moment = Duration::from_millis(random.random_range(5..250));
        tokio::time::sleep(moment).await;
        assert!(
            telling.is_running(),
            "seed {seed}: a story is running when kill {kills} comes"
        );
        embedded.process.kill();
        embedded.process.restart();
        embedded.process.is_serving().await;
        kills += 1;
    }
    done.store(true, Ordering::Release);
    let whole = telling.told();
    let (of_strangers, of_stories) = (client.await.expect("the client's log"), telling.end().await);
    assert!(!of_strangers.is_empty());
    are_in_their_cases(&platform, &of_strangers).await;
    are_in_their_cases(&platform, &of_stories).await;
    verify::finds_nothing(&platform).await;
    println!(
        "{kills} kills, {whole} stories whole meanwhile; acknowledged reports: {} of strangers, {} of the stories, none lost",
        of_strangers.len(),
        of_stories.len()
    );
}

async fn are_in_their_cases(platform: &Platform, acknowledged: &[Acknowledged]) {
    let callers = Callers::of(COUNTY);
    for report in acknowledged {
        assert!(
            report.is_in_its_case(platform, &callers).await,
            "an acknowledged report is in its case: {report:?}"
        );
    }
}

/// Reports deaths of people nobody knows, one after another, and logs what was acknowledged.
async fn report_strangers(platform: &Platform, done: &AtomicBool) -> Vec<Acknowledged> {
    let callers = Callers::of(COUNTY);
    let mut log = Vec::new();
    let today = civil::today(platform.clock.now());
    while !done.load(Ordering::Acquire) {
        let request = pb::ReportDeathRequest {
            request_id: Uuid::new_v4().to_string(),
            identity: Some(minzheng_proto::common::v1::Identity {
                id_type: minzheng_proto::common::v1::IdType::None.into(),
                ..Default::default()
            }),
            source_organisation: "test-hospital".to_owned(),
            reference: Uuid::new_v4().to_string(),
            source: pb::EvidenceSource::MedicalCertificate.into(),
            died_on: Some(minzheng_chassis::convert::date_to_wire(day(today))),
            place_division: VILLAGE.to_owned(),
            ..Default::default()
        };
        let answer = platform
            .life_events(&callers.reporter)
            .report_death(request.clone())
            .await;
        if let Ok(answer) = answer {
            let case = answer.into_inner().case.expect("a case");
            log.push(Acknowledged::of(&request, &case));
        }
    }
    log
}
