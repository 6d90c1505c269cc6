//! What a caller is shown of a person.

use std::collections::BTreeMap;

use minzheng_chassis::authz::Caller;
use minzheng_chassis::convert::{date_to_wire, instant_to_wire};
use minzheng_chassis::grpc::etag;
use minzheng_chassis::identity::Sex;
use minzheng_chassis::person::LifeStatus;
use minzheng_chassis::seam::{Failure, UnitOfWork};
use minzheng_proto::common::v1 as common;
use minzheng_proto::residents::v1 as pb;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::domain::document::IdType;
use crate::domain::life::Life;
use crate::domain::masking::{self, Reveal};
use crate::domain::matching::{self, Candidate, MatchAnswer};
use crate::domain::person::{Person, RecordState};
use crate::storage::person::{Persons, StoredPerson};
use crate::storage::scope::sees;

/// A person after a change, masked. Of somebody outside the caller's divisions: id and state.
///
/// # Errors
/// The database's.
pub async fn after_change(uow: &UnitOfWork, stored: &StoredPerson) -> Result<pb::Person, Failure> {
    if !is_seen(uow.caller(), &stored.person) {
        return Ok(pb::Person {
            person_id: stored.person.id.to_string(),
            state: state_to_wire(stored.person.state).into(),
            ..Default::default()
        });
    }
    one(&Persons::within(uow), stored, &Reveal::nothing()).await
}

/// Whether a record lies in the caller's divisions.
pub fn is_seen(caller: &Caller, person: &Person) -> bool {
    sees(caller, &[person.places.domicile, person.places.residence])
}

/// One person.
///
/// # Errors
/// The database's.
pub async fn one<C: ConnectionTrait>(
    persons: &Persons<'_, C>,
    stored: &StoredPerson,
    reveal: &Reveal,
) -> Result<pb::Person, Failure> {
    let beside = Beside::read(persons, std::slice::from_ref(stored)).await?;
    Ok(beside.show(stored, reveal))
}

/// Persons of a list, masked.
///
/// # Errors
/// The database's.
pub async fn many<C: ConnectionTrait>(
    persons: &Persons<'_, C>,
    stored: &[StoredPerson],
) -> Result<Vec<pb::Person>, Failure> {
    let beside = Beside::read(persons, stored).await?;
    let nothing = Reveal::nothing();
    Ok(stored
        .iter()
        .map(|stored| beside.show(stored, &nothing))
        .collect())
}

/// What is shown of persons and not kept with them.
struct Beside {
    candidates: BTreeMap<Uuid, i64>,
}

impl Beside {
    async fn read<C: ConnectionTrait>(
        persons: &Persons<'_, C>,
        stored: &[StoredPerson],
    ) -> Result<Self, Failure> {
        let provisional: Vec<Uuid> = stored
            .iter()
            .filter(|stored| stored.person.state == RecordState::Provisional)
            .map(|stored| stored.person.id)
            .collect();
        Ok(Self {
            candidates: persons.candidates(&provisional).await?,
        })
    }

    fn show(&self, stored: &StoredPerson, reveal: &Reveal) -> pb::Person {
        let person = &stored.person;
        let shown = masking::show(person, reveal);
        let former = person.former.iter().zip(shown.former).rev();
        let former_identities = former.map(|(former, shown)| pb::FormerIdentity {
            id_type: id_type_to_wire(former.identity.document.id_type()).into(),
            id_number: shown.id_number,
            name: shown.name,
            replaced_at: Some(instant_to_wire(former.replaced_at)),
            reason: former.reason.clone(),
        });
        let household_id = stored.household_id.map(|id| id.to_string());
        let candidates = self.candidates.get(&person.id).copied().unwrap_or_default();
        pb::Person {
            person_id: person.id.to_string(),
            state: state_to_wire(person.state).into(),
            id_type: id_type_to_wire(person.identity.document.id_type()).into(),
            id_number: shown.identity.id_number,
            name: shown.identity.name,
            phone: shown.phone,
            birth_date: Some(date_to_wire(person.birth_date)),
            sex: sex_to_wire(person.sex).into(),
            domicile_division: person.places.domicile.to_string(),
            residence_division: person.places.residence.to_string(),
            life: Some(life_to_wire(&person.life)),
            household_id: household_id.unwrap_or_default(),
            candidates: count_to_wire(candidates),
            former_identities: former_identities.collect(),
            registered_at: Some(instant_to_wire(stored.registered_at)),
            etag: etag::of(stored.version),
            possible_persons: Vec::new(),
        }
    }
}

