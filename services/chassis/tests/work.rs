//! Work items on both deployments: every change has its audit record, and closing one answers as the first
//! receipt said.

mod common;

use std::time::Duration;

use async_trait::async_trait;
use minzheng_chassis::authz::{Caller, Role};
use minzheng_chassis::bus::TopicPartition;
use minzheng_chassis::context::Context;
use minzheng_chassis::db::{Sql, val};
use minzheng_chassis::module::Module;
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::receipt::{Answer, FactRef, Outcome, Undo};
use minzheng_chassis::seam::{Command, Failure, UnitOfWork};
use minzheng_chassis::testing::{Deployment, TestNode, clerk, eventually, operator};
use minzheng_chassis::work::{self, NewWorkItem, Question, Urgency, WorkItem, WorkKind};
use minzheng_proto::catalogue::EventType;
use minzheng_proto::death_plan::RELEASE_BED;
use minzheng_proto::life_events::v1 as life_events;
use minzheng_proto::work::v1 as pb;
use minzheng_proto::work::v1::work_service_client::WorkServiceClient;
use prost::Message;
use uuid::Uuid;

use common::NOTEBOOK;

on_both_deployments!(
    every_change_of_an_item_is_audited_once,
    an_item_in_another_division_is_nobodys,
    the_second_receipt_rests_on_what_the_first_one_said,
);

const KIND: &str = "settle";
const COUNTY: &str = "520102";
const OTHER_COUNTY: &str = "520103";
const BASIS: &str = "民法典第557条";

struct Settle;

#[async_trait]
impl WorkKind for Settle {
    fn name(&self) -> &'static str {
        KIND
    }

    fn outcomes(&self) -> &'static [&'static str] {
        &["settled"]
    }

    async fn completed(
        &self,
        _uow: &mut UnitOfWork,
        _item: &WorkItem,
        _outcome: &str,
    ) -> Result<(), Failure> {
        Ok(())
    }
}

fn module() -> Module {
    Module::named(NOTEBOOK).work(Settle)
}

/// What a service does with the item about a subject.
#[derive(Clone, Copy)]
enum Deed {
    Open(Urgency),
    Change(&'static str),
    Cancel,
    Complete,
    Ask(FactRef),
}

struct Act {
    subject_id: Uuid,
    deed: Deed,
}

impl Act {
    fn item(&self, urgency: Urgency, division: &str) -> NewWorkItem {
        NewWorkItem {
            kind: KIND,
            subject_id: self.subject_id,
            division: division.parse().expect("a division"),
            role: Role::CountyClerk,
            urgency,
            due_at: "2030-01-01T00:00:00Z".parse().expect("an instant"),
            due_provisional: true,
        }
    }
}

impl Command for Act {
    const NAME: &'static str = "Notebook/Act";
    type Asked = ();
    type Answer = ();

