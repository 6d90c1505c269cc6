//! Watching work items: all that are open, however many; every change; the end of the process.

mod common;

use std::collections::BTreeSet;

use minzheng_chassis::db::{Sql, val};
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, TestNode, operator};
use minzheng_proto::work::v1 as pb;
use minzheng_proto::work::v1::work_service_client::WorkServiceClient;
use tonic::{Code, Streaming};
use tonic_types::StatusExt;
use uuid::Uuid;

on_both_deployments!(
    all_open_items_are_shown_and_how_they_end,
    a_watch_ends_with_its_process_and_says_so,
    a_service_that_is_not_here_is_not_watched,
);

/// More than two pages, and more than wait for a reader.
const ITEMS: u32 = 450;

async fn watch(
    node: &TestNode,
    service: &str,
) -> Result<Streaming<pb::WatchWorkItemsResponse>, tonic::Status> {
    let request = pb::WatchWorkItemsRequest {
        service: service.to_owned(),
        ..Default::default()
    };
    let mut client = WorkServiceClient::new(node.channel(&operator("op")));
    Ok(client.watch_work_items(request).await?.into_inner())
}

fn reason(status: &tonic::Status) -> String {
    let details = status.get_error_details();
    details.error_info().expect("a reason").reason.clone()
}

async fn next(stream: &mut Streaming<pb::WatchWorkItemsResponse>) -> pb::WorkItem {
    let change = stream.message().await.expect("it is watched");
    change.and_then(|change| change.item).expect("an item")
}

async fn run(node: &TestNode, text: &str, values: Vec<sea_orm::Value>) {
    let cx = node.context(common::NOTEBOOK);
    let changed = cx.db().writer().run(text, values).await.expect("changed");
    assert_eq!(changed, 1);
}

/// An item that many others have the due date of.
async fn open(node: &TestNode, due_at: i64) -> Uuid {
    let id = Uuid::now_v7();
    let text = "INSERT INTO work_item (id, kind, subject_id, division, role, urgency, opened_at, due_at, state, version) \
                VALUES ($1, 'look', $1, '520102016001', 'county_clerk', 'normal', 0, $2, 'open', 1)";
    run(node, text, vec![val(id), val(due_at)]).await;
    id
}

async fn all_open_items_are_shown_and_how_they_end(deployment: Deployment) {
    let node = deployment.start(vec![common::notebook()]).await;
    let mut opened = BTreeSet::new();
    for n in 0..ITEMS {
        opened.insert(open(&node, i64::from(n / 300)).await.to_string());
    }
    let mut stream = watch(&node, "").await.expect("watched");
    let mut shown = BTreeSet::new();
    for _ in 0..ITEMS {
        let item = next(&mut stream).await;
        assert_eq!(item.state(), pb::WorkItemState::Open);
        assert!(shown.insert(item.id), "each once");
    }
    assert_eq!(shown, opened);

    let last = opened.last().expect("the last of the last page");
    let close = "UPDATE work_item SET state = 'completed', version = 2 WHERE id = $1";
    run(&node, close, vec![val(Uuid::parse_str(last).unwrap())]).await;
    let closed = next(&mut stream).await;
    assert_eq!(
        (closed.id.as_str(), closed.state()),
        (last.as_str(), pb::WorkItemState::Completed)
    );
    let another = open(&node, 9).await;
    assert_eq!(next(&mut stream).await.id, another.to_string());
    drop(stream);
    node.stop().await;
}

async fn a_watch_ends_with_its_process_and_says_so(deployment: Deployment) {
    let node = deployment.start(vec![common::notebook()]).await;
    let id = open(&node, 1).await;
    let mut stream = watch(&node, common::NOTEBOOK).await.expect("watched");
    assert_eq!(next(&mut stream).await.id, id.to_string());
    node.stop().await;
    let end = stream.message().await.expect_err("it ended");
    assert_eq!(end.code(), Code::Unavailable);
    assert_eq!(reason(&end), "STOPPING");
}

async fn a_service_that_is_not_here_is_not_watched(deployment: Deployment) {
    let node = deployment.start(vec![common::notebook()]).await;
    let refused = watch(&node, "kings").await.expect_err("refused");
    assert_eq!(reason(&refused), "SERVICE_UNKNOWN");
    node.stop().await;
}
