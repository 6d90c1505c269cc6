//! ListPersons.

use std::time::Duration;

use minzheng_chassis::authz::Caller;
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, TestNode, clerk, operator};
use minzheng_proto::residents::v1 as pb;
use tonic::Code;

use crate::common::*;

on_both_deployments!(
    persons_come_in_pages_newest_first_and_masked,
    lists_are_scoped_and_filtered,
);

async fn list(
    node: &TestNode,
    caller: &Caller,
    request: pb::ListPersonsRequest,
) -> pb::ListPersonsResponse {
    let answer = client(node, caller).list_persons(request).await;
    answer.unwrap().into_inner()
}

fn ids(answer: &pb::ListPersonsResponse) -> Vec<&str> {
    answer
        .persons
        .iter()
        .map(|person| person.person_id.as_str())
        .collect()
}

async fn persons_come_in_pages_newest_first_and_masked(deployment: Deployment) {
    let node = start(&deployment).await;
    let mut recorded = Vec::new();
    for sequence in 1..=5 {
        deployment.clock().advance(Duration::from_secs(1));
        recorded.insert(0, register(&node, identity(sequence, "张三")).await);
    }
    let caller = nanming_clerk();
    let mut seen = Vec::new();
    let mut request = pb::ListPersonsRequest {
        page_size: 2,
        ..Default::default()
    };
    let mut sizes = Vec::new();
    loop {
        let page = list(&node, &caller, request.clone()).await;
        sizes.push(page.persons.len());
        seen.extend(page.persons);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(sizes, [2, 2, 1]);
    assert_eq!(seen, recorded);
    let mut clerk = client(&node, &caller);
    for (page_size, page_token, reason) in [
        (201, "", "PAGE_SIZE_INVALID"),
        (0, "x", "PAGE_TOKEN_INVALID"),
    ] {
        let refused = clerk
            .list_persons(pb::ListPersonsRequest {
                page_size,
                page_token: page_token.to_owned(),
                ..Default::default()
            })
            .await;
        assert_refused(refused, Code::InvalidArgument, reason);
    }
    node.stop().await;
}

async fn lists_are_scoped_and_filtered(deployment: Deployment) {
    let node = start(&deployment).await;
    let person = register(&node, identity(1, "张三")).await;
    deployment.clock().advance(Duration::from_secs(1));
    let mut commuter = registration(identity(2, "李四"));
    commuter.residence_division = YUNYAN.to_owned();
    let commuter = client(&node, &nanming_clerk())
        .register_person(commuter)
        .await
        .unwrap()
        .into_inner()
        .person
        .unwrap();
    deployment.clock().advance(Duration::from_secs(1));
    let found = resolve(&node, report("a-1", identity(3, "王五")))
        .await
        .unwrap();
    let record = found.person_id.as_str();
    let (person, commuter) = (person.person_id.as_str(), commuter.person_id.as_str());
    let all = || pb::ListPersonsRequest::default();
    let of_state = |state: pb::RecordState| pb::ListPersonsRequest {
        state: state.into(),
        ..all()
    };
    let in_division = |division: &str| pb::ListPersonsRequest {
        division: division.to_owned(),
        ..all()
    };
    let nobody = clerk("nobody", "520104");
    let operator = operator("op");
    use pb::RecordState::*;
    let cases: [(&Caller, pb::ListPersonsRequest, &[&str]); 8] = [
        (&nanming_clerk(), all(), &[commuter, person]),
        (&yunyan_clerk(), all(), &[record, commuter]),
        (&nobody, all(), &[]),
        (&operator, all(), &[record, commuter, person]),
        (&operator, of_state(Provisional), &[record]),
        (&operator, of_state(Rejected), &[]),
        (&operator, in_division("520103"), &[record, commuter]),
        (&nanming_clerk(), in_division("520103"), &[commuter]),
    ];
    for (caller, request, expected) in cases {
        let answer = list(&node, caller, request.clone()).await;
        assert_eq!(ids(&answer), expected, "{} {request:?}", caller.subject);
    }
    let malformed = client(&node, &operator)
        .list_persons(in_division("5x"))
        .await;
    assert_refused(malformed, Code::InvalidArgument, "MALFORMED");
    node.stop().await;
}
