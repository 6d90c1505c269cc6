//! PutHousehold and GetHousehold.

use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::Deployment;
use minzheng_proto::residents::v1 as pb;
use tonic::Code;

use crate::common::*;

on_both_deployments!(
    a_household_is_recorded_and_replaced,
    households_that_cannot_be_are_refused
);

fn household(head: &str, members: &[&str]) -> pb::PutHouseholdRequest {
    pb::PutHouseholdRequest {
        request_id: request_id(),
        head_id: head.to_owned(),
        member_ids: members.iter().map(|id| (*id).to_owned()).collect(),
        division: NANMING.to_owned(),
        ..Default::default()
    }
}

async fn a_household_is_recorded_and_replaced(deployment: Deployment) {
    let node = start(&deployment).await;
    let head = register(&node, identity(1, "张三")).await.person_id;
    let member = register(&node, identity(2, "李四")).await.person_id;
    let alone_from_the_start = register(&node, identity(3, "王五")).await.person_id;
    let mut clerk = client(&node, &nanming_clerk());
    let recorded = clerk
        .put_household(household(&head, &[&head]))
        .await
        .unwrap();
    let recorded = recorded.into_inner().household.unwrap();
    assert_eq!(recorded.member_ids, [head.as_str()]);
    let shown = get(&node, &nanming_clerk(), &head).await.unwrap();
    assert_eq!(shown.household_id, recorded.household_id);
    let request = pb::PutHouseholdRequest {
        household_id: recorded.household_id.clone(),
        etag: recorded.etag.clone(),
        ..household(&member, &[&head, &member])
    };
    let replaced = clerk
        .put_household(request.clone())
        .await
        .unwrap()
        .into_inner();
    let replaced = replaced.household.unwrap();
    assert_eq!(replaced.head_id, member);
    assert_eq!(replaced.member_ids.len(), 2);
    assert_eq!(replaced.etag, "v2");
    let again = pb::PutHouseholdRequest {
        request_id: request_id(),
        ..request
    };
    assert_refused(
        clerk.put_household(again).await,
        Code::Aborted,
        "ETAG_MISMATCH",
    );

    // A member who goes is free to join another household; a dead one stays.
    send(&node, &[fact(FactOf::Confirmed, &member, 1, (2026, 5, 1))]).await;
    receipts(&node, &member, 1).await;
    let alone = pb::PutHouseholdRequest {
        household_id: replaced.household_id.clone(),
        etag: replaced.etag.clone(),
        ..household(&member, &[&member])
    };
    clerk.put_household(alone).await.unwrap();
    let gone = get(&node, &nanming_clerk(), &head).await.unwrap();
    assert_eq!(gone.household_id, "");
    let second = clerk
        .put_household(household(&head, &[&head]))
        .await
        .unwrap();
    let second = second.into_inner().household.unwrap();
    let asked = pb::GetHouseholdRequest {
        household_id: replaced.household_id.clone(),
    };
    let shown = clerk
        .get_household(asked.clone())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(shown.household.unwrap().member_ids, [member.as_str()]);
    let head_alone = get(&node, &nanming_clerk(), &head).await.unwrap();
    assert_eq!(head_alone.household_id, second.household_id);
    let listed = clerk
        .list_persons(pb::ListPersonsRequest::default())
        .await
        .unwrap()
        .into_inner();
    let mut listed: Vec<(&str, &str)> = listed
        .persons
        .iter()
        .map(|person| (person.person_id.as_str(), person.household_id.as_str()))
        .collect();
    listed.sort_unstable();
    let mut expected = [
        (head.as_str(), second.household_id.as_str()),
        (member.as_str(), replaced.household_id.as_str()),
        (alone_from_the_start.as_str(), ""),
    ];
    expected.sort_unstable();
    assert_eq!(listed, expected);
    let hidden = client(&node, &yunyan_clerk()).get_household(asked).await;
    assert_refused(hidden, Code::NotFound, "NOT_FOUND");
    node.stop().await;
}

async fn households_that_cannot_be_are_refused(deployment: Deployment) {
    let node = start(&deployment).await;
    let head = register(&node, identity(1, "张三")).await.person_id;
    let taken = register(&node, identity(2, "李四")).await.person_id;
    let dead = register(&node, identity(3, "王五")).await.person_id;
    send(&node, &[fact(FactOf::Confirmed, &dead, 1, (2026, 5, 1))]).await;
    receipts(&node, &dead, 1).await;
    let mut clerk = client(&node, &nanming_clerk());
    clerk
        .put_household(household(&taken, &[&taken]))
        .await
        .unwrap();
    let elsewhere = pb::PutHouseholdRequest {
        division: YUNYAN.to_owned(),
        ..household(&head, &[&head])
    };
    let unknown = pb::PutHouseholdRequest {
        household_id: request_id(),
        etag: "v1".to_owned(),
        ..household(&head, &[&head])
    };
    let nobody = request_id();
    let cases = [
        (
            household(&head, &[&taken]),
            Code::InvalidArgument,
            "HEAD_NOT_MEMBER",
        ),
        (household(&head, &[]), Code::InvalidArgument, "REQUIRED"),
        (household("x", &["y"]), Code::InvalidArgument, "MALFORMED"),
        (
            household(&head, &[&head, &taken]),
            Code::FailedPrecondition,
            "MEMBER_OF_ANOTHER_HOUSEHOLD",
        ),
        (
            household(&head, &[&head, &dead]),
            Code::FailedPrecondition,
            "PERSON_DEAD",
        ),
        (
            household(&head, &[&head, &nobody]),
            Code::NotFound,
            "NOT_FOUND",
        ),
        (elsewhere, Code::PermissionDenied, "DIVISION_OUT_OF_SCOPE"),
        (unknown, Code::NotFound, "NOT_FOUND"),
    ];
    for (request, code, reason) in cases {
        assert_refused(clerk.put_household(request).await, code, reason);
    }
    node.stop().await;
}
