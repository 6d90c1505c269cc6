//! Who is meant, as `residents` says, and what the guard row knows of them, in the domain's words.

use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::convert;
use minzheng_chassis::person::{self, KnownPerson, LifeStatus};
use minzheng_chassis::problem::Problem;
use minzheng_chassis::seam::Failure;
use minzheng_proto::common::v1::Identity;
use minzheng_proto::residents::v1 as pb;
use minzheng_proto::residents::v1::residents_service_client::ResidentsServiceClient;
use tonic::{Code, Status};
use uuid::Uuid;

use super::refusal::{
    identity_in_review, nobody_by_that_identity, person_rejected, several_by_that_identity,
};
use crate::domain::{DeathFact, FactKind, Known, Life};

const RESIDENTS: &str = "residents";

/// Whom a request means.
#[derive(Clone, Debug)]
pub enum Who {
    /// Somebody whose id the caller knows.
    Person(Uuid),
    /// Somebody by document and name. Personal data: asked about and forgotten.
    Identity(IdentityAsked),
}

/// An identity on its way to `residents`; it shows nothing of itself.
#[derive(Clone)]
pub struct IdentityAsked(pub Identity);

impl std::fmt::Debug for IdentityAsked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdentityAsked(…)")
    }
}

impl Who {
    /// The person's id; the survivor's where the record was merged.
    ///
    /// # Errors
    /// Nobody, several, or not yet decided; `residents` is away.
    pub(super) async fn ask(&self, cx: &Context, caller: &Caller) -> Result<Uuid, Failure> {
        let mut residents = ResidentsServiceClient::new(cx.neighbour(RESIDENTS, Some(caller))?);
        match self {
            Who::Person(id) => {
                let request = pb::GetPersonRequest {
                    person_id: id.to_string(),
                    ..Default::default()
                };
                let answer = residents.get_person(request).await;
                let person = answer.map_err(|status| refused(&status))?.into_inner();
                known_for_certain(&person.person.unwrap_or_default())
            }
            Who::Identity(IdentityAsked(identity)) => {
                let request = pb::MatchRequest {
                    identity: Some(identity.clone()),
                };
                let answer = residents.r#match(request).await;
                matched(&answer.map_err(|status| refused(&status))?.into_inner())
            }
        }
    }
}

fn known_for_certain(person: &pb::Person) -> Result<Uuid, Failure> {
    if person.state() == pb::RecordState::Rejected {
        return Err(person_rejected().into());
    }
    id_of(&person.person_id)
}

fn matched(answer: &pb::MatchResponse) -> Result<Uuid, Failure> {
    match answer.answer() {
        pb::MatchAnswer::Matched => id_of(&answer.person_id),
        pb::MatchAnswer::NoMatch => Err(nobody_by_that_identity().into()),
        pb::MatchAnswer::MultipleCandidates => Err(several_by_that_identity().into()),
        pb::MatchAnswer::PendingReview => Err(identity_in_review().into()),
        pb::MatchAnswer::Unspecified => Err(unreadable("no answer")),
    }
}

fn id_of(text: &str) -> Result<Uuid, Failure> {
    convert::uuid("person_id", text).map_err(unreadable)
}

/// Their fault, not the caller's.
fn unreadable(error: impl std::fmt::Display) -> Failure {
    Failure::internal(format!("{RESIDENTS} answered what cannot be read: {error}"))
}

/// A malformed identity is the caller's fault, told with their reason.
fn refused(status: &Status) -> Failure {
    match status.code() {
        Code::NotFound => Problem::not_found("person", "人员").into(),
        Code::InvalidArgument => Problem::field(
            "identity",
            "IDENTITY_INVALID",
            "is not a valid identity",
            "身份信息不正确，请检查证件类型、号码和姓名",
        )
        .into(),
        _ => Failure::from_neighbour_to_command(RESIDENTS, status),
    }
}

/// What the guard row knows, in the domain's words.
///
/// # Errors
/// Somebody dead without a case: our own fault.
pub(super) fn known(person: &KnownPerson) -> Result<Known, Failure> {
    let life = match person.status {
        LifeStatus::Alive => Life::Alive,
        LifeStatus::Suspected => Life::Suspected,
        LifeStatus::Dead => Life::Dead {
            case_id: person
                .case_id
                .ok_or_else(|| Failure::internal("a death without a case"))?,
            died_on: person.died_on,
        },
    };
    Ok(Known {
        person_id: person.person_id,
        life,
    })
}

/// A fact as it arrives, in the domain's words.
pub(super) fn death_fact(fact: &person::Fact) -> DeathFact {
    DeathFact {
        kind: match fact.kind {
            person::FactKind::Suspected => FactKind::Suspected,
            person::FactKind::Lifted => FactKind::Lifted,
            person::FactKind::Confirmed => FactKind::Confirmed,
            person::FactKind::Corrected => FactKind::Corrected,
            person::FactKind::Reversed => FactKind::Reversed,
        },
        person_id: fact.person_id,
        case_id: fact.case_id,
        died_on: fact.died_on,
    }
}
