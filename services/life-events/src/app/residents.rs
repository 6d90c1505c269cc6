//! Asking `residents` who people are.

use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::convert::{self, FromWire, WireError};
use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::grpc::client::NeighbourChannel;
use minzheng_chassis::problem::Problem;
use minzheng_chassis::seam::Failure;
use minzheng_proto::common::v1::Identity;
use minzheng_proto::residents::v1 as pb;
use minzheng_proto::residents::v1::residents_service_client::ResidentsServiceClient;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::domain::death::DocumentKey;

const RESIDENTS: &str = "residents";

/// A client that names this service, and the caller on whose behalf it asks.
pub(super) struct Residents {
    client: ResidentsServiceClient<NeighbourChannel>,
    request_id: Uuid,
}

/// What residents says of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// A person known for certain.
    Established,
    /// Whom it stands for waits for a decision.
    Provisional,
    /// There is no such person.
    Rejected,
}

/// A record as residents knows it: the survivor of a merged one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The person.
    pub person_id: Uuid,
    /// What the record is.
    pub record: Record,
    /// Domicile; the reporter's division for a provisional record.
    pub domicile: Option<DivisionCode>,
    /// Residence; the reporter's division for a provisional record.
    pub residence: Option<DivisionCode>,
    /// Version of the record; empty where it is not asked for.
    pub etag: String,
}

impl Residents {
    pub(super) fn of(cx: &Context, caller: &Caller) -> Result<Self, Failure> {
        let channel = cx.neighbour(RESIDENTS, Some(caller))?;
        Ok(Self {
            client: ResidentsServiceClient::new(channel),
            request_id: minzheng_chassis::context::new_id(cx.now()),
        })
    }

    /// A record by its id, the survivor of a merged one.
    ///
    /// # Errors
    /// NOT_FOUND, or residents is away.
    pub(super) async fn person(&mut self, person_id: Uuid) -> Result<Known, Failure> {
        let request = pb::GetPersonRequest {
            person_id: person_id.to_string(),
            ..Default::default()
        };
        let answer = self.client.get_person(request).await;
        let answer = answer.map_err(|status| failure(&status))?.into_inner();
        known(answer.person.as_ref())
    }

    /// The person of a report, or the record that was made of it.
    ///
    /// # Errors
    /// What residents refuses of the identity, or it is away.
    pub(super) async fn resolve(
        &mut self,
        document: &DocumentKey,
        identity: &Identity,
        reporter: DivisionCode,
    ) -> Result<Known, Failure> {
        let request = pb::ResolveOrProvisionRequest {
            request_id: self.request_id.to_string(),
            source_organisation: document.organisation.clone(),
            reference: document.reference.clone(),
            identity: Some(identity.clone()),
            reporter_division: reporter.to_string(),
        };
        let answer = self.client.resolve_or_provision(request).await;
        let answer = answer.map_err(|status| failure(&status))?.into_inner();
        resolved(&answer).map_err(unreadable)
    }

    /// Decides who a provisional record is; the record that answers for it from now on.
    ///
    /// # Errors
    /// What residents refuses, or it is away.
    pub(super) async fn decide_match(
        &mut self,
        record: &Known,
        decision: pb::MatchDecision,
        into: Option<Uuid>,
        reason: &str,
    ) -> Result<Known, Failure> {
        let request = pb::DecideMatchRequest {
            request_id: self.request_id.to_string(),
            person_id: record.person_id.to_string(),
            etag: record.etag.clone(),
            decision: decision.into(),
            into_person_id: into.map(|id| id.to_string()).unwrap_or_default(),
            reason: reason.to_owned(),
        };
        let answer = self.client.decide_match(request).await;
        let answer = answer.map_err(|status| failure(&status))?.into_inner();
        known(answer.person.as_ref())
    }
}

fn resolved(answer: &pb::ResolveOrProvisionResponse) -> Result<Known, WireError> {
    let record = match answer.answer() {
        pb::MatchAnswer::Matched => Record::Established,
        pb::MatchAnswer::PendingReview | pb::MatchAnswer::MultipleCandidates => Record::Provisional,
        pb::MatchAnswer::NoMatch => Record::Rejected,
        pb::MatchAnswer::Unspecified => return Err(WireError::Malformed("answer")),
    };
    Ok(Known {
        person_id: convert::uuid("person_id", &answer.person_id)?,
        record,
        domicile: DivisionCode::from_wire("domicile_division", &answer.domicile_division)?,
        residence: DivisionCode::from_wire("residence_division", &answer.residence_division)?,
        etag: String::new(),
    })
}

fn known(person: Option<&pb::Person>) -> Result<Known, Failure> {
    let person = person.ok_or_else(|| unreadable(WireError::Missing("person")))?;
    read(person).map_err(unreadable)
}

fn read(person: &pb::Person) -> Result<Known, WireError> {
    let record = match person.state() {
        pb::RecordState::Established => Record::Established,
        pb::RecordState::Provisional => Record::Provisional,
        pb::RecordState::Rejected => Record::Rejected,
        pb::RecordState::Merged | pb::RecordState::Unspecified => {
            return Err(WireError::Malformed("state"));
        }
    };
    Ok(Known {
        person_id: convert::uuid("person_id", &person.person_id)?,
        record,
        domicile: DivisionCode::from_wire("domicile_division", &person.domicile_division)?,
        residence: DivisionCode::from_wire("residence_division", &person.residence_division)?,
        etag: person.etag.clone(),
    })
}

/// A caller's own fault is passed on as residents tells it.
fn failure(status: &Status) -> Failure {
    match status.code() {
        Code::NotFound => Problem::not_found("person", "居民").into(),
        Code::Aborted => Failure::Conflict("residents: the record was changed".to_owned()),
        Code::Unavailable => Failure::away(RESIDENTS, status.message()),
        _ => match Problem::relayed(status) {
            Some(problem) => problem.into(),
            None => Failure::from_neighbour_to_command(RESIDENTS, status),
        },
    }
}

/// Their fault, not the caller's.
fn unreadable(error: WireError) -> Failure {
    Failure::internal(format!("{RESIDENTS} answered what cannot be read: {error}"))
}
