//! A register of residents in memory, behind the real contract.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use minzheng_chassis::authz::{Action, Audited, Role};
use minzheng_chassis::module::Module;
use minzheng_proto::residents::v1 as pb;
use minzheng_proto::residents::v1::residents_service_server::{
    ResidentsService, ResidentsServiceServer,
};
use tonic::{Request, Response, Status};
use uuid::Uuid;

/// What the register holds: persons, and the answers to identities by number.
#[derive(Clone, Default)]
pub struct Register(Arc<Mutex<Held>>);

#[derive(Default)]
struct Held {
    persons: BTreeMap<String, pb::Person>,
    answers: BTreeMap<String, pb::MatchResponse>,
    away: bool,
    /// Who asked, and on whose behalf.
    asked: Vec<(String, String)>,
}

const ACTIONS: &[Action] = &[
    asked("minzheng.residents.v1.ResidentsService/GetPerson"),
    asked("minzheng.residents.v1.ResidentsService/Match"),
];

const fn asked(method: &'static str) -> Action {
    Action {
        method,
        roles: &[Role::Service],
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

    /// Records somebody new, known for certain.
    pub fn person(&self) -> Uuid {
        let id = Uuid::now_v7();
        self.put(id, id, pb::RecordState::Established);
        id
    }

    /// Records a person; asked for `id`, the register answers with `answering`.
    pub fn put(&self, id: Uuid, answering: Uuid, state: pb::RecordState) {
        let person = pb::Person {
            person_id: answering.to_string(),
            state: state.into(),
            ..Default::default()
        };
        self.held().persons.insert(id.to_string(), person);
    }

    /// What is answered to a number.
    pub fn answer(&self, number: &str, answer: pb::MatchAnswer, person: Option<Uuid>) {
        let answer = pb::MatchResponse {
            answer: answer.into(),
            person_id: person.as_ref().map(Uuid::to_string).unwrap_or_default(),
            candidates: 0,
        };
        self.held().answers.insert(number.to_owned(), answer);
    }

    /// Whether it is away.
    pub fn set_away(&self, away: bool) {
        self.held().away = away;
    }

    /// Who asked, and on whose behalf, so far.
    pub fn asked(&self) -> Vec<(String, String)> {
        self.held().asked.clone()
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap()
    }

    fn take<T>(&self, request: &Request<T>) -> Result<MutexGuard<'_, Held>, Status> {
        let header = |name| {
            let value = request.metadata().get(name);
            let value = value.and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let asked = (header("authorization"), header("minzheng-on-behalf-of"));
        let mut held = self.held();
        held.asked.push(asked);
        if held.away {
            return Err(Status::unavailable("away"));
        }
        Ok(held)
    }
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
        let held = self.take(&request)?;
        let person = held.persons.get(&request.get_ref().person_id).cloned();
        let person = person.ok_or_else(|| Status::not_found("no such person"))?;
        Ok(Response::new(pb::GetPersonResponse {
            person: Some(person),
        }))
    }

    async fn r#match(&self, request: Request<pb::MatchRequest>) -> Answer<pb::MatchResponse> {
        let held = self.take(&request)?;
        let identity = request.get_ref().identity.clone().unwrap_or_default();
        let answer = held.answers.get(&identity.id_number).cloned();
        let answer = answer.ok_or_else(|| Status::invalid_argument("malformed"))?;
        Ok(Response::new(answer))
    }

    async fn list_kin(&self, _: Request<pb::ListKinRequest>) -> Answer<pb::ListKinResponse> {
        not_here()
    }

    async fn list_dependants(
        &self,
        _: Request<pb::ListDependantsRequest>,
    ) -> Answer<pb::ListDependantsResponse> {
        not_here()
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
