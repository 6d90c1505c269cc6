//! Things that happen in the same second: both parents die, a kinship is recorded while a death
//! arrives, two beds are freed at once.

use futures::StreamExt;
use futures::future::join;
use jiff::ToSpan;
use minzheng_chassis::civil;
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{
    Deployment, KAFKA_VARIABLE, TestDatabase, eventually, real_service,
};
use minzheng_proto::child_welfare::v1 as child;
use minzheng_proto::elderly_care::v1 as elderly;
use minzheng_proto::life_events::v1::EvidenceSource;
use minzheng_proto::residents::v1::Sex;
use minzheng_proto::work::v1 as work;
use minzheng_server::modules;
use minzheng_tests::family::{
    COUNTY, Member, add_bed, facility_with_bed, place, record_parent, register, wait_for_bed,
};
use minzheng_tests::platform::{Callers, Platform, until_answered};
use minzheng_tests::processes::Cluster;
use minzheng_tests::reports::{Report, day};
use uuid::Uuid;

on_both_deployments!(two_beds_freed_at_once_go_to_two_people);

/// How many families lose both parents in the same second, and how many are recorded in that second.
const FAMILIES: usize = 100;

async fn tell_death(platform: &Platform, callers: &Callers, member: &Member) {
    let today = civil::today(platform.clock.now());
    let report = Report::of(
        member,
        EvidenceSource::MedicalCertificate,
        &Uuid::new_v4().to_string(),
        day(today),
    );
    report.tell(platform, callers).await.expect("taken");
}

/// Each death is told to another replica, where there are two.
async fn both_die(platform: &Platform, callers: &Callers, father: &Member, mother: &Member) {
    let (one, other) = (platform.through_replica(0), platform.through_replica(1));
    join(
        tell_death(&one, callers, father),
        tell_death(&other, callers, mother),
    )
    .await;
}

async fn child_of(platform: &Platform, callers: &Callers, member: &Member) -> Option<child::Child> {
    let request = child::GetChildRequest {
        child_id: member.id.clone(),
    };
    let answer = until_answered(|| {
        let (mut client, request) = (platform.child_welfare(&callers.clerk), request.clone());
        async move { client.get_child(request).await }
    })
    .await;
    answer.ok().and_then(|answer| answer.child)
}

/// Waits until child-welfare knows both parents of a child, so that their deaths find them.
async fn is_known(platform: &Platform, callers: &Callers, member: &Member) {
    eventually("child-welfare knows both parents", || async {
        let child = child_of(platform, callers, member).await?;
        (child.relatives.len() == 2).then_some(())
    })
    .await;
}

/// `closed` says how many alarms may have come and gone before.
async fn is_an_orphan_with_one_alarm(
    platform: &Platform,
    callers: &Callers,
    member: &Member,
    closed: usize,
) {
    // Of both: a child of whom one parent is recorded, and dead, is an orphan until the other is recorded.
    eventually("the child is an orphan", || async {
        let child = child_of(platform, callers, member).await?;
        let orphan = child.situation() == child::Situation::Orphan;
        (orphan && child.relatives.len() == 2).then_some(())
    })
    .await;
    let request = work::ListWorkItemsRequest {
        subject_id: member.id.clone(),
        include_closed: true,
        ..Default::default()
    };
    let items = until_answered(|| {
        let (mut client, request) = (
            platform.work("child-welfare", &callers.worker),
            request.clone(),
        );
        async move { client.list_work_items(request).await }
    })
    .await
    .expect("items")
    .items;
    let visits: Vec<&work::WorkItem> = items
        .iter()
        .filter(|item| item.kind == "child-visit")
        .collect();
    let open = visits
        .iter()
        .filter(|item| item.state() == work::WorkItemState::Open)
        .count();
    assert_eq!(open, 1, "one alarm: {visits:?}");
    assert!(
        visits.len() <= 1 + closed,
        "no alarm came and went: {visits:?}"
    );
}

/// Parents and child; `related` says whether the kinship is recorded.
async fn parents_and_child(
    platform: &Platform,
    callers: &Callers,
    related: bool,
) -> (Member, Member, Member) {
    let today = civil::today(platform.clock.now());
    let years_ago = |years: i32| {
        today
            .saturating_sub(years.years())
            .saturating_sub(30.days())
    };
    let father = register(platform, callers, "父", years_ago(40), Sex::Male).await;
    let mother = register(platform, callers, "母", years_ago(38), Sex::Female).await;
    let child = register(platform, callers, "幼", years_ago(8), Sex::Female).await;
    if related {
        record_parent(platform, callers, &child, &father).await;
        record_parent(platform, callers, &child, &mother).await;
    }
    (father, mother, child)
}

