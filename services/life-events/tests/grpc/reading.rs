//! Who sees which cases; lists; watching.

use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, clerk, operator, reporter, worker};
use minzheng_proto::life_events::v1 as pb;
use minzheng_proto::life_events::v1::{EvidenceSource, Phase};
use tonic::Code;

use crate::common::*;

on_both_deployments!(
    a_case_is_seen_in_its_division_and_by_who_reported,
    a_list_comes_in_pages_newest_first,
    a_watcher_sees_the_state_and_every_change,
);

async fn a_case_is_seen_in_its_division_and_by_who_reported(deployment: Deployment) {
    let node = deployment.start(silent()).await;
    // A hospital of one county reports a villager of another.
    let number = residents::fresh_number();
    residents::know(&number, "520103001001");
    let case = tell(&node, &certificate(&number)).await;
    assert!(case.division.starts_with(OTHER_COUNTY));
    let mut colleague = reporter("hospital.night", COUNTY);
    colleague.department = "hospital".to_owned();
    // The one who typed it in has left the hospital for the other's civil affairs.
    let mut moved = hospital();
    moved.department = "civil-affairs".to_owned();
    let mut nowhere = hospital();
    nowhere.department = String::new();
    let seen = [
        (hospital(), true),
        (moved, false),
        (nowhere, false),
        (colleague, true),
        (clerk("zhao", OTHER_COUNTY), true),
        (worker("township", "520103001"), true),
        (operator("op"), true),
        (li(), false),
        (worker("next-township", "520103002"), false),
    ];
    for (caller, sees) in seen {
        let mut client = client(&node, &caller);
        let got = client
            .get_case(pb::GetCaseRequest {
                case_id: case.id.clone(),
            })
            .await;
        let listed = client
            .list_cases(pb::ListCasesRequest::default())
            .await
            .unwrap()
            .into_inner();
        let watched = client
            .watch_case(pb::WatchCaseRequest {
                case_id: case.id.clone(),
                ..Default::default()
            })
            .await;
        assert_eq!(
            (got.is_ok(), listed.cases.len() == 1, watched.is_ok()),
            (sees, sees, sees),
            "{}",
            caller.subject
        );
        if !sees {
            assert_eq!(got.unwrap_err().code(), Code::NotFound);
            assert_eq!(watched.unwrap_err().code(), Code::NotFound);
        }
    }
    // To look is not to decide: the reporter's county changes nothing.
    let request = pb::PrepareReversalRequest {
        request_id: request_id(),
        case_id: case.id.clone(),
        etag: case.etag.clone(),
        reason: "x".to_owned(),
        revoked_on: None,
    };
    let mut clerk_of_the_hospital = li();
    clerk_of_the_hospital.department = "hospital".to_owned();
    let refusal = client(&node, &clerk_of_the_hospital)
        .prepare_reversal(request)
        .await
        .unwrap_err();
    assert_eq!(refusal.code(), Code::NotFound);
    node.stop().await;
}

async fn a_list_comes_in_pages_newest_first(deployment: Deployment) {
    let node = deployment.start(silent()).await;
    let mut told = Vec::new();
    for source in [
        EvidenceSource::MedicalCertificate,
        EvidenceSource::Village,
        EvidenceSource::DataHint,
        EvidenceSource::Village,
    ] {
        let (number, _) = residents::somebody();
        told.push(tell(&node, &report(identity(&number), source, day(2026, 3, 4))).await);
        deployment
            .clock()
            .advance(std::time::Duration::from_secs(1));
    }
    told.reverse();
    let mut request = pb::ListCasesRequest {
        page_size: 3,
        ..Default::default()
    };
    let first = client(&node, &li())
        .list_cases(request.clone())
        .await
        .unwrap()
        .into_inner();
    request.page_token = first.next_page_token.clone();
    let second = client(&node, &li())
        .list_cases(request)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (
            first.cases.len(),
            second.cases.len(),
            second.next_page_token.as_str()
        ),
        (3, 1, "")
    );
    let listed: Vec<&str> = first
        .cases
        .iter()
        .chain(&second.cases)
        .map(|case| case.id.as_str())
        .collect();
    assert_eq!(
        listed,
        told.iter().map(|case| case.id.as_str()).collect::<Vec<_>>()
    );
    assert!(
        first
            .cases
            .iter()
            .all(|case| case.evidence.is_empty() && case.questions.is_empty())
    );

    let count = async |request: pb::ListCasesRequest| {
        client(&node, &li())
            .list_cases(request)
            .await
            .map(|answer| answer.into_inner().cases.len())
    };
    let suspected = pb::ListCasesRequest {
        phase: Phase::Suspected.into(),
        ..Default::default()
    };
    assert_eq!(count(suspected).await.unwrap(), 2);
    let person = pb::ListCasesRequest {
        person_id: told[0].person_id.clone(),
        ..Default::default()
    };
    assert_eq!(count(person).await.unwrap(), 1);
    let wrong = [
        pb::ListCasesRequest {
            page_size: 201,
            ..Default::default()
        },
        pb::ListCasesRequest {
            page_token: "x".to_owned(),
            ..Default::default()
        },
        pb::ListCasesRequest {
            person_id: "x".to_owned(),
            ..Default::default()
        },
        pb::ListCasesRequest {
            phase: 99,
            ..Default::default()
        },
    ];
    for request in wrong {
        assert_eq!(
            count(request).await.unwrap_err().code(),
            Code::InvalidArgument
        );
    }
    let ended = get(&node, &told[0].id).await;
    assert_eq!(ended.id, told[0].id);
    node.stop().await;
}

