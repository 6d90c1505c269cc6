//! A register of residents in memory, behind the real contract.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use minzheng_chassis::authz::{Action, Audited};
use minzheng_chassis::module::Module;
use minzheng_proto::residents::v1 as pb;
use minzheng_proto::residents::v1::residents_service_server::{
    ResidentsService, ResidentsServiceServer,
};
use tonic::{Request, Response, Status};
use uuid::Uuid;

/// What the register holds: persons, and the kin of each.
#[derive(Clone, Default)]
pub struct Register(Arc<Mutex<Held>>);

#[derive(Default)]
struct Held {
    persons: BTreeMap<String, pb::Person>,
    kin: BTreeMap<String, pb::KinshipChanged>,
}

const ACTIONS: &[Action] = &[
    asked("minzheng.residents.v1.ResidentsService/GetPerson"),
    asked("minzheng.residents.v1.ResidentsService/ListKin"),
    asked("minzheng.residents.v1.ResidentsService/ListDependants"),
];

const fn asked(method: &'static str) -> Action {
    Action {
        method,
        roles: &[],
        audited: Audited::No,
    }
}

impl Register {
    /// As a service of a node.
    pub fn module(&self) -> Module {
        let register = self.clone();
        Module::named("residents")
            .actions(ACTIONS)
            .routes(move |_, routes| {
                routes.add_service(ResidentsServiceServer::new(register.clone()));
            })
    }

    /// Records a person.
    pub fn put_person(&self, person_id: Uuid, birth: &str, division: &str) {
        let person = pb::Person {
            person_id: person_id.to_string(),
            state: pb::RecordState::Established.into(),
            birth_date: Some(super::date(birth)),
            residence_division: division.to_owned(),
            ..Default::default()
        };
        self.put(person);
    }

    /// Records a person as it is given.
    pub fn put(&self, person: pb::Person) {
        let mut held = self.0.lock().unwrap();
        held.persons.insert(person.person_id.clone(), person);
    }

    /// Records somebody's kin.
    pub fn put_kin(&self, told: &pb::KinshipChanged) {
        let mut held = self.0.lock().unwrap();
        held.kin.insert(told.person_id.clone(), told.clone());
    }
}

fn depends(told: &pb::KinshipChanged, person_id: &str) -> bool {
    told.kin.iter().any(|kin| {
        let spouse_or_child = matches!(
            kin.relation(),
            pb::KinRelation::Spouse | pb::KinRelation::Child
        );
        kin.person_id == person_id && !spouse_or_child
    })
}

type Answer<T> = Result<Response<T>, Status>;

fn not_here<T>() -> Answer<T> {
    Err(Status::unimplemented("not in this register"))
}

#[tonic::async_trait]
impl ResidentsService for Register {
    async fn get_person(
        &self,
        request: Request<pb::GetPersonRequest>,
    ) -> Answer<pb::GetPersonResponse> {
        let held = self.0.lock().unwrap();
        let person = held.persons.get(&request.get_ref().person_id).cloned();
        let person = person.ok_or_else(|| Status::not_found("no such person"))?;
        Ok(Response::new(pb::GetPersonResponse {
            person: Some(person),
        }))
    }

    async fn list_kin(&self, request: Request<pb::ListKinRequest>) -> Answer<pb::ListKinResponse> {
        let held = self.0.lock().unwrap();
        let kin = held.kin.get(&request.get_ref().person_id);
        let relatives = kin.into_iter().flat_map(|told| &told.kin);
        let relatives = relatives.map(|kin| pb::Relative {
            kin: Some(kin.clone()),
            ..Default::default()
        });
        Ok(Response::new(pb::ListKinResponse {
            relatives: relatives.collect(),
        }))
    }

    async fn list_dependants(
        &self,
        request: Request<pb::ListDependantsRequest>,
    ) -> Answer<pb::ListDependantsResponse> {
        let held = self.0.lock().unwrap();
        let dependants = request.into_inner().person_ids.into_iter();
        let dependants = dependants.map(|person_id| {
            let circles = held.kin.values().filter(|told| depends(told, &person_id));
            pb::Dependants {
                circles: circles.cloned().collect(),
                person_id,
            }
        });
        Ok(Response::new(pb::ListDependantsResponse {
            dependants: dependants.collect(),
        }))
    }

    async fn register_person(
        &self,
        _: Request<pb::RegisterPersonRequest>,
    ) -> Answer<pb::RegisterPersonResponse> {
        not_here()
    }

    async fn list_persons(
        &self,
        _: Request<pb::ListPersonsRequest>,
    ) -> Answer<pb::ListPersonsResponse> {
        not_here()
    }

    async fn r#match(&self, _: Request<pb::MatchRequest>) -> Answer<pb::MatchResponse> {
        not_here()
    }

    async fn resolve_or_provision(
        &self,
        _: Request<pb::ResolveOrProvisionRequest>,
    ) -> Answer<pb::ResolveOrProvisionResponse> {
        not_here()
    }

    async fn decide_match(
        &self,
        _: Request<pb::DecideMatchRequest>,
    ) -> Answer<pb::DecideMatchResponse> {
        not_here()
    }

    async fn correct_identity(
        &self,
        _: Request<pb::CorrectIdentityRequest>,
    ) -> Answer<pb::CorrectIdentityResponse> {
        not_here()
    }

    async fn move_person(
        &self,
        _: Request<pb::MovePersonRequest>,
    ) -> Answer<pb::MovePersonResponse> {
        not_here()
    }

    async fn record_kinship(
        &self,
        _: Request<pb::RecordKinshipRequest>,
    ) -> Answer<pb::RecordKinshipResponse> {
        not_here()
    }

    async fn end_kinship(
        &self,
        _: Request<pb::EndKinshipRequest>,
    ) -> Answer<pb::EndKinshipResponse> {
        not_here()
    }

    async fn put_household(
        &self,
        _: Request<pb::PutHouseholdRequest>,
    ) -> Answer<pb::PutHouseholdResponse> {
        not_here()
    }

    async fn get_household(
        &self,
        _: Request<pb::GetHouseholdRequest>,
    ) -> Answer<pb::GetHouseholdResponse> {
        not_here()
    }
}
