//! Match and ResolveOrProvision.

use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, TestNode};
use minzheng_proto::common::v1 as common_pb;
use minzheng_proto::residents::v1 as pb;
use tonic::Code;

use crate::common::*;

on_both_deployments!(
    the_four_answers_of_a_match,
    a_known_person_is_found_whatever_the_county,
    an_unknown_identity_becomes_one_provisional_record,
    a_reference_names_one_identity_for_ever,
    reports_in_the_same_second_make_one_record,
    a_body_without_any_id_gets_a_record_per_reference,
);

async fn matched(node: &TestNode, identity: common_pb::Identity) -> pb::MatchResponse {
    let request = pb::MatchRequest {
        identity: Some(identity),
    };
    let answer = client(node, &yunyan_clerk()).r#match(request).await;
    answer.unwrap().into_inner()
}

async fn the_four_answers_of_a_match(deployment: Deployment) {
    let node = start(&deployment).await;
    let person = register(&node, identity(1, "张三")).await;
    let found = matched(&node, identity(1, " 张三 ")).await;
    assert_eq!(found.answer(), pb::MatchAnswer::Matched);
    assert_eq!(found.person_id, person.person_id);
    assert_eq!(found.candidates, 1);

    let nobody = matched(&node, identity(2, "张三")).await;
    assert_eq!(nobody.answer(), pb::MatchAnswer::NoMatch);
    assert_eq!(nobody.person_id, "");

    let misnamed = matched(&node, identity(1, "李四")).await;
    assert_eq!(misnamed.answer(), pb::MatchAnswer::PendingReview);
    assert_eq!(misnamed.person_id, "", "nobody is guessed");

    let mut shared = registration(identity(1, "李四"));
    shared.shared_number = true;
    let mut clerk = client(&node, &nanming_clerk());
    clerk.register_person(shared).await.unwrap();
    let several = matched(&node, identity(1, "张三")).await;
    assert_eq!(several.answer(), pb::MatchAnswer::MultipleCandidates);
    assert_eq!((several.candidates, several.person_id.as_str()), (2, ""));

    let wrong = pb::MatchRequest {
        identity: Some(common_pb::Identity {
            id_number: "1".to_owned(),
            ..identity(1, "张三")
        }),
    };
    assert_refused(
        clerk.r#match(wrong).await,
        Code::InvalidArgument,
        "ID_NUMBER_LENGTH",
    );
    node.stop().await;
}

async fn a_known_person_is_found_whatever_the_county(deployment: Deployment) {
    let node = start(&deployment).await;
    let person = register(&node, identity(1, "张三")).await;
    let found = resolve(&node, report("a-1", identity(1, "张三")))
        .await
        .unwrap();
    assert_eq!(found.answer(), pb::MatchAnswer::Matched);
    assert_eq!(found.person_id, person.person_id);
    assert_eq!(found.domicile_division, NANMING);
    assert_eq!(
        open_item(&node, &yunyan_clerk(), &person.person_id).await,
        None
    );
    node.stop().await;
}

async fn an_unknown_identity_becomes_one_provisional_record(deployment: Deployment) {
    let node = start(&deployment).await;
    let first = resolve(&node, report("a-1", identity(1, "张三")))
        .await
        .unwrap();
    assert_eq!(first.answer(), pb::MatchAnswer::PendingReview);
    assert_eq!(first.domicile_division, YUNYAN, "the reporter's");
    // The same report again, and another organisation's of the same identity.
    let again = resolve(&node, report("a-1", identity(1, "张三")))
        .await
        .unwrap();
    assert_eq!(again, first);
    let other = pb::ResolveOrProvisionRequest {
        source_organisation: "nanming-police".to_owned(),
        reporter_division: NANMING.to_owned(),
        ..report("a-1", identity(1, "张三"))
    };
    assert_eq!(resolve(&node, other).await.unwrap(), first);

    let record = get(&node, &yunyan_clerk(), &first.person_id).await.unwrap();
    assert_eq!(record.state(), pb::RecordState::Provisional);
    let item = open_item(&node, &yunyan_clerk(), &first.person_id)
        .await
        .unwrap();
    assert_eq!(
        (item.kind.as_str(), item.division.as_str()),
        ("decide-match", YUNYAN)
    );
    assert_eq!(item.role, "county_clerk");
    assert_eq!(item.possible_outcomes, ["new-person", "reject"]);
    assert!(item.due_at.unwrap().seconds > item.opened_at.unwrap().seconds);
    assert_eq!(
        open_item(&node, &nanming_clerk(), &first.person_id).await,
        None
    );
    let told = eventually_published::<pb::PersonRegistered>(&node, &first.person_id, 1).await;
    assert_eq!(told.len(), 1);
    assert!(told[0].provisional);
    let lines = fingerprint(&node, &[&first.person_id]).await;
    let id = &first.person_id;
    assert_eq!(
        lines,
        [
            format!("open decide-match normal {id}"),
            format!("person {id} provisional alive unknown")
        ]
    );
    node.stop().await;
}

async fn a_reference_names_one_identity_for_ever(deployment: Deployment) {
    let node = start(&deployment).await;
    resolve(&node, report("a-1", identity(1, "张三")))
        .await
        .unwrap();
    for other in [identity(2, "张三"), identity(1, "张山")] {
        let refused = resolve(&node, report("a-1", other)).await;
        assert_refused(refused, Code::FailedPrecondition, "REFERENCE_REUSED");
    }
    // A reference that found a known person is no other.
    register(&node, identity(3, "王五")).await;
    resolve(&node, report("a-2", identity(3, "王五")))
        .await
        .unwrap();
    let refused = resolve(&node, report("a-2", identity(4, "赵六"))).await;
    assert_refused(refused, Code::FailedPrecondition, "REFERENCE_REUSED");
    let unsourced = pb::ResolveOrProvisionRequest {
        source_organisation: String::new(),
        reporter_division: "52".to_owned(),
        ..report("a-3", identity(4, "赵六"))
    };
    assert_refused(
        resolve(&node, unsourced).await,
        Code::InvalidArgument,
        "REQUIRED",
    );
    node.stop().await;
}

async fn reports_in_the_same_second_make_one_record(deployment: Deployment) {
    let node = start(&deployment).await;
    for sequence in 1..6 {
        let name = "张三";
        let mut reports = tokio::task::JoinSet::new();
        let client = client(&node, &life_events_service());
        for source in 0..4 {
            let mut client = client.clone();
            let report = report(&format!("{sequence}-{source}"), identity(sequence, name));
            reports.spawn(async move { client.resolve_or_provision(report).await });
        }
        let answers = reports.join_all().await;
        let ids: std::collections::BTreeSet<String> = answers
            .into_iter()
            .map(|answer| answer.unwrap().into_inner().person_id)
            .collect();
        assert_eq!(ids.len(), 1, "one record of one identity");
    }
    node.stop().await;
}

async fn a_body_without_any_id_gets_a_record_per_reference(deployment: Deployment) {
    let node = start(&deployment).await;
    let body = || common_pb::Identity {
        id_type: common_pb::IdType::None.into(),
        id_number: String::new(),
        name: String::new(),
    };
    let first = resolve(&node, report("b-1", body())).await.unwrap();
    let again = resolve(&node, report("b-1", body())).await.unwrap();
    let second = resolve(&node, report("b-2", body())).await.unwrap();
    assert_eq!(first, again);
    assert_ne!(first.person_id, second.person_id);
    assert_eq!(second.answer(), pb::MatchAnswer::PendingReview);
    assert_eq!(second.candidates, 0);
    node.stop().await;
}
