//! Reports on somebody nobody knows.

use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, TestNode, clerk};
use minzheng_proto::life_events::v1 as pb;
use minzheng_proto::life_events::v1::{EvidenceSource, EvidenceStanding, Phase, ReviewDecision};
use minzheng_proto::residents::v1::MatchDecision;
use tonic::{Code, Status};

use crate::common::*;

on_both_deployments!(
    a_stranger_waits_in_review_and_turns_out_to_be_known,
    a_stranger_is_a_new_person_or_nobody,
    what_residents_decided_already_is_followed_not_undone,
);

async fn decide(
    node: &TestNode,
    case: &pb::DeathCase,
    decision: ReviewDecision,
    person_id: &str,
) -> Result<pb::DeathCase, Status> {
    let request = pb::DecideReviewRequest {
        request_id: request_id(),
        case_id: case.id.clone(),
        etag: case.etag.clone(),
        decision: decision.into(),
        person_id: person_id.to_owned(),
        reason: "compared with the household register".to_owned(),
    };
    Ok(client(node, &li())
        .decide_review(request)
        .await?
        .into_inner()
        .case
        .expect("a case"))
}

async fn a_stranger_waits_in_review_and_turns_out_to_be_known(deployment: Deployment) {
    let node = deployment.start(answering()).await;
    // Known in another county: the reporter's county decides, the domicile's goes on.
    let known = residents::know(&residents::fresh_number(), "520103001001");
    let stranger = identity(&residents::fresh_number());
    let village = tell(
        &node,
        &report(stranger.clone(), EvidenceSource::Village, day(2026, 3, 4)),
    )
    .await;
    let certificate = report(
        stranger,
        EvidenceSource::MedicalCertificate,
        day(2026, 3, 4),
    );
    let case = tell(&node, &certificate).await;
    assert_eq!(
        (case.id.as_str(), case.phase(), case.fact_version),
        (village.id.as_str(), Phase::InReview, 0)
    );
    assert!(
        case.evidence
            .iter()
            .all(|item| item.standing() == EvidenceStanding::IdentityInDoubt)
    );
    assert_eq!(kinds(&node, &case.id).await, ["decide-review"]);
    assert_eq!(
        departments::heard(&case.person_id),
        vec![],
        "nothing is published"
    );
    assert!(
        case.division.starts_with(COUNTY),
        "it stands in the reporter's division"
    );

    let missing = decide(&node, &case, ReviewDecision::IsPerson, "")
        .await
        .unwrap_err();
    assert_eq!(violations(&missing), [("person_id".to_owned(), "REQUIRED")]);
    let extra = decide(&node, &case, ReviewDecision::Reject, &known)
        .await
        .unwrap_err();
    assert_eq!(
        violations(&extra),
        [("person_id".to_owned(), "NOT_ALLOWED")]
    );
    let unsaid = decide(&node, &case, ReviewDecision::Unspecified, "")
        .await
        .unwrap_err();
    assert_eq!(violations(&unsaid), [("decision".to_owned(), "REQUIRED")]);
    let stale = pb::DeathCase {
        etag: "v9".to_owned(),
        ..case.clone()
    };
    assert_eq!(
        decide(&node, &stale, ReviewDecision::IsPerson, &known)
            .await
            .unwrap_err()
            .code(),
        Code::Aborted
    );
    let nobody = decide(&node, &case, ReviewDecision::IsPerson, &request_id())
        .await
        .unwrap_err();
    assert_eq!(nobody.code(), Code::NotFound);

    let survivor = decide(&node, &case, ReviewDecision::IsPerson, &known)
        .await
        .unwrap();
    assert_eq!(
        (survivor.person_id.as_str(), survivor.phase()),
        (known.as_str(), Phase::Notifying)
    );
    assert!(survivor.division.starts_with(OTHER_COUNTY));
    assert_eq!(survivor.evidence.len(), 2);
    assert!(
        survivor
            .evidence
            .iter()
            .all(|item| item.standing() == EvidenceStanding::Current)
    );
    assert_eq!(
        get(&node, &case.id).await.id,
        survivor.id,
        "the merged case answers with the survivor's"
    );
    assert_eq!(
        tell(&node, &again(&certificate)).await.id,
        survivor.id,
        "and so does its report, told again"
    );
    assert_eq!(kinds(&node, &case.id).await, [""; 0]);
    let owner = clerk("zhao", OTHER_COUNTY);
    let finished =
        minzheng_chassis::testing::eventually("the survivor's case is finished", || async {
            let request = pb::GetCaseRequest {
                case_id: survivor.id.clone(),
            };
            let case = client(&node, &owner)
                .get_case(request)
                .await
                .unwrap()
                .into_inner()
                .case
                .unwrap();
            (case.phase() == Phase::Finished).then_some(case)
        })
        .await;
    assert_eq!(finished.fact_version, 1);
    node.stop().await;
}

async fn a_stranger_is_a_new_person_or_nobody(deployment: Deployment) {
    let node = deployment.start(answering()).await;
    let stranger = identity(&residents::fresh_number());
    let case = tell(
        &node,
        &report(stranger, EvidenceSource::PoliceCertificate, day(2026, 3, 4)),
    )
    .await;
    let counted = decide(&node, &case, ReviewDecision::NewPerson, "")
        .await
        .unwrap();
    assert_eq!(
        (counted.phase(), counted.person_id.as_str()),
        (Phase::Notifying, case.person_id.as_str())
    );
    // The departments' receipts change the case meanwhile; it is settled once all have come.
    let settled = reaches(&node, &counted.id, Phase::Finished).await;
    let twice = decide(&node, &settled, ReviewDecision::NewPerson, "")
        .await
        .unwrap_err();
    assert_eq!(reason(&twice), "NOTHING_IN_DOUBT");

    let other = identity(&residents::fresh_number());
    let request = report(other, EvidenceSource::PoliceCertificate, day(2026, 3, 4));
    let case = tell(&node, &request).await;
    let refused = decide(&node, &case, ReviewDecision::Reject, "")
        .await
        .unwrap();
    assert_eq!(refused.phase(), Phase::Rejected);
    assert_eq!(kinds(&node, &case.id).await, [""; 0]);
    assert_eq!(
        tell(&node, &again(&request)).await.id,
        case.id,
        "told again: the same case, refused"
    );
    let mut reissued = again(&request);
    reissued.died_on = Some(minzheng_proto::common::v1::PartialDate {
        year: 2026,
        month: 4,
        day: 1,
    });
    let second = tell(&node, &reissued).await;
    assert_eq!(
        (second.episode, second.phase()),
        (2, Phase::Rejected),
        "there still is no such person"
    );
    assert_eq!(departments::heard(&case.person_id), vec![]);
    node.stop().await;
}

async fn what_residents_decided_already_is_followed_not_undone(deployment: Deployment) {
    let node = deployment.start(silent()).await;
    let known = residents::know(&residents::fresh_number(), VILLAGE);
    let stranger = identity(&residents::fresh_number());
    let case = tell(
        &node,
        &report(stranger, EvidenceSource::Village, day(2026, 3, 4)),
    )
    .await;
    residents::decide(&case.person_id, MatchDecision::IsPerson, &known);
    let otherwise = decide(&node, &case, ReviewDecision::NewPerson, "")
        .await
        .unwrap_err();
    assert_eq!(reason(&otherwise), "ALREADY_DECIDED");
    let survivor = decide(&node, &case, ReviewDecision::IsPerson, &known)
        .await
        .unwrap();
    assert_eq!(
        (survivor.person_id.as_str(), survivor.phase()),
        (known.as_str(), Phase::Suspected)
    );
    node.stop().await;
}
