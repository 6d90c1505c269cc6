//! The story in one process: on SQLite with the embedded bus, and on PostgreSQL with Kafka; and
//! every order of its five reports, each doubled at a seeded place.

use std::sync::Arc;

use futures::StreamExt;
use minzheng_chassis::civil;
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, TestNode, eventually};
use minzheng_server::modules;
use minzheng_tests::family::{COUNTY, Family};
use minzheng_tests::fingerprint::{self, Fingerprint};
use minzheng_tests::platform::{Callers, Platform};
use minzheng_tests::story::{Reports, Story};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

on_both_deployments!(the_story, the_reversal_after_the_offer_was_accepted);

async fn platform(deployment: &Deployment) -> (TestNode, Platform) {
    let node = deployment.start(modules::all()).await;
    let platform = Platform::of_node(&node, deployment.clock());
    (node, platform)
}

async fn the_story(deployment: Deployment) {
    let (node, platform) = platform(&deployment).await;
    Story::run(&platform).await;
    let findings = verify(&platform).await;
    assert_eq!(
        findings,
        Vec::<String>::new(),
        "what must always hold, holds"
    );
    node.stop().await;
}

async fn the_reversal_after_the_offer_was_accepted(deployment: Deployment) {
    let (node, platform) = platform(&deployment).await;
    Story::reversal_after_the_offer_was_accepted(&platform).await;
    node.stop().await;
}

async fn verify(platform: &Platform) -> Vec<String> {
    let answer = platform
        .operations("residents")
        .verify(minzheng_proto::operations::v1::VerifyRequest::default())
        .await
        .expect("verified")
        .into_inner();
    answer
        .findings
        .iter()
        .map(|finding| format!("{} {}: {}", finding.service, finding.check, finding.detail))
        .collect()
}

/// All orders of five things.
fn permutations() -> Vec<[usize; 5]> {
    let mut all = Vec::with_capacity(120);
    let mut order = [0, 1, 2, 3, 4];
    permute(&mut order, 0, &mut all);
    all
}

fn permute(order: &mut [usize; 5], from: usize, all: &mut Vec<[usize; 5]>) {
    if from == order.len() {
        all.push(*order);
        return;
    }
    for other in from..order.len() {
        order.swap(from, other);
        permute(order, from + 1, all);
        order.swap(from, other);
    }
}

/// Tells the five reports in an order, each a second time at a place of its own behind the first.
async fn tell_in_order(platform: &Platform, family: &Family, order: [usize; 5], seed: u64) {
    let callers = Callers::of(COUNTY);
    let reports = Reports::of(family, civil::today(platform.clock.now()));
    let mut sequence: Vec<usize> = order.to_vec();
    let mut random = StdRng::seed_from_u64(seed);
    for report in order {
        let first = sequence
            .iter()
            .position(|other| *other == report)
            .expect("it is there");
        let place = random.random_range(first + 1..=sequence.len());
        sequence.insert(place, report);
    }
    for report in sequence {
        reports.all()[report]
            .tell(platform, &callers)
            .await
            .expect("taken");
    }
}

/// The fingerprint that the story's own order ends in.
async fn expected(platform: &Platform) -> Fingerprint {
    let family = settled_family(platform).await;
    tell_in_order(platform, &family, [0, 1, 2, 3, 4], 0).await;
    // It stands still when it has not changed for a while and every death is settled.
    let last = std::sync::Mutex::new((Fingerprint::new(), 0));
    eventually("the first order has settled", || async {
        let now = fingerprint::of(platform, &family).await;
        let mut last = last.lock().expect("not poisoned");
        let same = now == last.0;
        *last = (now, if same { last.1 + 1 } else { 0 });
        let settled = last.0["life-events"]
            .iter()
            .filter(|line| line.contains("settled"))
            .count();
        (settled == 3 && last.1 >= 20).then(|| last.0.clone())
    })
    .await
}

async fn settled_family(platform: &Platform) -> Family {
    Story::begin(platform).await.family
}

async fn orders_end_alike(deployment: Deployment, orders: Vec<[usize; 5]>, at_once: usize) {
    let (node, platform) = platform(&deployment).await;
    let platform = Arc::new(platform);
    let expected = Arc::new(expected(&platform).await);
    let told: Vec<(String, Family)> = futures::stream::iter(orders.into_iter().enumerate())
        .map(|(index, order)| {
            let (platform, expected) = (platform.clone(), expected.clone());
            async move {
                let family = settled_family(&platform).await;
                tell_in_order(&platform, &family, order, index as u64).await;
                let what = format!("order {order:?}, seed {index}");
                fingerprint::becomes(&platform, &family, &expected, &what).await;
                (what, family)
            }
        })
        .buffer_unordered(at_once)
        .collect()
        .await;
    // A double that was read after that moment must not have moved anything either.
    fingerprint::stands_still(&platform).await;
    for (what, family) in &told {
        let now = fingerprint::of(&platform, family).await;
        assert_eq!(now, *expected, "{what}, once everything stands still");
    }
    assert_eq!(verify(&platform).await, Vec::<String>::new());
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_order_of_the_reports_ends_alike_on_the_embedded_defaults() {
    orders_end_alike(Deployment::embedded(), permutations(), 8).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_orders_end_alike_on_postgres_and_kafka() {
    let Some(deployment) = Deployment::real().await else {
        return;
    };
    let mut orders = permutations();
    orders.shuffle(&mut StdRng::seed_from_u64(20_261_124));
    orders.truncate(8);
    orders_end_alike(deployment, orders, 4).await;
}