    async fn ask(&self, _cx: &Context, _caller: &Caller) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<(), Failure> {
        match self.deed {
            Deed::Open(urgency) => {
                work::open(uow, &self.item(urgency, COUNTY)).await?;
            }
            Deed::Change(division) => {
                work::change_open(uow, &self.item(Urgency::Urgent, division)).await?;
            }
            Deed::Cancel => {
                work::cancel(uow, KIND, self.subject_id).await?;
            }
            Deed::Complete => {
                work::complete_open(uow, KIND, self.subject_id, "settled").await?;
            }
            Deed::Ask(fact) => {
                let item = work::open(uow, &self.item(Urgency::Normal, COUNTY)).await?;
                let answer = Answer {
                    action: RELEASE_BED,
                    outcome: Outcome::NeedsHuman {
                        work_item_id: item,
                        reason: "SETTLEMENT_OPEN",
                    },
                    legal_basis: BASIS,
                    undo: Undo::Machine,
                };
                work::set_questions(uow, item, &[Question::of(fact, &answer)]).await?;
                uow.answer(fact, &[answer], None)?;
            }
        }
        Ok(())
    }
}

/// One deed a second, so that records have an order.
async fn act(deployment: &Deployment, node: &TestNode, subject_id: Uuid, deeds: &[Deed]) {
    for deed in deeds {
        deployment.clock().advance(Duration::from_secs(1));
        let command = Act {
            subject_id,
            deed: *deed,
        };
        let cx = node.context(NOTEBOOK);
        cx.run(cx.itself(), None, command).await.expect("done");
    }
}

/// Action, subject, division and details of the audit records of one item, in order.
async fn audited(node: &TestNode, item: Uuid) -> Vec<(String, String, String, String)> {
    let text = "SELECT action, subject, division, record FROM audit WHERE aggregate = 'work_item' \
                AND aggregate_id = $1 ORDER BY at";
    let db = node.context(NOTEBOOK).db().reader();
    let rows = db.all(text, [val(item)]).await.expect("read");
    rows.iter()
        .map(|row| {
            (
                row.get("action").unwrap(),
                row.get("subject").unwrap(),
                row.get("division").unwrap(),
                row.get("record").unwrap(),
            )
        })
        .collect()
}

async fn open_item(node: &TestNode, subject_id: Uuid) -> WorkItem {
    let db = node.context(NOTEBOOK).db().reader();
    let item = work::find_open(db, KIND, subject_id).await.expect("read");
    item.expect("an open item")
}

fn works(
    node: &TestNode,
    caller: &Caller,
) -> WorkServiceClient<minzheng_chassis::grpc::client::NeighbourChannel> {
    WorkServiceClient::new(node.channel(caller))
}

async fn every_change_of_an_item_is_audited_once(deployment: Deployment) {
    let node = deployment.start(vec![module()]).await;
    let subject = Uuid::now_v7();
    let alarm = Deed::Open(Urgency::Alarm);
    act(
        &deployment,
        &node,
        subject,
        &[Deed::Open(Urgency::Normal), alarm, alarm],
    )
    .await;
    let item = open_item(&node, subject).await;
    assert_eq!(item.version, 2, "what it has already is not written again");
    act(
        &deployment,
        &node,
        subject,
        &[Deed::Change(COUNTY), Deed::Cancel],
    )
    .await;
    // Nothing is open: nothing is changed.
    let nothing = [Deed::Cancel, Deed::Complete, Deed::Change(COUNTY)];
    act(&deployment, &node, subject, &nothing).await;
    let records = audited(&node, item.id).await;
    let service = format!("service:{NOTEBOOK}");
    let division = format!("{COUNTY}000000");
    let stands = |urgency: &str| {
        format!("kind={KIND}\nsubject_id={subject}\nurgency={urgency}\nrole=county_clerk\n")
    };
    let expected = [
        ("OpenWorkItem", stands("normal")),
        ("ChangeWorkItem", stands("alarm")),
        ("ChangeWorkItem", stands("urgent")),
        ("CancelWorkItem", format!("kind={KIND}\n")),
    ]
    .map(|(action, record)| {
        let action = action.to_owned();
        (action, service.clone(), division.clone(), record)
    });
    assert_eq!(records, expected);

    // Done by another RPC of the service; then another one, by a person.
    act(&deployment, &node, subject, &[alarm]).await;
    let done = open_item(&node, subject).await;
    act(&deployment, &node, subject, &[Deed::Complete, alarm]).await;
    let actions =
        |records: Vec<(String, String, String, String)>| -> Vec<(String, String, String)> {
            records
                .into_iter()
                .skip(1)
                .map(|(action, by, _, record)| (action, by, record))
                .collect()
        };
    let completed = format!("kind={KIND}\noutcome=settled\n");
    assert_eq!(
        actions(audited(&node, done.id).await),
        [("CompleteWorkItem".to_owned(), service, completed)]
    );
    let by_hand = open_item(&node, subject).await;
    deployment.clock().advance(Duration::from_secs(1));
    complete(&deployment, &node, by_hand.id).await;
    let noted = format!("kind={KIND}\noutcome=settled\nnote=paid\n");
    assert_eq!(
        actions(audited(&node, by_hand.id).await),
        [
            (
                "ClaimWorkItem".to_owned(),
                "li".to_owned(),
                format!("kind={KIND}\n")
            ),
            ("CompleteWorkItem".to_owned(), "li".to_owned(), noted),
        ]
    );
    node.stop().await;
}

/// Li takes an item and completes it.
async fn complete(deployment: &Deployment, node: &TestNode, id: Uuid) {
    let li = clerk("li", COUNTY);
    let claimed = claim(node, &li, id).await.expect("claimed");
    deployment.clock().advance(Duration::from_secs(1));
    let request = pb::CompleteWorkItemRequest {
        request_id: Uuid::new_v4().to_string(),
        id: id.to_string(),
        etag: claimed.etag,
        outcome: "settled".to_owned(),
        note: "paid".to_owned(),
    };
    let completed = works(node, &li).complete_work_item(request).await;
    completed.expect("completed");
}

async fn claim(node: &TestNode, caller: &Caller, id: Uuid) -> Result<pb::WorkItem, tonic::Status> {
    let id = id.to_string();
    let found = works(node, &operator("op"))
        .get_work_item(pb::GetWorkItemRequest { id: id.clone() })
        .await?;
    let request = pb::ClaimWorkItemRequest {
        request_id: Uuid::new_v4().to_string(),
        id,
        etag: found.into_inner().item.expect("an item").etag,
    };
    let claimed = works(node, caller).claim_work_item(request).await?;
    Ok(claimed.into_inner().item.expect("an item"))
}

async fn an_item_in_another_division_is_nobodys(deployment: Deployment) {
    let node = deployment.start(vec![module()]).await;
    let subject = Uuid::now_v7();
    act(&deployment, &node, subject, &[Deed::Open(Urgency::Normal)]).await;
    let item = open_item(&node, subject).await;
    let (li, zhao) = (clerk("li", COUNTY), clerk("zhao", OTHER_COUNTY));
    claim(&node, &li, item.id).await.expect("claimed");
    act(&deployment, &node, subject, &[Deed::Change(COUNTY)]).await;
    let claimed = open_item(&node, subject).await.claimed_by;
    assert_eq!(claimed.as_deref(), Some("li"), "it stays where it is");
    act(&deployment, &node, subject, &[Deed::Change(OTHER_COUNTY)]).await;
    claim(&node, &li, item.id).await.expect_err("not seen");
    let taken = claim(&node, &zhao, item.id).await.expect("claimed");
    assert_eq!(taken.claimed_by, "zhao");
    // Opened anew where it was, it is open to that county again.
    act(&deployment, &node, subject, &[Deed::Open(Urgency::Urgent)]).await;
    claim(&node, &li, item.id).await.expect("claimed");
    node.stop().await;
}

async fn the_second_receipt_rests_on_what_the_first_one_said(deployment: Deployment) {
    let node = deployment.start(vec![module()]).await;
    let fact = FactRef {
        person_id: Uuid::now_v7(),
        case_id: Uuid::now_v7(),
        fact_version: 3,
    };
    let subject = Uuid::now_v7();
    act(&deployment, &node, subject, &[Deed::Ask(fact)]).await;
    let item = open_item(&node, subject).await;
    complete(&deployment, &node, item.id).await;
    let answers = eventually("both receipts", || async {
        let answers = answers_on(&node, fact).await;
        (answers.len() == 2).then_some(answers)
    })
    .await;
    let first = life_events::ActionAnswer {
        action: RELEASE_BED.code.to_owned(),
        outcome: life_events::Outcome::NeedsHuman.into(),
        legal_basis: BASIS.to_owned(),
        undo: life_events::Undo::Machine.into(),
        work_item_id: item.id.to_string(),
        reason: "SETTLEMENT_OPEN".to_owned(),
    };
    let second = life_events::ActionAnswer {
        outcome: life_events::Outcome::Done.into(),
        work_item_id: String::new(),
        reason: String::new(),
        ..first.clone()
    };
    assert_eq!(answers, [first, second]);
    node.stop().await;
}

async fn answers_on(node: &TestNode, fact: FactRef) -> Vec<life_events::ActionAnswer> {
    type Receipt = life_events::ReceiptIssued;
    let topic = Receipt::TOPIC.name;
    let partitions = node.bus().watermarks(topic).await.expect("the topic");
    let mut answers = Vec::new();
    for (partition, _) in (0..).zip(partitions) {
        let at = TopicPartition::new(topic, partition);
        let records = node.bus().read(&at, 0, 1_000).await.expect("read");
        for envelope in records.into_iter().filter_map(|it| it.envelope.ok()) {
            let receipt = Receipt::decode(envelope.value.as_slice()).expect("a receipt");
            if receipt.case_id == fact.case_id.to_string() {
                assert_eq!(receipt.fact_version, fact.fact_version);
                answers.extend(receipt.answers);
            }
        }
    }
    answers
}
