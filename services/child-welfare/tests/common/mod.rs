//! The service on a real node, with a register beside it; facts and kinship come over the bus.

#![allow(dead_code)]

pub mod family;
pub mod register;

use std::collections::BTreeMap;

use minzheng_chassis::authz::Caller;
use minzheng_chassis::bus::partition::partition_for;
use minzheng_chassis::bus::{Envelope, TopicPartition};
use minzheng_chassis::context::Context;
use minzheng_chassis::grpc::client::NeighbourChannel;
use minzheng_chassis::testing::{Deployment, TestNode, clerk, eventually, operator, worker};
use minzheng_child_welfare::module;
use minzheng_proto::catalogue::EventType;
use minzheng_proto::child_welfare::v1 as pb;
use minzheng_proto::child_welfare::v1::child_welfare_service_client::ChildWelfareServiceClient;
use minzheng_proto::common::v1 as common;
use minzheng_proto::life_events::v1 as life_events;
use minzheng_proto::operations::v1 as operations;
use minzheng_proto::operations::v1::operations_service_client::OperationsServiceClient;
use minzheng_proto::work::v1 as work;
use minzheng_proto::work::v1::work_service_client::WorkServiceClient;
use tonic::Status;
use tonic_types::StatusExt;
use uuid::Uuid;

use register::Register;

pub const SERVICE: &str = "child-welfare";
/// A village of the county where everything happens.
pub const VILLAGE: &str = "520102016001";
pub const COUNTY: &str = "520102";
pub const OTHER_COUNTY: &str = "520103";

/// A date with its precision, from text; `unknown` knows nothing.
pub fn date(text: &str) -> common::PartialDate {
    let mut parts = text.split('-').map(|part| part.parse().unwrap_or(0));
    common::PartialDate {
        year: parts.next().unwrap_or(0),
        month: parts.next().unwrap_or(0),
        day: parts.next().unwrap_or(0),
    }
}

/// One node with this service and a register.
pub struct House {
    pub node: TestNode,
    pub register: Register,
}

impl House {
    pub async fn start(deployment: &Deployment) -> Self {
        Self::start_with(deployment, &[]).await
    }

    pub async fn start_with(deployment: &Deployment, settings: &[&str]) -> Self {
        let register = Register::default();
        let modules = vec![module(), register.module()];
        let node = deployment.start_with(modules, settings).await;
        Self { node, register }
    }

    /// Another node, or the same once more, on the same databases.
    pub async fn again(deployment: &Deployment, register: &Register) -> Self {
        let modules = vec![module(), register.module()];
        let node = deployment.start_again(modules, &[]).await;
        let register = register.clone();
        Self { node, register }
    }

    pub fn cx(&self) -> &Context {
        self.node.context(SERVICE)
    }

    pub fn api(&self, caller: &Caller) -> ChildWelfareServiceClient<NeighbourChannel> {
        ChildWelfareServiceClient::new(self.node.channel(caller))
    }

    pub fn work(&self, caller: &Caller) -> WorkServiceClient<NeighbourChannel> {
        WorkServiceClient::new(self.node.channel(caller))
    }

    pub fn operations(&self) -> OperationsServiceClient<NeighbourChannel> {
        OperationsServiceClient::new(self.node.channel(&operator("op")))
    }

    /// Puts events on the bus as their owners would.
    pub async fn publish(&self, events: &[Envelope]) {
        for delivery in self.node.bus().send(events).await {
            assert!(format!("{delivery:?}").contains("Stored"), "{delivery:?}");
        }
    }

    /// What stands about these persons.
    pub async fn fingerprint(&self, persons: &[Uuid]) -> Vec<String> {
        let request = operations::GetFingerprintRequest {
            service: SERVICE.to_owned(),
            person_ids: persons.iter().map(Uuid::to_string).collect(),
        };
        let answer = self.operations().get_fingerprint(request).await;
        let mut answer = answer.expect("a fingerprint").into_inner();
        answer.fingerprints.remove(0).lines
    }

    pub async fn eventually_stands(&self, persons: &[Uuid], expected: &[String]) {
        let last = std::sync::Mutex::new(Vec::new());
        let what = format!("stands {expected:#?}");
        eventually(&what, || async {
            let lines = self.fingerprint(persons).await;
            let stands = lines == expected;
            *last.lock().unwrap() = lines;
            stands.then_some(())
        })
        .await;
    }

    /// Nothing is parked or stopped, and the service's own checks hold.
    pub async fn expect_clean(&self) {
        let request = operations::ListDeadLettersRequest::default();
        let letters = self.operations().list_dead_letters(request).await;
        assert_eq!(letters.unwrap().into_inner().dead_letters, vec![]);
        let request = operations::VerifyRequest {
            service: SERVICE.to_owned(),
        };
        let findings = self.operations().verify(request).await.unwrap();
        assert_eq!(findings.into_inner().findings, vec![]);
    }

    /// Every event of a type, in the order of each key.
    pub async fn published<E: EventType>(&self) -> Vec<E> {
        let mut events = Vec::new();
        for partition in 0..self.partitions::<E>().await {
            events.extend(self.published_on(partition).await);
        }
        events
    }

    /// How many partitions a test's topic has; fewer than a real one's.
    async fn partitions<E: EventType>(&self) -> i32 {
        let topics = self.node.bus().list_topics().await.expect("topics");
        topics[E::TOPIC.name]
    }

