//! What this service asks of `residents`.

use std::collections::{BTreeMap, BTreeSet};

use minzheng_chassis::authz::Caller;
use minzheng_chassis::civil::PartialDate;
use minzheng_chassis::context::Context;
use minzheng_chassis::convert::{self, WireError};
use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::grpc::client::NeighbourChannel;
use minzheng_chassis::problem::{Kind, Problem};
use minzheng_chassis::seam::Failure;
use minzheng_proto::residents::v1 as pb;
use minzheng_proto::residents::v1::residents_service_client::ResidentsServiceClient;
use tonic::{Code, Status};
use uuid::Uuid;

use super::told::Told;

const RESIDENTS: &str = "residents";

/// The neighbour.
pub(super) struct Residents(ResidentsServiceClient<NeighbourChannel>);

/// A person known for certain.
pub(super) struct Resident {
    /// The id; the survivor's where the record was merged.
    pub(super) person_id: Uuid,
    pub(super) birth_date: PartialDate,
    pub(super) residence: DivisionCode,
}

impl Residents {
    /// # Errors
    /// The neighbour is not configured.
    pub(super) fn of(cx: &Context, on_behalf_of: Option<&Caller>) -> Result<Self, Failure> {
        let channel = cx.neighbour(RESIDENTS, on_behalf_of)?;
        Ok(Self(ResidentsServiceClient::new(channel)))
    }

    /// Everybody who has one of these persons as parent, guardian, grandparent or sibling, by that person;
    /// nobody where a person is unknown.
    ///
    /// # Errors
    /// `residents` is away, or answers what cannot be read.
    pub(super) async fn dependants(
        &mut self,
        persons: &BTreeSet<Uuid>,
    ) -> Result<BTreeMap<Uuid, Vec<Told>>, Failure> {
        let request = pb::ListDependantsRequest {
            person_ids: persons.iter().map(Uuid::to_string).collect(),
        };
        let answer = self.0.list_dependants(request).await;
        let answer = answer.map_err(|status| refused(&status))?.into_inner();
        let dependants = answer.dependants.iter().map(dependants);
        dependants.collect::<Result<_, _>>().map_err(unreadable)
    }

    /// One person known for certain.
    ///
    /// # Errors
    /// NOT_FOUND; PERSON_NOT_ESTABLISHED for a record that a person has yet to decide.
    pub(super) async fn person(&mut self, person_id: Uuid) -> Result<Resident, Failure> {
        let request = pb::GetPersonRequest {
            person_id: person_id.to_string(),
            ..Default::default()
        };
        let answer = self.0.get_person(request).await;
        let person = answer.map_err(|status| refused(&status))?.into_inner();
        let person = person
            .person
            .ok_or_else(|| unreadable(WireError::Missing("person")))?;
        if person.state() != pb::RecordState::Established {
            return Err(not_established().into());
        }
        resident(&person).map_err(unreadable)
    }

    /// A person with all kin that stand now.
    ///
    /// # Errors
    /// As [`Residents::person`].
    pub(super) async fn kinship(&mut self, person_id: Uuid) -> Result<Told, Failure> {
        let resident = self.person(person_id).await?;
        let request = pb::ListKinRequest {
            person_id: resident.person_id.to_string(),
        };
        let answer = self.0.list_kin(request).await;
        let kin = answer.map_err(|status| refused(&status))?.into_inner();
        let told = pb::KinshipChanged {
            person_id: resident.person_id.to_string(),
            birth_date: Some(convert::date_to_wire(resident.birth_date)),
            residence_division: resident.residence.to_string(),
            kin: kin.relatives.into_iter().filter_map(|it| it.kin).collect(),
        };
        Told::from_wire(&told).map_err(unreadable)
    }
}

fn dependants(answer: &pb::Dependants) -> Result<(Uuid, Vec<Told>), WireError> {
    let told = answer.circles.iter().map(Told::from_wire);
    let person_id = convert::uuid("person_id", &answer.person_id)?;
    Ok((person_id, told.collect::<Result<_, _>>()?))
}

fn resident(person: &pb::Person) -> Result<Resident, WireError> {
    Ok(Resident {
        person_id: convert::uuid("person_id", &person.person_id)?,
        birth_date: convert::partial_date("birth_date", person.birth_date.as_ref())?,
        residence: convert::division("residence_division", &person.residence_division)?,
    })
}

fn refused(status: &Status) -> Failure {
    match status.code() {
        Code::NotFound => Problem::not_found("person", "居民").into(),
        _ => Failure::from_neighbour(RESIDENTS, status),
    }
}

/// Their fault, not the event's or the caller's.
fn unreadable(error: WireError) -> Failure {
    Failure::internal(format!("{RESIDENTS} answered what cannot be read: {error}"))
}

fn not_established() -> Problem {
    Problem::new(
        Kind::FailedPrecondition,
        "PERSON_NOT_ESTABLISHED",
        "the person's record is not decided yet",
        "该人的身份尚待核定",
    )
}
