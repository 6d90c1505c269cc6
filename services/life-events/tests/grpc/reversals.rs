//! Reversals: prepared by one official, approved by another.

use minzheng_chassis::convert::date_to_wire;
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::person::FactKind;
use minzheng_chassis::testing::{Deployment, TestNode};
use minzheng_proto::life_events::v1 as pb;
use minzheng_proto::life_events::v1::{EvidenceSource, Phase};
use tonic::{Code, Status};

use crate::common::*;

on_both_deployments!(a_reversal_takes_two, a_declared_death_needs_its_revocation);

async fn prepare(
    node: &TestNode,
    case: &pb::DeathCase,
    revoked_on: Option<minzheng_proto::common::v1::PartialDate>,
) -> Result<pb::DeathCase, Status> {
    let request = pb::PrepareReversalRequest {
        request_id: request_id(),
        case_id: case.id.clone(),
        etag: case.etag.clone(),
        reason: "another person of that name".to_owned(),
        revoked_on,
    };
    Ok(client(node, &li())
        .prepare_reversal(request)
        .await?
        .into_inner()
        .case
        .expect("a case"))
}

async fn approve(
    node: &TestNode,
    caller: &minzheng_chassis::authz::Caller,
    case: &pb::DeathCase,
    approve: bool,
) -> Result<pb::DeathCase, Status> {
    let request = pb::ApproveReversalRequest {
        request_id: request_id(),
        case_id: case.id.clone(),
        etag: case.etag.clone(),
        reversal_id: case
            .pending_reversal
            .as_ref()
            .map(|held| held.id.clone())
            .unwrap_or_else(request_id),
        approve,
    };
    Ok(client(node, caller)
        .approve_reversal(request)
        .await?
        .into_inner()
        .case
        .expect("a case"))
}

async fn a_reversal_takes_two(deployment: Deployment) {
    let node = deployment.start(answering()).await;
    let (number, person_id) = residents::somebody();
    let before = fingerprint(&node, &person_id).await;
    let told = tell(&node, &certificate(&number)).await;
    let case = reaches(&node, &told.id, Phase::Finished).await;
    let none = approve(&node, &wang(), &case, true).await.unwrap_err();
    assert_eq!(reason(&none), "NO_SUCH_REVERSAL");
    let held = prepare(&node, &case, None).await.unwrap();
    assert_eq!(
        (held.hold.as_str(), held.phase()),
        ("approve-reversal", Phase::Settled)
    );
    assert_eq!(kinds(&node, &case.id).await, ["approve-reversal"]);
    assert_eq!(
        reason(&prepare(&node, &held, None).await.unwrap_err()),
        "REVERSAL_PENDING"
    );
    let own = approve(&node, &li(), &held, true).await.unwrap_err();
    assert_eq!(own.code(), Code::PermissionDenied);
    let down = approve(&node, &wang(), &held, false).await.unwrap();
    assert_eq!(
        (down.phase(), down.hold.as_str(), down.fact_version),
        (Phase::Finished, "", 1)
    );

    let held = prepare(&node, &down, None).await.unwrap();
    let approved = approve(&node, &wang(), &held, true).await.unwrap();
    assert_eq!(
        (approved.phase(), approved.fact_version),
        (Phase::Reversing, 2)
    );
    assert_eq!(heard(&person_id, 2).await, FactKind::Reversed);
    let reversed = reaches(&node, &case.id, Phase::Reversed).await;
    assert_eq!(
        fingerprint(&node, &person_id).await,
        before,
        "nothing stands of it"
    );
    assert_eq!(
        reason(&prepare(&node, &reversed, None).await.unwrap_err()),
        "NOT_CONFIRMED"
    );

    let old = pb::ReportDeathRequest {
        document_date: Some(date_to_wire(day(2026, 3, 4))),
        ..certificate(&number)
    };
    let second = tell(&node, &old).await;
    assert_eq!(
        (second.episode, second.phase()),
        (2, Phase::InReview),
        "a document from before the reversal"
    );
    let decide = |decision: pb::ReviewDecision| pb::DecideReviewRequest {
        request_id: request_id(),
        case_id: second.id.clone(),
        etag: second.etag.clone(),
        decision: decision.into(),
        person_id: if decision == pb::ReviewDecision::IsPerson {
            person_id.clone()
        } else {
            String::new()
        },
        reason: "checked with the issuer".to_owned(),
    };
    let refusal = client(&node, &li())
        .decide_review(decide(pb::ReviewDecision::IsPerson))
        .await
        .unwrap_err();
    assert_eq!(reason(&refusal), "NOT_IN_REVIEW");
    let counts = client(&node, &li())
        .decide_review(decide(pb::ReviewDecision::NewPerson))
        .await
        .unwrap();
    let counts = counts.into_inner().case.unwrap();
    assert_eq!((counts.phase(), counts.fact_version), (Phase::Notifying, 3));
    assert_eq!(heard(&person_id, 3).await, FactKind::Confirmed);
    node.stop().await;
}

async fn a_declared_death_needs_its_revocation(deployment: Deployment) {
    let node = deployment.start(answering()).await;
    let (number, person_id) = residents::somebody();
    let judgment = pb::ReportDeathRequest {
        declared_on: Some(date_to_wire(day(2026, 2, 1))),
        ..report(
            identity(&number),
            EvidenceSource::CourtJudgment,
            day(2026, 1, 1),
        )
    };
    let told = tell(&node, &judgment).await;
    assert_eq!(told.declared_on, judgment.declared_on);
    let case = reaches(&node, &told.id, Phase::Finished).await;
    assert_eq!(
        reason(&prepare(&node, &case, None).await.unwrap_err()),
        "REVOCATION_NEEDED"
    );
    let held = prepare(&node, &case, Some(date_to_wire(day(2026, 6, 1))))
        .await
        .unwrap();
    approve(&node, &wang(), &held, true).await.unwrap();
    heard(&person_id, 2).await;
    let reversed = departments::heard(&person_id)
        .into_iter()
        .find(|fact| fact.kind == FactKind::Reversed)
        .unwrap();
    assert_eq!(reversed.revoked_on, Some(day(2026, 6, 1)));
    assert_eq!(reversed.declared_on, Some(day(2026, 2, 1)));
    node.stop().await;
}