async fn both_parents_in_one_second(platform: &Platform, at_once: usize) {
    let callers = Callers::of(COUNTY);
    futures::stream::iter(0..FAMILIES)
        .for_each_concurrent(at_once, |_| async {
            let (father, mother, child) = parents_and_child(platform, &callers, true).await;
            is_known(platform, &callers, &child).await;
            both_die(platform, &callers, &father, &mother).await;
            is_an_orphan_with_one_alarm(platform, &callers, &child, 0).await;
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_parents_dead_in_the_same_second_on_the_embedded_defaults() {
    let deployment = Deployment::embedded();
    let node = deployment.start(modules::all()).await;
    both_parents_in_one_second(&Platform::of_node(&node, deployment.clock()), 8).await;
    node.stop().await;
}

/// From two processes: every service has two replicas, and each death is told to another one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_parents_dead_in_the_same_second_from_two_processes() {
    if let Some(cluster) = two_of_each().await {
        both_parents_in_one_second(&cluster.platform(), 8).await;
    }
}

async fn two_of_each() -> Option<Cluster> {
    let kafka = real_service(KAFKA_VARIABLE)?;
    let database = TestDatabase::postgres().await?;
    Some(Cluster::start(database, &kafka, 2).await)
}

async fn kinship_in_the_second_of_the_deaths(platform: &Platform, at_once: usize) {
    let callers = Callers::of(COUNTY);
    futures::stream::iter(0..FAMILIES)
        .for_each_concurrent(at_once, |_| async {
            let (father, mother, child) = parents_and_child(platform, &callers, false).await;
            let kinship = async {
                record_parent(platform, &callers, &child, &father).await;
                record_parent(platform, &callers, &child, &mother).await;
            };
            let deaths = both_die(platform, &callers, &father, &mother);
            join(kinship, deaths).await;
            // While only one parent is recorded and dead, an alarm is right; the second one takes it back.
            is_an_orphan_with_one_alarm(platform, &callers, &child, 1).await;
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kinship_recorded_in_the_second_of_the_deaths_on_the_embedded_defaults() {
    let deployment = Deployment::embedded();
    let node = deployment.start(modules::all()).await;
    kinship_in_the_second_of_the_deaths(&Platform::of_node(&node, deployment.clock()), 8).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kinship_recorded_in_the_second_of_the_deaths_from_two_processes() {
    if let Some(cluster) = two_of_each().await {
        kinship_in_the_second_of_the_deaths(&cluster.platform(), 8).await;
    }
}

async fn two_beds_freed_at_once_go_to_two_people(deployment: Deployment) {
    let node = deployment.start(modules::all()).await;
    let platform = Platform::of_node(&node, deployment.clock());
    let callers = Callers::of(COUNTY);
    let birth = civil::today(platform.clock.now()).saturating_sub(82.years());
    for _ in 0..10 {
        let (facility, first_bed) = facility_with_bed(&platform, &callers, "1-1").await;
        let second_bed = add_bed(&platform, &callers, &facility, "1-2").await;
        let mut people = Vec::new();
        for name in ["甲", "乙", "丙", "丁"] {
            people.push(register(&platform, &callers, name, birth, Sex::Female).await);
        }
        place(&platform, &callers, &first_bed, &people[0]).await;
        place(&platform, &callers, &second_bed, &people[1]).await;
        wait_for_bed(&platform, &callers, &facility, &people[2]).await;
        wait_for_bed(&platform, &callers, &facility, &people[3]).await;
        join(
            tell_death(&platform, &callers, &people[0]),
            tell_death(&platform, &callers, &people[1]),
        )
        .await;
        let offers = eventually("two open offers", || async {
            let request = elderly::ListOffersRequest {
                facility_id: facility.clone(),
                ..Default::default()
            };
            let answer = platform
                .elderly_care(&callers.clerk)
                .list_offers(request)
                .await
                .ok()?
                .into_inner();
            (answer.offers.len() == 2).then_some(answer.offers)
        })
        .await;
        assert_ne!(offers[0].person_id, offers[1].person_id, "two people");
        assert_ne!(offers[0].bed_id, offers[1].bed_id, "two beds");
    }
    node.stop().await;
}
