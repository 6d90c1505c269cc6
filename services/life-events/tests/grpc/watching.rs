//! A watcher who may not see, who reads too slowly, whose process stops.

use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, TestNode, clerk, eventually};
use minzheng_life_events::app::watch_case::{Seen, Watch};
use minzheng_proto::life_events::v1 as pb;
use minzheng_proto::life_events::v1::EvidenceSource;
use tokio_stream::StreamExt;
use tonic::Code;
use uuid::Uuid;

use crate::common::*;

on_both_deployments!(
    a_token_opens_no_case_that_may_not_be_seen,
    a_token_of_another_case_is_answered_with_the_state,
    a_slow_reader_is_told_so,
    a_watch_ends_with_its_process_and_says_so,
);

async fn a_case(node: &TestNode) -> (String, pb::DeathCase) {
    let (number, _) = residents::somebody();
    let report = report(identity(&number), EvidenceSource::Village, day(2026, 3, 4));
    let case = tell(node, &report).await;
    (number, case)
}

fn watch(case_id: &str, resume_token: &str) -> pb::WatchCaseRequest {
    pb::WatchCaseRequest {
        case_id: case_id.to_owned(),
        resume_token: resume_token.to_owned(),
    }
}

async fn token(node: &TestNode, case: &pb::DeathCase) -> String {
    let mut stream = client(node, &li())
        .watch_case(watch(&case.id, ""))
        .await
        .expect("watched")
        .into_inner();
    let state = stream.message().await.unwrap().expect("the state");
    state.resume_token
}

async fn a_token_opens_no_case_that_may_not_be_seen(deployment: Deployment) {
    let node = deployment.start(silent()).await;
    let (_, case) = a_case(&node).await;
    let token = token(&node, &case).await;
    let refused = client(&node, &clerk("zhao", OTHER_COUNTY))
        .watch_case(watch(&case.id, &token))
        .await
        .expect_err("not found");
    assert_eq!(refused.code(), Code::NotFound);
    node.stop().await;
}

async fn a_token_of_another_case_is_answered_with_the_state(deployment: Deployment) {
    let node = deployment.start(silent()).await;
    let (_, one) = a_case(&node).await;
    let (_, other) = a_case(&node).await;
    let token = token(&node, &other).await;
    let mut stream = client(&node, &li())
        .watch_case(watch(&one.id, &token))
        .await
        .expect("watched")
        .into_inner();
    let state = stream.message().await.unwrap().expect("the state");
    assert_eq!(state.case.map(|case| case.id), Some(one.id));
    node.stop().await;
}

/// Without gRPC, whose windows take some of what nobody reads.
async fn a_slow_reader_is_told_so(deployment: Deployment) {
    let node = deployment.start(silent()).await;
    let (number, case) = a_case(&node).await;
    let watch = Watch {
        cx: node.context("life-events").clone(),
        caller: li(),
        case_id: Uuid::parse_str(&case.id).unwrap(),
        seen: None::<Seen>,
    };
    let mut stream = watch.begin().await.expect("watched");
    let told = eventually("more has changed than may wait", || async {
        let another = report(identity(&number), EvidenceSource::Village, day(2026, 3, 4));
        let told = tell(&node, &another).await;
        // The first state and one for each look; nobody knows how many looks there were.
        (told.evidence.len() >= 40).then_some(told)
    })
    .await;
    let mut states = Vec::new();
    let end = loop {
        match stream.next().await.expect("it ends with a reason") {
            Ok(state) => states.push(state),
            Err(status) => break status,
        }
    };
    assert_eq!(end.code(), Code::ResourceExhausted);
    assert_eq!(end.message(), "the reader is too slow; watch again");
    assert!(stream.next().await.is_none(), "that was the end");
    assert_eq!(states.len(), 16, "what waited is not lost");

    // Whoever watches again goes on from there.
    let last = states.pop().expect("a state");
    let watch = Watch {
        cx: node.context("life-events").clone(),
        caller: li(),
        case_id: Uuid::parse_str(&case.id).unwrap(),
        seen: Some(Seen::of_token(&last.resume_token).expect("a token")),
    };
    let mut stream = watch.begin().await.expect("watched");
    let state = stream.next().await.expect("a state").expect("no reason");
    assert_eq!(
        state.case.map(|case| case.evidence.len()),
        Some(told.evidence.len())
    );
    drop(stream);
    node.stop().await;
}

async fn a_watch_ends_with_its_process_and_says_so(deployment: Deployment) {
    let node = deployment.start(silent()).await;
    let (_, case) = a_case(&node).await;
    let mut stream = client(&node, &li())
        .watch_case(watch(&case.id, ""))
        .await
        .expect("watched")
        .into_inner();
    stream.message().await.unwrap().expect("the state");
    node.stop().await;
    let end = stream.message().await.expect_err("it ended");
    assert_eq!(end.code(), Code::Unavailable);
    assert_eq!(end.message(), "this process stops; watch again");
}
