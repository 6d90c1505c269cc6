//! Persons who move while a case is open.

use minzheng_chassis::authz::Caller;
use minzheng_chassis::bus::Envelope;
use minzheng_chassis::db::{Sql, val};
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::person::FactKind;
use minzheng_chassis::testing::{Deployment, TestNode, clerk, eventually, operator, worker};
use minzheng_proto::life_events::v1 as pb;
use minzheng_proto::life_events::v1::{EvidenceSource, Phase};
use minzheng_proto::residents::v1::{MatchDecision, PersonMerged, PersonMoved};
use minzheng_proto::work::v1 as work;
use minzheng_proto::work::v1::work_service_client::WorkServiceClient;
use tonic::{Code, Status};

use crate::common::*;

on_both_deployments!(
    an_open_case_goes_where_the_person_goes,
    what_has_ended_stays_and_an_older_move_has_no_effect,
    a_record_that_was_merged_moves_nobody,
);

/// A village of the other county.
const NEW_VILLAGE: &str = "520103001001";

fn moved(person_id: &str, village: &str) -> Envelope {
    let event = PersonMoved {
        person_id: person_id.to_owned(),
        domicile_division: village.to_owned(),
        residence_division: village.to_owned(),
    };
    envelope("residents", &event, 1)
}

/// The clerk of the other county.
fn zhao() -> Caller {
    clerk("zhao.clerk", OTHER_COUNTY)
}

async fn get_as(node: &TestNode, caller: &Caller, case_id: &str) -> Result<pb::DeathCase, Status> {
    let request = pb::GetCaseRequest {
        case_id: case_id.to_owned(),
    };
    let answer = client(node, caller).get_case(request).await?;
    Ok(answer.into_inner().case.expect("a case"))
}

/// Sends an event and waits until it was heard, whatever it did.
async fn tell_residents_event(node: &TestNode, event: Envelope) {
    send(node, std::slice::from_ref(&event)).await;
    let text = "SELECT state FROM inbox WHERE event_id = $1";
    let db = node.context("life-events").db().reader();
    let state: String = eventually("the event is heard", || async {
        let row = db.one(text, [val(event.id)]).await.expect("read")?;
        Some(row.get("state").expect("a state"))
    })
    .await;
    assert_eq!(state, "applied");
}

async fn an_open_case_goes_where_the_person_goes(deployment: Deployment) {
    let node = deployment.start(answering()).await;
    let (number, person_id) = residents::somebody();
    for (source, died_on) in [
        (EvidenceSource::MedicalCertificate, day(2026, 3, 4)),
        (EvidenceSource::HouseholdCancellation, day(2026, 4, 4)),
    ] {
        tell(&node, &report(identity(&number), source, died_on)).await;
    }
    let case_id = cases_of(&node, &person_id).await[0].id.clone();
    let case = reaches(&node, &case_id, Phase::Settled).await;
    assert_eq!(case.division, VILLAGE);
    let item = items(&node, &case_id).await.remove(0);
    let claim = work::ClaimWorkItemRequest {
        request_id: request_id(),
        id: item.id,
        etag: item.etag,
    };
    let mut works = WorkServiceClient::new(node.channel(&li()));
    works.claim_work_item(claim).await.expect("claimed");
    let before = get_as(&node, &zhao(), &case_id).await.unwrap_err();
    assert_eq!(before.code(), Code::NotFound);

    tell_residents_event(&node, moved(&person_id, NEW_VILLAGE)).await;
    let case = get_as(&node, &zhao(), &case_id)
        .await
        .expect("the new county");
    assert_eq!(
        (case.division.as_str(), case.phase(), case.fact_version),
        (NEW_VILLAGE, Phase::Settled, 1),
        "nothing is announced, nobody is asked anew"
    );
    let of_hospital = get_as(&node, &hospital(), &case_id).await;
    assert_eq!(
        of_hospital.expect("whose evidence it is").division,
        NEW_VILLAGE
    );
    let old = get_as(&node, &li(), &case_id).await.unwrap_err();
    assert_eq!(old.code(), Code::NotFound);
    let item = items(&node, &case_id).await.remove(0);
    assert_eq!(
        (item.division.as_str(), item.claimed_by.as_str()),
        (NEW_VILLAGE, ""),
        "whoever had taken it does not see it any more"
    );

    let decide = pb::DecideConflictRequest {
        request_id: request_id(),
        case_id: case_id.clone(),
        etag: case.etag.clone(),
        evidence_id: case.evidence[1].id.clone(),
        reason: "police file".to_owned(),
    };
    let refused = client(&node, &li()).decide_conflict(decide.clone()).await;
    assert_eq!(refused.unwrap_err().code(), Code::NotFound);
    client(&node, &zhao())
        .decide_conflict(decide)
        .await
        .expect("the new county decides");
    assert_eq!(heard(&person_id, 2).await, FactKind::Corrected);
    let facts = departments::heard(&person_id);
    let domiciles: Vec<String> = facts
        .iter()
        .filter_map(|fact| fact.domicile.map(|code| code.to_string()))
        .collect();
    assert_eq!(domiciles, [VILLAGE, NEW_VILLAGE]);
    eventually("everybody has answered", || async {
        let case = get_as(&node, &zhao(), &case_id).await.ok()?;
        (case.phase() == Phase::Finished).then_some(())
    })
    .await;
    assert_eq!(complaints(&node).await, [""; 0]);
    node.stop().await;
}

