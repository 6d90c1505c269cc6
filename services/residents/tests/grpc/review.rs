//! DecideMatch, by its RPC and by closing the work item.

use minzheng_chassis::authz::Caller;
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, TestNode, worker};
use minzheng_proto::residents::v1 as pb;
use minzheng_proto::work::v1 as work;
use tonic::{Code, Status};

use crate::common::*;

on_both_deployments!(
    a_record_is_merged_into_a_known_person_of_another_county,
    a_record_is_a_new_person,
    a_record_is_rejected,
    what_cannot_be_decided_is_refused,
    closing_the_item_decides,
    two_who_decide_at_once_decide_once,
);

async fn provisional(node: &TestNode, reference: &str, sequence: u16) -> pb::Person {
    let report = report(reference, identity(sequence, "张三"));
    let found = resolve(node, report).await.unwrap();
    get(node, &yunyan_clerk(), &found.person_id).await.unwrap()
}

fn decision(
    record: &pb::Person,
    decision: pb::MatchDecision,
    into: &str,
) -> pb::DecideMatchRequest {
    pb::DecideMatchRequest {
        request_id: request_id(),
        person_id: record.person_id.clone(),
        etag: record.etag.clone(),
        decision: decision.into(),
        into_person_id: into.to_owned(),
        reason: "已核对户口底册".to_owned(),
    }
}

async fn decide(
    node: &TestNode,
    caller: &Caller,
    request: pb::DecideMatchRequest,
) -> Result<pb::Person, Status> {
    let answer = client(node, caller).decide_match(request).await?;
    Ok(answer.into_inner().person.unwrap())
}

async fn a_record_is_merged_into_a_known_person_of_another_county(deployment: Deployment) {
    let node = start(&deployment).await;
    let known = register(&node, identity(1, "张三丰")).await;
    let record = provisional(&node, "a-1", 1).await;
    assert_eq!(
        record.candidates, 1,
        "somebody has the number, under another name"
    );
    let possible = &record.possible_persons[0];
    assert_eq!(possible.person_id, known.person_id);
    assert_eq!(
        (possible.name.as_str(), possible.domicile_division.as_str()),
        ("张*", NANMING)
    );
    assert_eq!((possible.holds_number, possible.same_name), (true, false));
    let read = get(&node, &auditor(), &record.person_id).await.unwrap();
    assert_eq!(read.possible_persons, [], "for the clerk who decides");
    let asked = decision(&record, pb::MatchDecision::IsPerson, &known.person_id);
    let shown = decide(&node, &yunyan_clerk(), asked).await.unwrap();
    assert_eq!(shown.person_id, known.person_id);
    assert_eq!(shown.name, "", "no field of another county's person");

    let told = eventually_published::<pb::PersonMerged>(&node, &record.person_id, 1).await;
    assert_eq!(told[0].into_person_id, known.person_id);
    assert_eq!(told[0].domicile_division, NANMING);
    assert_eq!(
        open_item(&node, &yunyan_clerk(), &record.person_id).await,
        None
    );
    // The record that went answers with the survivor, to those who see the survivor.
    let survivor = get(&node, &nanming_clerk(), &record.person_id)
        .await
        .unwrap();
    assert_eq!(survivor.person_id, known.person_id);
    let hidden = get(&node, &yunyan_clerk(), &record.person_id).await;
    assert_refused(hidden, Code::NotFound, "NOT_FOUND");
    // The same report again, and a new one under the name that was decided on.
    for reference in ["a-1", "a-2"] {
        let found = resolve(&node, report(reference, identity(1, "张三")))
            .await
            .unwrap();
        assert_eq!(found.answer(), pb::MatchAnswer::Matched);
        assert_eq!(found.person_id, known.person_id);
        assert_eq!(found.domicile_division, NANMING);
    }
    let id = &record.person_id;
    let lines = fingerprint(&node, &[id]).await;
    let into = &known.person_id;
    assert_eq!(
        lines,
        [format!("person {id} merged into {into} alive unknown")]
    );
    // A fact about the record that went is refused by receipt.
    send(&node, &[fact(FactOf::Confirmed, id, 1, (2026, 5, 1))]).await;
    let outcome = receipts(&node, id, 1).await[0].2;
    assert_eq!(outcome, minzheng_proto::life_events::v1::Outcome::Rejected);
    node.stop().await;
}

async fn a_record_is_a_new_person(deployment: Deployment) {
    let node = start(&deployment).await;
    let record = provisional(&node, "a-1", 1).await;
    let asked = decision(&record, pb::MatchDecision::NewPerson, "");
    let shown = decide(&node, &life_events_service(), asked).await.unwrap();
    assert_eq!(shown.state(), pb::RecordState::Established);
    assert_eq!(shown.person_id, record.person_id);
    let told = eventually_published::<pb::PersonEstablished>(&node, &record.person_id, 1).await;
    assert_eq!(told[0].domicile_division, YUNYAN);
    let found = resolve(&node, report("a-1", identity(1, "张三")))
        .await
        .unwrap();
    assert_eq!(found.answer(), pb::MatchAnswer::Matched);
    node.stop().await;
}

