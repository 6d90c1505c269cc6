//! Watchers who share a look; a watcher who may not see, who reads too slowly, whose process stops.

use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, PATIENCE, TestNode, clerk, eventually};
use minzheng_life_events::app::lookout::Lookout;
use minzheng_life_events::app::watch_case::{Seen, Watch};
use minzheng_proto::life_events::v1 as pb;
use minzheng_proto::life_events::v1::EvidenceSource;
use minzheng_proto::residents::v1::{MatchDecision, PersonMerged};
use tokio::time::timeout;
use tokio_stream::StreamExt;
use tonic::{Code, Streaming};
use uuid::Uuid;

use crate::common::*;

on_both_deployments!(
    a_lookout_tells_versions_while_somebody_watches,
    each_of_many_watchers_sees_its_own_case,
    a_watcher_goes_on_with_what_a_merged_case_became,
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

type Changes = Streaming<pb::WatchCaseResponse>;

async fn watching(node: &TestNode, case_id: &str) -> Changes {
    let mut client = client(node, &li());
    let stream = client.watch_case(watch(case_id, "")).await;
    stream.expect("watched").into_inner()
}

async fn next(stream: &mut Changes) -> pb::DeathCase {
    let change = timeout(PATIENCE, stream.message()).await;
    let change = change.expect("in time").expect("no reason to end");
    change.and_then(|change| change.case).expect("a state")
}

/// What each watcher hears of, without the watchers.
async fn a_lookout_tells_versions_while_somebody_watches(deployment: Deployment) {
    let node = deployment.start(silent()).await;
    let (number, case) = a_case(&node).await;
    let case_id = Uuid::parse_str(&case.id).expect("an id");
    let lookout = Lookout::new(node.context("life-events").clone());
    assert!(!lookout.is_looking());
    let mut last = 0;
    for _ in 0..2 {
        let mut versions = lookout.versions(case_id);
        let mut of_none = lookout.versions(Uuid::now_v7());
        for _ in 0..3 {
            let version = timeout(PATIENCE, versions.next()).await.expect("in time");
            let version = version.expect("a look that does not fail").expect("there");
            assert!(version > last, "{version} after {last}");
            last = version;
            let another = report(identity(&number), EvidenceSource::Village, day(2026, 3, 4));
            tell(&node, &another).await;
        }
        let nothing = timeout(PATIENCE, of_none.next()).await.expect("in time");
        assert!(nothing.is_none(), "there is no such case");
        assert!(lookout.is_looking());
        drop(versions);
        eventually("nobody looks any more", || async {
            (!lookout.is_looking()).then_some(())
        })
        .await;
    }
    node.stop().await;
}

/// They share a look; nobody sees what is another's.
async fn each_of_many_watchers_sees_its_own_case(deployment: Deployment) {
    let node = deployment.start(silent()).await;
    let cases = [
        a_case(&node).await,
        a_case(&node).await,
        a_case(&node).await,
    ];
    // Once more: those who watched are gone, and perhaps not forgotten yet.
    for evidence in [2, 3] {
        let mut watchers = Vec::new();
        for (_, case) in cases.iter().chain(&cases) {
            let mut stream = watching(&node, &case.id).await;
            assert_eq!(next(&mut stream).await.evidence.len(), evidence - 1);
            watchers.push((case.id.clone(), stream));
        }
        for (number, _) in &cases {
            let another = report(identity(number), EvidenceSource::Village, day(2026, 3, 4));
            tell(&node, &another).await;
        }
        for (case_id, stream) in &mut watchers {
            let state = next(stream).await;
            assert_eq!((&state.id, state.evidence.len()), (&*case_id, evidence));
        }
    }
    node.stop().await;
}

async fn a_watcher_goes_on_with_what_a_merged_case_became(deployment: Deployment) {
    let node = deployment.start(silent()).await;
    let (number, known) = residents::somebody();
    let village = || report(identity(&number), EvidenceSource::Village, day(2026, 3, 4));
    let survivor = tell(&node, &village()).await;
    let gone = stranger(&node).await;
    let mut stream = watching(&node, &gone.id).await;
    assert_eq!(next(&mut stream).await.id, gone.id);
    residents::decide(&gone.person_id, MatchDecision::IsPerson, &known);
    let event = PersonMerged {
        person_id: gone.person_id.clone(),
        into_person_id: known,
        domicile_division: VILLAGE.to_owned(),
        residence_division: VILLAGE.to_owned(),
    };
    send(&node, &[envelope("residents", &event, 1)]).await;
    let state = next(&mut stream).await;
    assert_eq!((state.id, state.evidence.len()), (survivor.id.clone(), 2));
    tell(&node, &village()).await;
    let state = next(&mut stream).await;
    assert_eq!((state.id, state.evidence.len()), (survivor.id, 3));
    node.stop().await;
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
    let lookout = Lookout::new(node.context("life-events").clone());
    let watch = Watch {
        cx: node.context("life-events").clone(),
        lookout: lookout.clone(),
        caller: li(),
        case_id: Uuid::parse_str(&case.id).unwrap(),
        seen: None::<Seen>,
    };
    let mut stream = watch.begin().await.expect("watched");
    let told = eventually("more has changed than may wait", || async {
        let another = report(identity(&number), EvidenceSource::Village, day(2026, 3, 4));
        let told = tell(&node, &another).await;
        // Nobody knows of how many states each look was.
        stream.as_ref().is_closed().then_some(told)
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
        lookout: lookout.clone(),
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
