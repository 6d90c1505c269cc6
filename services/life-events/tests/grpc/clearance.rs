//! The interlock.

use minzheng_chassis::clock::Clock;
use minzheng_chassis::db::Sql;
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, TestNode, worker};
use minzheng_proto::life_events::v1 as pb;
use minzheng_proto::life_events::v1::EvidenceSource;
use tonic::Code;

use crate::common::*;

on_both_deployments!(what_cannot_be_undone_asks_first);

async fn ask(node: &TestNode, case_id: &str, fact_version: i64) -> pb::GetClearanceResponse {
    // A crematorium of another county.
    let request = pb::GetClearanceRequest {
        case_id: case_id.to_owned(),
        fact_version,
    };
    let mut client = client(node, &worker("crematorium", OTHER_COUNTY));
    client
        .get_clearance(request)
        .await
        .expect("an answer")
        .into_inner()
}

async fn what_cannot_be_undone_asks_first(deployment: Deployment) {
    let node = deployment.start(silent()).await;
    let (number, _) = residents::somebody();
    let told = tell(
        &node,
        &report(identity(&number), EvidenceSource::Village, day(2026, 3, 4)),
    )
    .await;
    let answer = ask(&node, &told.id, 1).await;
    assert!(!answer.cleared && answer.clearance_id.is_empty() && answer.expires_at.is_none());
    assert_eq!(
        answer.blocking_reasons,
        ["NOT_CONFIRMED", "NO_RANK_1_EVIDENCE"]
    );
    tell(
        &node,
        &report(
            identity(&number),
            EvidenceSource::HouseholdCancellation,
            day(2026, 3, 4),
        ),
    )
    .await;
    assert_eq!(
        ask(&node, &told.id, 1).await.blocking_reasons,
        ["FACT_VERSION_OLD", "NO_RANK_1_EVIDENCE"]
    );
    tell(&node, &certificate(&number)).await;
    let cleared = ask(&node, &told.id, 2).await;
    assert!(cleared.cleared);
    assert_eq!(cleared.blocking_reasons, [""; 0]);
    let expires =
        cleared.expires_at.expect("an end").seconds - deployment.clock().now().as_second();
    assert_eq!(expires, 30 * 60);
    let row = node
        .context("life-events")
        .db()
        .reader()
        .one("SELECT count(*) AS n FROM clearance", [])
        .await;
    assert_eq!(
        row.unwrap().unwrap().get::<i64>("n").unwrap(),
        1,
        "only what was given is kept"
    );

    tell(
        &node,
        &report(
            identity(&number),
            EvidenceSource::CremationCertificate,
            day(2026, 4, 4),
        ),
    )
    .await;
    assert_eq!(ask(&node, &told.id, 2).await.blocking_reasons, ["CONFLICT"]);
    let held = pb::PrepareReversalRequest {
        request_id: request_id(),
        case_id: told.id.clone(),
        etag: get(&node, &told.id).await.etag,
        reason: "somebody else".to_owned(),
        revoked_on: None,
    };
    client(&node, &li()).prepare_reversal(held).await.unwrap();
    assert_eq!(
        ask(&node, &told.id, 2).await.blocking_reasons,
        ["CONFLICT", "HOLD"]
    );
    let unknown = pb::GetClearanceRequest {
        case_id: request_id(),
        fact_version: 1,
    };
    let refusal = client(&node, &li())
        .get_clearance(unknown)
        .await
        .unwrap_err();
    assert_eq!(refusal.code(), Code::NotFound);
    node.stop().await;
}
