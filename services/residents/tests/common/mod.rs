//! What the tests of residents share: a node, callers, invented people, what was published.

// Each test binary uses a part of it.
#![allow(dead_code)]

use jiff::civil::{Date, date};
use minzheng_chassis::authz::{Caller, Role};
use minzheng_chassis::bus::partition::partition_for;
use minzheng_chassis::bus::{Delivery, Envelope, TopicPartition};
use minzheng_chassis::grpc::client::NeighbourChannel;
use minzheng_chassis::identity::ResidentNumber;
use minzheng_chassis::testing::{Deployment, TestNode, clerk, eventually, operator};
use minzheng_proto::catalogue::EventType;
use minzheng_proto::common::v1 as common;
use minzheng_proto::life_events::v1 as life_events;
use minzheng_proto::operations::v1 as operations;
use minzheng_proto::operations::v1::operations_service_client::OperationsServiceClient;
use minzheng_proto::residents::v1 as pb;
use minzheng_proto::residents::v1::residents_service_client::ResidentsServiceClient;
use minzheng_proto::work::v1 as work;
use minzheng_proto::work::v1::work_service_client::WorkServiceClient;
use tonic::{Code, Status};
use uuid::Uuid;

/// A county of Guiyang.
pub const NANMING: &str = "520102000000";
/// Another.
pub const YUNYAN: &str = "520103000000";

/// A county's clerk in Nanming.
pub fn nanming_clerk() -> Caller {
    clerk("zhang.clerk", NANMING)
}

/// A county's clerk in Yunyan.
pub fn yunyan_clerk() -> Caller {
    clerk("li.clerk", YUNYAN)
}

/// life-events, acting as itself.
pub fn life_events_service() -> Caller {
    Caller::service("life-events")
}

/// Somebody who reads everything and changes nothing.
pub fn auditor() -> Caller {
    Caller {
        roles: [Role::Auditor].into(),
        ..operator("sun.auditor")
    }
}

/// A node of residents alone.
pub async fn start(deployment: &Deployment) -> TestNode {
    deployment.start(vec![minzheng_residents::module()]).await
}

/// A client of residents.
pub type Client = ResidentsServiceClient<NeighbourChannel>;

/// A client that acts as somebody.
pub fn client(node: &TestNode, caller: &Caller) -> Client {
    ResidentsServiceClient::new(node.channel(caller))
}

/// A client of the work items.
pub fn work_client(node: &TestNode, caller: &Caller) -> WorkServiceClient<NeighbourChannel> {
    WorkServiceClient::new(node.channel(caller))
}

/// A new request id.
pub fn request_id() -> String {
    Uuid::new_v4().to_string()
}

/// An invented number: prefix 529900 belongs to nobody.
pub fn number(birth: Date, sequence: u16) -> String {
    ResidentNumber::demo(birth, sequence)
        .expect("a demo number")
        .expose()
        .to_owned()
}

/// An identity of somebody born in 1980.
pub fn identity(sequence: u16, name: &str) -> common::Identity {
    identity_of(date(1980, 1, 1), sequence, name)
}

/// An identity.
pub fn identity_of(birth: Date, sequence: u16, name: &str) -> common::Identity {
    common::Identity {
        id_type: common::IdType::ResidentId.into(),
        id_number: number(birth, sequence),
        name: name.to_owned(),
    }
}

/// A request to record somebody in Nanming.
pub fn registration(identity: common::Identity) -> pb::RegisterPersonRequest {
    pb::RegisterPersonRequest {
        request_id: request_id(),
        identity: Some(identity),
        domicile_division: NANMING.to_owned(),
        phone: "13800001234".to_owned(),
        ..Default::default()
    }
}

/// Records somebody in Nanming.
pub async fn register(node: &TestNode, identity: common::Identity) -> pb::Person {
    let answer = client(node, &nanming_clerk())
        .register_person(registration(identity))
        .await;
    answer
        .expect("recorded")
        .into_inner()
        .person
        .expect("a person")
}

/// A report by a hospital in Yunyan.
pub fn report(reference: &str, identity: common::Identity) -> pb::ResolveOrProvisionRequest {
    pb::ResolveOrProvisionRequest {
        request_id: request_id(),
        source_organisation: "yunyan-hospital".to_owned(),
        reference: reference.to_owned(),
        identity: Some(identity),
        reporter_division: YUNYAN.to_owned(),
    }
}

/// Resolves a report as life-events does.
pub async fn resolve(
    node: &TestNode,
    report: pb::ResolveOrProvisionRequest,
) -> Result<pb::ResolveOrProvisionResponse, Status> {
    let answer = client(node, &life_events_service())
        .resolve_or_provision(report)
        .await;
    answer.map(tonic::Response::into_inner)
}

/// One person, masked, as a caller sees it.
pub async fn get(node: &TestNode, caller: &Caller, person_id: &str) -> Result<pb::Person, Status> {
    let request = pb::GetPersonRequest {
        person_id: person_id.to_owned(),
        ..Default::default()
    };
    let answer = client(node, caller).get_person(request).await?;
    Ok(answer.into_inner().person.expect("a person"))
}

