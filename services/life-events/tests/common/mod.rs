//! What the tests of life-events share: neighbours that answer as told, callers, requests.

#![allow(dead_code)] // each test binary uses a part of it

pub mod departments;
pub mod residents;

use minzheng_chassis::authz::Caller;
use minzheng_chassis::bus::Envelope;
use minzheng_chassis::civil::PartialDate;
use minzheng_chassis::convert::date_to_wire;
use minzheng_chassis::grpc::client::NeighbourChannel;
use minzheng_chassis::module::Module;
use minzheng_chassis::person::FactKind;
use minzheng_chassis::problem::Problem;
use minzheng_chassis::testing::{TestNode, clerk, eventually, operator, reporter};
use minzheng_proto::catalogue::EventType;
use minzheng_proto::common::v1::{IdType, Identity};
use minzheng_proto::life_events::v1 as pb;
use minzheng_proto::life_events::v1::death_case_service_client::DeathCaseServiceClient;
use minzheng_proto::operations::v1 as operations;
use minzheng_proto::operations::v1::operations_service_client::OperationsServiceClient;
use minzheng_proto::work::v1 as work;
use minzheng_proto::work::v1::work_service_client::WorkServiceClient;
use tonic::Status;
use uuid::Uuid;

/// The county of the tests (南明区).
pub const COUNTY: &str = "520102";
/// Another county (云岩区).
pub const OTHER_COUNTY: &str = "520103";
/// A village of the county.
pub const VILLAGE: &str = "520102016001";

pub type Client = DeathCaseServiceClient<NeighbourChannel>;

/// life-events with residents as told, and no department that answers.
pub fn silent() -> Vec<Module> {
    vec![minzheng_life_events::module(), residents::fake()]
}

/// The same with all three departments answering everything with done.
pub fn answering() -> Vec<Module> {
    vec![
        minzheng_life_events::module(),
        residents::fake_that_answers(),
        departments::answering("elderly-care"),
        departments::answering("child-welfare"),
    ]
}

pub fn client(node: &TestNode, caller: &Caller) -> Client {
    DeathCaseServiceClient::new(node.channel(caller))
}

/// The hospital that reports.
pub fn hospital() -> Caller {
    let mut caller = reporter("hospital.desk", COUNTY);
    caller.department = "hospital".to_owned();
    caller
}

/// The county clerk.
pub fn li() -> Caller {
    clerk("li.clerk", COUNTY)
}

/// Another clerk of the county.
pub fn wang() -> Caller {
    clerk("wang.clerk", COUNTY)
}

pub fn identity(number: &str) -> Identity {
    Identity {
        id_type: IdType::ResidentId.into(),
        id_number: number.to_owned(),
        name: "测试".to_owned(),
    }
}

pub fn day(year: i16, month: i8, day: i8) -> PartialDate {
    PartialDate::ymd(year, month, day).expect("a day")
}

/// A report with a reference of its own.
pub fn report(
    identity: Identity,
    source: pb::EvidenceSource,
    died_on: PartialDate,
) -> pb::ReportDeathRequest {
    pb::ReportDeathRequest {
        request_id: Uuid::new_v4().to_string(),
        identity: Some(identity),
        source_organisation: "hospital".to_owned(),
        reference: format!("R-{}", Uuid::new_v4().simple()),
        source: source.into(),
        died_on: Some(date_to_wire(died_on)),
        ..Default::default()
    }
}

/// A certificate of somebody's death on 4 March 2026.
pub fn certificate(number: &str) -> pb::ReportDeathRequest {
    let died_on = day(2026, 3, 4);
    report(
        identity(number),
        pb::EvidenceSource::MedicalCertificate,
        died_on,
    )
}

/// The same report as another attempt of its source.
pub fn again(request: &pb::ReportDeathRequest) -> pb::ReportDeathRequest {
    pb::ReportDeathRequest {
        request_id: Uuid::new_v4().to_string(),
        ..request.clone()
    }
}

pub async fn tell(node: &TestNode, request: &pb::ReportDeathRequest) -> pb::DeathCase {
    try_tell(node, request).await.expect("the report is taken")
}

pub async fn try_tell(
    node: &TestNode,
    request: &pb::ReportDeathRequest,
) -> Result<pb::DeathCase, Status> {
    let answer = client(node, &hospital())
        .report_death(request.clone())
        .await?;
    Ok(answer.into_inner().case.expect("a case"))
}

pub async fn get(node: &TestNode, case_id: &str) -> pb::DeathCase {
    let request = pb::GetCaseRequest {
        case_id: case_id.to_owned(),
    };
    client(node, &li())
        .get_case(request)
        .await
        .expect("the case")
        .into_inner()
        .case
        .expect("a case")
}