async fn a_record_is_rejected(deployment: Deployment) {
    let node = start(&deployment).await;
    let record = provisional(&node, "a-1", 1).await;
    let asked = decision(&record, pb::MatchDecision::Reject, "");
    let shown = decide(&node, &yunyan_clerk(), asked).await.unwrap();
    assert_eq!(shown.state(), pb::RecordState::Rejected);
    eventually_published::<pb::PersonRejected>(&node, &record.person_id, 1).await;
    let again = resolve(&node, report("a-1", identity(1, "张三")))
        .await
        .unwrap();
    assert_eq!(again.answer(), pb::MatchAnswer::NoMatch);
    let other = resolve(&node, report("a-2", identity(1, "张三")))
        .await
        .unwrap();
    assert_ne!(
        other.person_id, record.person_id,
        "a rejected record speaks for nobody"
    );
    node.stop().await;
}

async fn what_cannot_be_decided_is_refused(deployment: Deployment) {
    let node = start(&deployment).await;
    let known = register(&node, identity(1, "张三丰")).await;
    let other = register(&node, identity(2, "李四")).await;
    let record = provisional(&node, "a-1", 3).await;
    let waiting = provisional(&node, "a-2", 4).await;
    let clerk = yunyan_clerk();
    use pb::MatchDecision::*;
    let cases = [
        (
            decision(&record, IsPerson, &record.person_id),
            Code::FailedPrecondition,
            "MERGE_INTO_ITSELF",
        ),
        (
            decision(&record, IsPerson, &waiting.person_id),
            Code::FailedPrecondition,
            "MERGE_INTO_UNESTABLISHED",
        ),
        (
            decision(&record, IsPerson, &request_id()),
            Code::NotFound,
            "NOT_FOUND",
        ),
        (
            decision(&record, IsPerson, ""),
            Code::InvalidArgument,
            "REQUIRED",
        ),
        (
            decision(&record, Reject, &known.person_id),
            Code::InvalidArgument,
            "NOT_ALLOWED",
        ),
        (
            decision(&record, Unspecified, ""),
            Code::InvalidArgument,
            "REQUIRED",
        ),
    ];
    for (asked, code, reason) in cases {
        assert_refused(decide(&node, &clerk, asked).await, code, reason);
    }
    let unexplained = pb::DecideMatchRequest {
        reason: String::new(),
        ..decision(&record, NewPerson, "")
    };
    assert_refused(
        decide(&node, &clerk, unexplained).await,
        Code::InvalidArgument,
        "REQUIRED",
    );
    let stale = pb::DecideMatchRequest {
        etag: "v9".to_owned(),
        ..decision(&record, NewPerson, "")
    };
    assert_refused(
        decide(&node, &clerk, stale).await,
        Code::Aborted,
        "ETAG_MISMATCH",
    );
    let elsewhere = decide(&node, &nanming_clerk(), decision(&record, NewPerson, "")).await;
    assert_refused(elsewhere, Code::NotFound, "NOT_FOUND");
    let merge = decision(&known, IsPerson, &other.person_id);
    assert_refused(
        decide(&node, &nanming_clerk(), merge).await,
        Code::FailedPrecondition,
        "MERGE_OF_ESTABLISHED",
    );
    let decided = decide(&node, &clerk, decision(&record, NewPerson, ""))
        .await
        .unwrap();
    assert_refused(
        decide(&node, &clerk, decision(&decided, Reject, "")).await,
        Code::FailedPrecondition,
        "ALREADY_DECIDED",
    );
    node.stop().await;
}

async fn closing_the_item_decides(deployment: Deployment) {
    let node = start(&deployment).await;
    let record = provisional(&node, "a-1", 1).await;
    let item = open_item(&node, &yunyan_clerk(), &record.person_id)
        .await
        .unwrap();
    let complete = |outcome: &str| work::CompleteWorkItemRequest {
        request_id: request_id(),
        id: item.id.clone(),
        etag: item.etag.clone(),
        outcome: outcome.to_owned(),
        ..Default::default()
    };
    let township = worker("wu.worker", YUNYAN);
    let mut helper = work_client(&node, &township);
    assert_refused(
        helper.complete_work_item(complete("reject")).await,
        Code::PermissionDenied,
        "ROLE_REQUIRED",
    );
    let mut clerk = work_client(&node, &yunyan_clerk());
    assert_refused(
        clerk.complete_work_item(complete("is-person")).await,
        Code::InvalidArgument,
        "OUTCOME_INVALID",
    );
    clerk
        .complete_work_item(complete("new-person"))
        .await
        .unwrap();
    let shown = get(&node, &yunyan_clerk(), &record.person_id)
        .await
        .unwrap();
    assert_eq!(shown.state(), pb::RecordState::Established);
    eventually_published::<pb::PersonEstablished>(&node, &record.person_id, 1).await;
    node.stop().await;
}

async fn two_who_decide_at_once_decide_once(deployment: Deployment) {
    let node = start(&deployment).await;
    for sequence in 1..4 {
        let record = provisional(&node, &format!("a-{sequence}"), sequence).await;
        let (clerk, service) = (yunyan_clerk(), life_events_service());
        let both = tokio::join!(
            decide(
                &node,
                &clerk,
                decision(&record, pb::MatchDecision::NewPerson, "")
            ),
            decide(
                &node,
                &service,
                decision(&record, pb::MatchDecision::Reject, "")
            ),
        );
        assert_ne!(both.0.is_ok(), both.1.is_ok(), "{both:?}");
    }
    node.stop().await;
}
