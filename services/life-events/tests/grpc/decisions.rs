//! Conflicts, verifications, corrections.

use minzheng_chassis::convert::date_to_wire;
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::person::FactKind;
use minzheng_chassis::testing::{Deployment, TestNode, clerk, eventually, worker};
use minzheng_proto::life_events::v1 as pb;
use minzheng_proto::life_events::v1::{EvidenceSource, EvidenceStanding, Phase};
use tonic::{Code, Status};

use crate::common::*;

on_both_deployments!(
    a_conflict_is_decided_by_a_clerk,
    a_suspicion_is_lifted_or_proven,
    a_date_is_corrected,
);

async fn a_conflict_is_decided_by_a_clerk(deployment: Deployment) {
    let node = deployment.start(answering()).await;
    let (number, person_id) = residents::somebody();
    let first = tell(&node, &certificate(&number)).await;
    let second = tell(
        &node,
        &report(
            identity(&number),
            EvidenceSource::HouseholdCancellation,
            day(2026, 4, 4),
        ),
    )
    .await;
    assert_eq!(
        (second.id.as_str(), second.conflict, second.fact_version),
        (first.id.as_str(), true, 1)
    );
    let case = reaches(&node, &first.id, Phase::Settled).await;
    assert_eq!(kinds(&node, &case.id).await, ["decide-conflict"]);
    assert_eq!(
        case.waiting
            .iter()
            .map(|waiting| waiting.on.as_str())
            .collect::<Vec<_>>(),
        ["county_clerk"]
    );

    let decide = |evidence_id: &str, etag: &str| pb::DecideConflictRequest {
        request_id: request_id(),
        case_id: case.id.clone(),
        etag: etag.to_owned(),
        evidence_id: evidence_id.to_owned(),
        reason: "police file".to_owned(),
    };
    let right = decide(&case.evidence[1].id, &case.etag);
    let refused = [
        (
            li(),
            decide(&case.evidence[1].id, "v1"),
            Code::Aborted,
            "Aborted",
        ),
        (
            li(),
            decide(&request_id(), &case.etag),
            Code::InvalidArgument,
            "NO_SUCH_EVIDENCE",
        ),
        (
            li(),
            decide(&case.evidence[1].id, ""),
            Code::InvalidArgument,
            "REQUIRED",
        ),
        (
            clerk("zhao", OTHER_COUNTY),
            right.clone(),
            Code::NotFound,
            "NOT_FOUND",
        ),
        (
            worker("township", COUNTY),
            right.clone(),
            Code::PermissionDenied,
            "PermissionDenied",
        ),
    ];
    for (caller, request, code, why) in refused {
        let refusal = client(&node, &caller)
            .decide_conflict(request)
            .await
            .unwrap_err();
        assert_eq!((refusal.code(), reason(&refusal).as_str()), (code, why));
    }
    let personal = pb::DecideConflictRequest {
        reason: "来电13800000000".to_owned(),
        ..right.clone()
    };
    let refusal = client(&node, &li())
        .decide_conflict(personal)
        .await
        .unwrap_err();
    assert_eq!(reason(&refusal), "PERSONAL_DATA_IN_TEXT");

    let decided = client(&node, &li())
        .decide_conflict(right.clone())
        .await
        .unwrap()
        .into_inner()
        .case
        .unwrap();
    assert_eq!(
        (decided.conflict, decided.fact_version, decided.phase()),
        (false, 2, Phase::Notifying)
    );
    assert_eq!(decided.evidence[0].standing(), EvidenceStanding::Overruled);
    let told_again = client(&node, &li())
        .decide_conflict(right)
        .await
        .unwrap()
        .into_inner()
        .case
        .unwrap();
    assert_eq!(told_again, decided, "the same call gives the same answer");
    assert_eq!(heard(&person_id, 2).await, FactKind::Corrected);
    reaches(&node, &case.id, Phase::Finished).await;
    assert_eq!(kinds(&node, &case.id).await, [""; 0]);
    node.stop().await;
}

/// The case once every department has answered, so that its etag stays.
async fn steady(node: &TestNode, case_id: &str) -> pb::DeathCase {
    eventually("every department has answered", || async {
        let case = get(node, case_id).await;
        let mut states = case.questions.iter().map(pb::Question::state);
        states
            .all(|state| state != pb::QuestionState::Open)
            .then_some(case)
    })
    .await
}

fn verification(
    case: &pb::DeathCase,
    result: pb::VerificationResult,
) -> pb::CompleteVerificationRequest {
    pb::CompleteVerificationRequest {
        request_id: request_id(),
        case_id: case.id.clone(),
        etag: case.etag.clone(),
        result: result.into(),
        ..Default::default()
    }
}

async fn verify(
    node: &TestNode,
    request: pb::CompleteVerificationRequest,
) -> Result<pb::DeathCase, Status> {
    let answer = client(node, &worker("township", COUNTY))
        .complete_verification(request)
        .await?;
    Ok(answer.into_inner().case.expect("a case"))
}

