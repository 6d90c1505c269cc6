//! The story in several processes on PostgreSQL and Kafka: one per target; two replicas of each, one
//! of them killed and restarted meanwhile; and one process killed at many moments.

#![allow(clippy::print_stdout)] // the seed must be seen

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use minzheng_chassis::civil;
use minzheng_chassis::testing::{KAFKA_VARIABLE, TestDatabase, real_service};
use minzheng_proto::life_events::v1 as pb;
use minzheng_tests::family::{COUNTY, VILLAGE};
use minzheng_tests::platform::{Callers, SERVICES, until_answered};
use minzheng_tests::processes::{Cluster, Embedded};
use minzheng_tests::story::Story;
use minzheng_tests::verify;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
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
    verify::finds_nothing(&platform).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_of_each_one_killed_meanwhile() {
    let Some(mut cluster) = cluster(2).await else {
        return;
    };
    let platform = Arc::new(cluster.platform());
    let ended = Arc::new(AtomicBool::new(false));
    let story = {
        let (platform, ended) = (platform.clone(), ended.clone());
        tokio::spawn(async move {
            Story::run(&platform).await;
            ended.store(true, Ordering::Release);
        })
    };
    let mut turn = 0;
    while !ended.load(Ordering::Acquire) && !story.is_finished() {
        let service = SERVICES[turn % SERVICES.len()];
        turn += 1;
        // Replica 1: clients are sent to both, neighbours to replica 0.
        let process = cluster.process(service, 1);
        process.kill();
        process.restart();
        process.is_serving().await;
    }
    story.await.expect("the story runs");
    verify::finds_nothing(&platform).await;
    assert!(
        turn >= SERVICES.len(),
        "each service lost a replica at least once; {turn} kills"
    );
}

/// A report that the platform acknowledged.
struct Acknowledged {
    case_id: String,
    organisation: String,
    reference: String,
}

/// One process, killed with -9 at 50 seeded moments; every acknowledged report is in its case.
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
    let callers = Callers::of(COUNTY);
    let story = {
        let platform = platform.clone();
        tokio::spawn(async move { Story::run(&platform).await })
    };
    let done = Arc::new(AtomicBool::new(false));
    let client = {
        let (platform, done) = (platform.clone(), done.clone());
        tokio::spawn(async move { report_strangers(&platform, &done).await })
    };
    for _ in 0..KILLS {
        let moment = Duration::from_millis(random.random_range(5..250));
        tokio::time::sleep(moment).await;
        embedded.process.kill();
        embedded.process.restart();
        embedded.process.is_serving().await;
    }
    done.store(true, Ordering::Release);
    let acknowledged = client.await.expect("the client's log");
    story.await.expect("the story runs");
    assert!(!acknowledged.is_empty());
    for report in &acknowledged {
        let answer = until_answered(|| {
            let (mut client, case_id) = (
                platform.life_events(&callers.reporter),
                report.case_id.clone(),
            );
            async move { client.get_case(pb::GetCaseRequest { case_id }).await }
        })
        .await
        .expect("the case of an acknowledged report exists");
        let found = answer
            .case
            .expect("a case")
            .evidence
            .iter()
            .any(|evidence| {
                evidence.source_organisation == report.organisation
                    && evidence.reference == report.reference
            });
        assert!(
            found,
            "seed {seed}: acknowledged report {} is in its case",
            report.reference
        );
    }
    verify::finds_nothing(&platform).await;
    println!(
        "{} acknowledged reports, {KILLS} kills, none lost",
        acknowledged.len()
    );
}

/// Reports deaths of people nobody knows, one after another, and logs what was acknowledged.
async fn report_strangers(
    platform: &minzheng_tests::platform::Platform,
    done: &AtomicBool,
) -> Vec<Acknowledged> {
    let callers = Callers::of(COUNTY);
    let mut log = Vec::new();
    let today = civil::today(platform.clock.now());
    while !done.load(Ordering::Acquire) {
        let reference = Uuid::new_v4().to_string();
        let request = pb::ReportDeathRequest {
            request_id: Uuid::new_v4().to_string(),
            identity: Some(minzheng_proto::common::v1::Identity {
                id_type: minzheng_proto::common::v1::IdType::None.into(),
                ..Default::default()
            }),
            source_organisation: "test-hospital".to_owned(),
            reference: reference.clone(),
            source: pb::EvidenceSource::MedicalCertificate.into(),
            died_on: Some(minzheng_chassis::convert::date_to_wire(
                minzheng_tests::reports::day(today),
            )),
            place_division: VILLAGE.to_owned(),
            ..Default::default()
        };
        let answer = platform
            .life_events(&callers.reporter)
            .report_death(request)
            .await;
        if let Ok(answer) = answer {
            let case_id = answer.into_inner().case.expect("a case").id;
            log.push(Acknowledged {
                case_id,
                organisation: "test-hospital".to_owned(),
                reference,
            });
        }
    }
    log
}