    /// Every event of a type on one partition, in order.
    async fn published_on<E: EventType>(&self, partition: i32) -> Vec<E> {
        let at = TopicPartition::new(E::TOPIC.name, partition);
        let records = self.node.bus().read(&at, 0, 10_000).await.expect("read");
        let envelopes = records.into_iter().filter_map(|it| it.envelope.ok());
        let own = envelopes.filter(|it| it.event_type == E::TYPE);
        own.map(|it| E::decode(it.value.as_slice()).expect("decoded"))
            .collect()
    }

    /// What the receipts on one fact said of each action, the last word of each.
    pub async fn answers(&self, person: Uuid, version: i64) -> BTreeMap<String, String> {
        let mut answers = BTreeMap::new();
        for receipt in self.receipts(person, version).await {
            for answer in receipt.answers {
                answers.insert(answer.action.clone(), word(&answer).to_owned());
            }
        }
        answers
    }

    /// The receipts on one fact, in order.
    pub async fn receipts(&self, person: Uuid, version: i64) -> Vec<life_events::ReceiptIssued> {
        let partitions = self.partitions::<life_events::ReceiptIssued>().await;
        let partition = partition_for(person.to_string().as_bytes(), partitions);
        let all: Vec<life_events::ReceiptIssued> = self.published_on(partition).await;
        let mine = all.into_iter().filter(|receipt| {
            receipt.person_id == person.to_string() && receipt.fact_version == version
        });
        mine.collect()
    }

    pub async fn eventually_answered(&self, person: Uuid, version: i64, expected: &[(&str, &str)]) {
        let expected: BTreeMap<String, String> = expected
            .iter()
            .map(|(action, word)| ((*action).to_owned(), (*word).to_owned()))
            .collect();
        let what = format!("version {version} is answered {expected:?}");
        eventually(&what, || async {
            (self.answers(person, version).await == expected).then_some(())
        })
        .await;
    }

    pub async fn child(&self, child_id: Uuid) -> pb::Child {
        let request = pb::GetChildRequest {
            child_id: child_id.to_string(),
        };
        let answer = self.api(&clerk("li", COUNTY)).get_child(request).await;
        answer.expect("the child").into_inner().child.expect("it")
    }

    /// The open items about a child.
    pub async fn items(&self, child_id: Uuid) -> Vec<work::WorkItem> {
        let request = work::ListWorkItemsRequest {
            service: SERVICE.to_owned(),
            subject_id: child_id.to_string(),
            ..Default::default()
        };
        let answer = self.work(&operator("op")).list_work_items(request).await;
        answer.expect("items").into_inner().items
    }

    /// Completes the open item of a kind.
    pub async fn complete(
        &self,
        child_id: Uuid,
        kind: &str,
        outcome: &str,
    ) -> Result<work::WorkItem, Status> {
        let items = self.items(child_id).await;
        let item = items.into_iter().find(|item| item.kind == kind);
        let item = item.expect("an open item");
        let caller = match item.role.as_str() {
            "township_worker" => worker("wang", COUNTY),
            _ => clerk("li", COUNTY),
        };
        let request = work::CompleteWorkItemRequest {
            request_id: Uuid::new_v4().to_string(),
            id: item.id,
            etag: item.etag,
            outcome: outcome.to_owned(),
            note: String::new(),
        };
        let answer = self.work(&caller).complete_work_item(request).await?;
        Ok(answer.into_inner().item.expect("the item"))
    }
}

/// The outcome of an answer, as a word.
pub fn word(answer: &life_events::ActionAnswer) -> &'static str {
    match answer.outcome() {
        life_events::Outcome::Unspecified => "unspecified",
        life_events::Outcome::Done => "done",
        life_events::Outcome::NothingToDo => "nothing_to_do",
        life_events::Outcome::NeedsHuman => "needs_human",
        life_events::Outcome::Rejected => "rejected",
    }
}

/// The reason of a refusal.
pub fn reason(status: &Status) -> String {
    let details = status.get_error_details();
    let info = details.error_info().expect("a reason");
    let text = details.localized_message().expect("Chinese text");
    assert_eq!(text.locale, "zh-CN");
    assert!(!text.message.is_empty());
    info.reason.clone()
}

/// An event as its owner would publish it.
pub fn envelope<E: EventType>(event: &E) -> Envelope {
    Envelope {
        id: Uuid::now_v7(),
        source: E::TOPIC.owner.to_owned(),
        topic: E::TOPIC.name.to_owned(),
        key: event.key().to_owned(),
        sequence: 1,
        event_type: E::TYPE.to_owned(),
        time: jiff::Timestamp::now(),
        division: None,
        causation_id: None,
        correlation_id: None,
        traceparent: None,
        value: event.encode_to_vec(),
    }
}

/// Whether the stream has told a child's kin.
pub async fn heard_by_stream(cx: &Context, child_id: Uuid) -> bool {
    use minzheng_chassis::db::{Sql, val};

    let text = "SELECT kinship_heard FROM child WHERE id = $1";
    let row = cx.db().reader().one(text, [val(child_id)]).await;
    let row = row.expect("it is read");
    row.is_some_and(|row| row.get("kinship_heard").expect("a boolean"))
}