async fn a_suspicion_is_lifted_or_proven(deployment: Deployment) {
    let node = deployment.start(answering()).await;
    let (number, person_id) = residents::somebody();
    tell(
        &node,
        &report(
            identity(&number),
            EvidenceSource::CareFacility,
            day(2026, 3, 4),
        ),
    )
    .await;
    let case = cases_of(&node, &person_id).await.remove(0);
    assert_eq!(case.phase(), Phase::Suspected);
    assert_eq!(kinds(&node, &case.id).await, ["verify-death"]);
    let case = steady(&node, &case.id).await;
    assert_eq!(case.phase(), Phase::Suspected, "it never settles");

    let alive_with_date = pb::CompleteVerificationRequest {
        died_on: case.died_on,
        ..verification(&case, pb::VerificationResult::Alive)
    };
    assert_eq!(
        violations(&verify(&node, alive_with_date).await.unwrap_err()),
        [("died_on".to_owned(), "NOT_ALLOWED")]
    );
    let dead = pb::CompleteVerificationRequest {
        died_on: case.died_on,
        source: EvidenceSource::CremationCertificate.into(),
        source_organisation: "crematorium".to_owned(),
        reference: request_id(),
        ..verification(&case, pb::VerificationResult::Dead)
    };
    let weak = pb::CompleteVerificationRequest {
        source: EvidenceSource::Village.into(),
        ..dead.clone()
    };
    assert_eq!(
        reason(&verify(&node, weak).await.unwrap_err()),
        "PROOF_NEEDED"
    );
    let unsaid = verification(&case, pb::VerificationResult::Unspecified);
    assert_eq!(
        violations(&verify(&node, unsaid).await.unwrap_err()),
        [("result".to_owned(), "REQUIRED")]
    );

    let lifted = verify(&node, verification(&case, pb::VerificationResult::Alive))
        .await
        .unwrap();
    assert_eq!((lifted.phase(), lifted.fact_version), (Phase::Rejected, 2));
    assert_eq!(heard(&person_id, 2).await, FactKind::Lifted);
    assert_eq!(kinds(&node, &case.id).await, [""; 0]);
    let lifted = steady(&node, &case.id).await;
    let ended = verify(&node, verification(&lifted, pb::VerificationResult::Alive)).await;
    assert_eq!(reason(&ended.unwrap_err()), "NOT_UNDER_VERIFICATION");

    let second = tell(
        &node,
        &report(identity(&number), EvidenceSource::Family, day(2026, 5, 4)),
    )
    .await;
    assert_eq!(
        (second.episode, second.phase(), second.fact_version),
        (2, Phase::Suspected, 3)
    );
    let second = steady(&node, &second.id).await;
    let proof = pb::CompleteVerificationRequest {
        case_id: second.id.clone(),
        etag: second.etag.clone(),
        ..dead
    };
    let confirmed = verify(&node, proof).await.unwrap();
    assert_eq!(
        (
            confirmed.phase(),
            confirmed.fact_version,
            confirmed.conflict
        ),
        (Phase::Notifying, 4, true)
    );
    assert_eq!(heard(&person_id, 4).await, FactKind::Confirmed);
    assert_eq!(cases_of(&node, &person_id).await.len(), 2);
    node.stop().await;
}

async fn a_date_is_corrected(deployment: Deployment) {
    let node = deployment.start(answering()).await;
    let (number, person_id) = residents::somebody();
    let told = tell(&node, &certificate(&number)).await;
    let case = reaches(&node, &told.id, Phase::Finished).await;
    let correct = |died_on, cause: pb::Cause| pb::CorrectDeathRequest {
        request_id: request_id(),
        case_id: case.id.clone(),
        etag: case.etag.clone(),
        died_on,
        cause: cause.into(),
        reason: "certificate reissued".to_owned(),
    };
    let april = Some(date_to_wire(day(2026, 4, 4)));
    let future = Some(date_to_wire(day(2999, 4, 4)));
    let refused = [
        (
            correct(case.died_on, pb::Cause::Typographical),
            "NOTHING_TO_CORRECT",
        ),
        (
            correct(april, pb::Cause::Cancelled),
            "CAUSE_NOT_A_CORRECTION",
        ),
        (correct(april, pb::Cause::Unspecified), "REQUIRED"),
        (correct(None, pb::Cause::Typographical), "REQUIRED"),
        (correct(future, pb::Cause::Typographical), "DATE_IN_FUTURE"),
        (
            pb::CorrectDeathRequest {
                reason: " ".to_owned(),
                ..correct(april, pb::Cause::FormalCorrection)
            },
            "REQUIRED",
        ),
    ];
    for (request, why) in refused {
        let refusal = client(&node, &li())
            .correct_death(request)
            .await
            .unwrap_err();
        assert_eq!(reason(&refusal), why);
    }
    let answer = client(&node, &li())
        .correct_death(correct(april, pb::Cause::FormalCorrection))
        .await;
    let corrected = answer.unwrap().into_inner().case.unwrap();
    assert_eq!((corrected.fact_version, corrected.died_on), (2, april));
    let [shown] = &get(&node, &case.id).await.corrections[..] else {
        panic!("one correction");
    };
    let told = (shown.corrected_by.as_str(), shown.reason.as_str());
    assert_eq!(told, (li().subject.as_str(), "certificate reissued"));
    assert_eq!(
        (shown.cause(), shown.fact_version, shown.corrected_at),
        (pb::Cause::FormalCorrection, 2, corrected.changed_at)
    );
    assert_eq!(
        (shown.died_on_before, shown.died_on),
        (case.died_on, corrected.died_on)
    );
    assert_eq!(heard(&person_id, 2).await, FactKind::Corrected);
    // The certificate still says another day: somebody ruled against it, so nothing waits.
    reaches(&node, &case.id, Phase::Finished).await;
    node.stop().await;
}