/// Between whom the clerk of a provisional record decides.
///
/// # Errors
/// The database's.
pub async fn candidates<C: ConnectionTrait>(
    persons: &Persons<'_, C>,
    record: &Person,
) -> Result<Vec<pb::Candidate>, Failure> {
    let document = &record.identity.document;
    let related = persons.with_number_anywhere(document).await?;
    let found = matching::candidates(&record.identity, &related);
    Ok(found.iter().map(candidate_to_wire).collect())
}

fn candidate_to_wire(candidate: &Candidate<'_>) -> pb::Candidate {
    let person = candidate.person;
    pb::Candidate {
        person_id: person.id.to_string(),
        name: masking::show(person, &Reveal::nothing()).identity.name,
        birth_date: Some(date_to_wire(person.birth_date)),
        sex: sex_to_wire(person.sex).into(),
        domicile_division: person.places.domicile.to_string(),
        holds_number: candidate.present,
        same_name: candidate.same_name,
    }
}

/// A match answer for the wire.
pub fn answer_to_wire(answer: MatchAnswer) -> pb::MatchAnswer {
    match answer {
        MatchAnswer::Matched => pb::MatchAnswer::Matched,
        MatchAnswer::NoMatch => pb::MatchAnswer::NoMatch,
        MatchAnswer::MultipleCandidates => pb::MatchAnswer::MultipleCandidates,
        MatchAnswer::PendingReview => pb::MatchAnswer::PendingReview,
    }
}

/// A number of persons for the wire.
pub fn count_to_wire(count: impl TryInto<i32>) -> i32 {
    count.try_into().unwrap_or(i32::MAX)
}

fn state_to_wire(state: RecordState) -> pb::RecordState {
    match state {
        RecordState::Established => pb::RecordState::Established,
        RecordState::Provisional => pb::RecordState::Provisional,
        RecordState::Merged { .. } => pb::RecordState::Merged,
        RecordState::Rejected => pb::RecordState::Rejected,
    }
}

fn id_type_to_wire(id_type: IdType) -> common::IdType {
    match id_type {
        IdType::ResidentId => common::IdType::ResidentId,
        IdType::PermanentResidenceCard => common::IdType::PermanentResidenceCard,
        IdType::Passport => common::IdType::Passport,
        IdType::None => common::IdType::None,
    }
}

fn sex_to_wire(sex: Option<Sex>) -> pb::Sex {
    match sex {
        None => pb::Sex::Unspecified,
        Some(Sex::Male) => pb::Sex::Male,
        Some(Sex::Female) => pb::Sex::Female,
    }
}

fn life_to_wire(life: &Life) -> pb::Life {
    let (status, died_on) = match life.status {
        LifeStatus::Alive => (pb::LifeStatus::Alive, None),
        LifeStatus::Suspected => (pb::LifeStatus::Suspected, Some(life.died_on)),
        LifeStatus::Dead => (pb::LifeStatus::Dead, Some(life.died_on)),
    };
    let case_id = life.since.map(|since| since.case_id.to_string());
    pb::Life {
        status: status.into(),
        died_on: died_on.map(date_to_wire),
        case_id: case_id.unwrap_or_default(),
        fact_version: life.fact_version(),
        automated_contact: life.automated_contact(),
    }
}