/// Waits until a case is in a phase.
pub async fn reaches(node: &TestNode, case_id: &str, phase: pb::Phase) -> pb::DeathCase {
    eventually(&format!("the case is in {phase:?}"), || async {
        Some(get(node, case_id).await).filter(|case| case.phase() == phase)
    })
    .await
}

/// The stable reason of a refusal.
pub fn reason(status: &Status) -> String {
    let problem = Problem::relayed(status);
    problem.map_or_else(
        || format!("{:?}", status.code()),
        |problem| problem.reason.to_owned(),
    )
}

/// An event as a service of that name would send it.
pub fn envelope<E: EventType>(source: &str, event: &E, sequence: i64) -> Envelope {
    Envelope {
        id: Uuid::now_v7(),
        source: source.to_owned(),
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

/// How many cases a person has.
pub async fn cases_of(node: &TestNode, person_id: &str) -> Vec<pb::DeathCase> {
    let request = pb::ListCasesRequest {
        person_id: person_id.to_owned(),
        ..Default::default()
    };
    client(node, &operator("op"))
        .list_cases(request)
        .await
        .expect("a list")
        .into_inner()
        .cases
}

/// Open items of a kind about a case.
pub async fn items(node: &TestNode, case_id: &str) -> Vec<work::WorkItem> {
    let request = work::ListWorkItemsRequest {
        subject_id: case_id.to_owned(),
        ..Default::default()
    };
    let mut client = WorkServiceClient::new(node.channel(&operator("op")));
    client
        .list_work_items(request)
        .await
        .expect("items")
        .into_inner()
        .items
}

/// Kinds of the open items about a case.
pub async fn kinds(node: &TestNode, case_id: &str) -> Vec<String> {
    items(node, case_id)
        .await
        .into_iter()
        .map(|item| item.kind)
        .collect()
}

/// What life-events says stands about a person, the person's id left out.
pub async fn fingerprint(node: &TestNode, person_id: &str) -> Vec<String> {
    let request = operations::GetFingerprintRequest {
        person_ids: vec![person_id.to_owned()],
        service: "life-events".to_owned(),
    };
    let mut client = OperationsServiceClient::new(node.channel(&operator("op")));
    let answer = client
        .get_fingerprint(request)
        .await
        .expect("a fingerprint")
        .into_inner();
    let lines = answer
        .fingerprints
        .into_iter()
        .flat_map(|fingerprint| fingerprint.lines);
    lines.map(|line| line.replace(person_id, "P")).collect()
}

/// The fields at fault of a refusal, with their reasons.
pub fn violations(status: &Status) -> Vec<(String, &'static str)> {
    let problem = Problem::relayed(status).expect("a refusal with details");
    problem
        .fields
        .into_iter()
        .map(|field| (field.field, field.reason))
        .collect()
}

/// A client's id of a call.
pub fn request_id() -> String {
    Uuid::new_v4().to_string()
}

/// Waits until a fact of that version was heard; its kind.
pub async fn heard(person_id: &str, version: i64) -> FactKind {
    let facts = eventually(&format!("fact {version}"), || async {
        Some(departments::heard(person_id))
            .filter(|facts| facts.iter().any(|fact| fact.fact_version == version))
    })
    .await;
    facts
        .into_iter()
        .find(|fact| fact.fact_version == version)
        .expect("it was heard")
        .kind
}

/// What life-events' own check finds wrong.
pub async fn complaints(node: &TestNode) -> Vec<String> {
    minzheng_life_events::app::verify::verify(node.context("life-events"))
        .await
        .expect("checked")
}

pub async fn send(node: &TestNode, events: &[Envelope]) {
    node.bus().send(events).await;
}

pub async fn until(
    node: &TestNode,
    case_id: &str,
    what: &str,
    holds: impl Fn(&pb::DeathCase) -> bool,
) -> pb::DeathCase {
    eventually(what, || async {
        Some(get(node, case_id).await).filter(&holds)
    })
    .await
}

pub fn answered(case: &pb::DeathCase, department: &str) -> usize {
    let of = case
        .questions
        .iter()
        .filter(|question| question.department == department);
    of.filter(|question| question.state() != pb::QuestionState::Open)
        .count()
}

pub async fn stranger(node: &TestNode) -> pb::DeathCase {
    let stranger = identity(&residents::fresh_number());
    tell(
        node,
        &report(
            stranger,
            pb::EvidenceSource::MedicalCertificate,
            day(2026, 3, 4),
        ),
    )
    .await
}