async fn what_has_ended_stays_and_an_older_move_has_no_effect(deployment: Deployment) {
    let node = deployment.start(silent()).await;
    let (number, person_id) = residents::somebody();
    let village = |died_on| report(identity(&number), EvidenceSource::Village, died_on);
    let suspected = tell(&node, &village(day(2026, 3, 4))).await;
    let alive = pb::CompleteVerificationRequest {
        request_id: request_id(),
        case_id: suspected.id.clone(),
        etag: suspected.etag,
        result: pb::VerificationResult::Alive.into(),
        ..Default::default()
    };
    client(&node, &worker("wu.worker", COUNTY))
        .complete_verification(alive)
        .await
        .expect("verified");

    let earlier = moved(&person_id, "520102016002");
    let later = Envelope {
        time: earlier.time + jiff::SignedDuration::from_secs(1),
        ..moved(&person_id, NEW_VILLAGE)
    };
    tell_residents_event(&node, later).await;
    let ended = get(&node, &suspected.id).await;
    assert_eq!(
        (ended.phase(), ended.division.as_str()),
        (Phase::Rejected, VILLAGE)
    );
    // Residents still answers what it answered before the move, as to a report that was under way.
    let next = tell(&node, &village(day(2026, 3, 5))).await;
    assert_eq!((next.episode, next.division.as_str()), (2, NEW_VILLAGE));
    assert_eq!(items(&node, &next.id).await[0].division, NEW_VILLAGE);

    tell_residents_event(&node, earlier).await;
    let next = get_as(&node, &zhao(), &next.id).await.expect("it stands");
    assert_eq!(next.division, NEW_VILLAGE);
    assert_eq!(complaints(&node).await, [""; 0]);
    node.stop().await;
}

async fn a_record_that_was_merged_moves_nobody(deployment: Deployment) {
    let node = deployment.start(silent()).await;
    let (_, known) = residents::somebody();
    let gone = stranger(&node).await;
    residents::decide(&gone.person_id, MatchDecision::IsPerson, &known);
    // The survivor moved before the merge is heard, which tells of the village before.
    tell_residents_event(&node, moved(&known, NEW_VILLAGE)).await;
    let merged = PersonMerged {
        person_id: gone.person_id.clone(),
        into_person_id: known.clone(),
        domicile_division: VILLAGE.to_owned(),
        residence_division: VILLAGE.to_owned(),
    };
    tell_residents_event(&node, envelope("residents", &merged, 1)).await;
    let survivor = get_as(&node, &operator("op"), &gone.id).await.expect("it");
    assert_eq!(
        (survivor.person_id.as_str(), survivor.division.as_str()),
        (known.as_str(), NEW_VILLAGE)
    );
    tell_residents_event(&node, moved(&gone.person_id, VILLAGE)).await;
    let survivor = get_as(&node, &operator("op"), &gone.id).await.expect("it");
    assert_eq!(survivor.division, NEW_VILLAGE);
    assert_eq!(complaints(&node).await, [""; 0]);
    node.stop().await;
}