async fn a_watcher_sees_the_state_and_every_change(deployment: Deployment) {
    let node = deployment.start(silent()).await;
    let (number, _) = residents::somebody();
    let case = tell(
        &node,
        &report(identity(&number), EvidenceSource::Village, day(2026, 3, 4)),
    )
    .await;
    let watch = |token: &str| pb::WatchCaseRequest {
        case_id: case.id.clone(),
        resume_token: token.to_owned(),
    };
    let mut stream = client(&node, &li())
        .watch_case(watch(""))
        .await
        .unwrap()
        .into_inner();
    let first = stream.message().await.unwrap().unwrap();
    assert_eq!(
        first.case.as_ref().map(pb::DeathCase::phase),
        Some(Phase::Suspected)
    );
    tell(&node, &certificate(&number)).await;
    let second = stream.message().await.unwrap().unwrap();
    assert_eq!(
        second.case.as_ref().map(pb::DeathCase::phase),
        Some(Phase::Notifying)
    );
    drop(stream);

    // A resumed stream begins with what was missed: nothing, or everything since.
    let mut missed = client(&node, &li())
        .watch_case(watch(&first.resume_token))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(missed.message().await.unwrap().unwrap(), second);
    let mut resumed = client(&node, &li())
        .watch_case(watch(&second.resume_token))
        .await
        .unwrap()
        .into_inner();
    let held = pb::PrepareReversalRequest {
        request_id: request_id(),
        case_id: case.id.clone(),
        etag: get(&node, &case.id).await.etag,
        reason: "somebody else".to_owned(),
        revoked_on: None,
    };
    client(&node, &li()).prepare_reversal(held).await.unwrap();
    let third = resumed.message().await.unwrap().unwrap();
    assert_eq!(
        third.case.map(|case| case.hold),
        Some("approve-reversal".to_owned())
    );
    let rubbish = client(&node, &li())
        .watch_case(watch("rubbish"))
        .await
        .unwrap_err();
    assert_eq!(
        violations(&rubbish),
        [("resume_token".to_owned(), "RESUME_TOKEN_INVALID")]
    );
    node.stop().await;
}

/// Another replica's change shows too: no commit of this process tells of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watcher_sees_what_another_replica_changes() {
    let Some(deployment) = Deployment::real().await else {
        return;
    };
    let one = deployment.start(silent()).await;
    let other = deployment.start_again(silent(), &[]).await;
    let (number, _) = residents::somebody();
    let case = tell(
        &one,
        &report(identity(&number), EvidenceSource::Village, day(2026, 3, 4)),
    )
    .await;
    let watch = pb::WatchCaseRequest {
        case_id: case.id.clone(),
        ..Default::default()
    };
    let mut stream = client(&other, &li())
        .watch_case(watch)
        .await
        .unwrap()
        .into_inner();
    stream.message().await.unwrap().unwrap();
    let certificate = certificate(&number);
    tell(&one, &certificate).await;
    let state = stream.message().await.unwrap().unwrap();
    assert_eq!(
        state.case.as_ref().map(pb::DeathCase::phase),
        Some(Phase::Notifying)
    );
    one.stop().await;
    other.stop().await;
}