/// Checks code and `ErrorInfo` reason of a refusal.
#[track_caller]
pub fn assert_refused<T: std::fmt::Debug>(answer: Result<T, Status>, code: Code, reason: &str) {
    let status = answer.expect_err(reason);
    assert_eq!(status.code(), code, "{status:?}");
    let mut info = vec![0x0a, u8::try_from(reason.len()).unwrap()];
    info.extend_from_slice(reason.as_bytes());
    info.extend_from_slice(b"\x12\x08minzheng");
    let found = status
        .details()
        .windows(info.len())
        .any(|window| window == info);
    assert!(
        found,
        "no reason {reason} in {:?}",
        String::from_utf8_lossy(status.details())
    );
}

/// The events of one type that were published under a key, oldest first.
pub async fn published<E: EventType>(node: &TestNode, key: &str) -> Vec<E> {
    let marks = node.bus().watermarks(E::TOPIC.name).await.expect("marks");
    let partitions = i32::try_from(marks.len()).expect("a few partitions");
    let partition = partition_for(key.as_bytes(), partitions);
    let at = TopicPartition::new(E::TOPIC.name, partition);
    let records = node.bus().read(&at, 0, 10_000).await.expect("read");
    let envelopes = records
        .into_iter()
        .map(|record| record.envelope.expect("an envelope"));
    envelopes
        .filter(|envelope| envelope.key == key && envelope.event_type == E::TYPE)
        .map(|envelope| E::decode(envelope.value.as_slice()).expect("an event"))
        .collect()
}

/// Waits until so many events of one type are published under a key.
pub async fn eventually_published<E: EventType>(
    node: &TestNode,
    key: &str,
    count: usize,
) -> Vec<E> {
    eventually(
        &format!("{count} events {} under the key", E::TYPE),
        || async {
            let found = published::<E>(node, key).await;
            (found.len() >= count).then_some(found)
        },
    )
    .await
}

/// Which fact.
#[derive(Clone, Copy, Debug)]
pub enum FactOf {
    Suspected,
    Lifted,
    Confirmed,
    Corrected,
    Reversed,
}

/// A fact as life-events publishes it.
pub fn fact(kind: FactOf, person_id: &str, version: i64, died_on: (i32, i32, i32)) -> Envelope {
    let (year, month, day) = died_on;
    let fact = Some(life_events::DeathFact {
        person_id: person_id.to_owned(),
        case_id: Uuid::from_u128(7).to_string(),
        episode: 1,
        fact_version: version,
        died_on: Some(common::PartialDate { year, month, day }),
        domicile_division: NANMING.to_owned(),
        residence_division: NANMING.to_owned(),
        ..Default::default()
    });
    match kind {
        FactOf::Suspected => envelope(&life_events::DeathSuspected { fact }, version),
        FactOf::Lifted => envelope(&life_events::SuspicionLifted { fact }, version),
        FactOf::Confirmed => envelope(&life_events::DeathConfirmed { fact }, version),
        FactOf::Corrected => envelope(&life_events::DeathCorrected { fact }, version),
        FactOf::Reversed => envelope(&life_events::DeathReversed { fact }, version),
    }
}

fn envelope<E: EventType>(event: &E, sequence: i64) -> Envelope {
    Envelope {
        id: Uuid::now_v7(),
        source: "life-events".to_owned(),
        topic: E::TOPIC.name.to_owned(),
        key: event.key().to_owned(),
        sequence,
        event_type: E::TYPE.to_owned(),
        time: jiff::Timestamp::now(),
        division: None,
        causation_id: None,
        correlation_id: None,
        traceparent: None,
        value: event.encode_to_vec(),
    }
}

/// Puts events on the bus.
pub async fn send(node: &TestNode, events: &[Envelope]) {
    for delivery in node.bus().send(events).await {
        assert_eq!(delivery, Delivery::Stored);
    }
}

/// Waits for the receipts of a person, and gives their answers as (version, action, outcome).
pub async fn receipts(
    node: &TestNode,
    person_id: &str,
    count: usize,
) -> Vec<(i64, String, life_events::Outcome)> {
    let receipts = eventually_published::<life_events::ReceiptIssued>(node, person_id, count).await;
    let answers = receipts.iter().flat_map(|receipt| {
        assert_eq!(receipt.department, "residents");
        receipt.answers.iter().map(|answer| {
            (
                receipt.fact_version,
                answer.action.clone(),
                answer.outcome(),
            )
        })
    });
    answers.collect()
}

/// The fingerprint of some persons.
pub async fn fingerprint(node: &TestNode, persons: &[&str]) -> Vec<String> {
    let request = operations::GetFingerprintRequest {
        person_ids: persons.iter().map(|id| (*id).to_owned()).collect(),
        ..Default::default()
    };
    let mut client = OperationsServiceClient::new(node.channel(&operator("op")));
    let answer = client.get_fingerprint(request).await.expect("fingerprint");
    answer.into_inner().fingerprints.remove(0).lines
}

/// What verification finds.
pub async fn findings(node: &TestNode) -> Vec<operations::Finding> {
    let mut client = OperationsServiceClient::new(node.channel(&operator("op")));
    let answer = client.verify(operations::VerifyRequest::default()).await;
    answer.expect("verified").into_inner().findings
}

/// The open item about a record, as a caller sees it.
pub async fn open_item(node: &TestNode, caller: &Caller, subject: &str) -> Option<work::WorkItem> {
    let request = work::ListWorkItemsRequest {
        subject_id: subject.to_owned(),
        ..Default::default()
    };
    let answer = work_client(node, caller).list_work_items(request).await;
    answer.expect("listed").into_inner().items.pop()
}
