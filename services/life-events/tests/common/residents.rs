//! A small `residents`: knows who it is told to know, makes provisional records of everybody else, and
//! lets them be decided.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex};

use minzheng_chassis::authz::{Action, Audited, Role};
use minzheng_chassis::module::Module;
use minzheng_chassis::problem::{Kind, Problem};
use minzheng_proto::residents::v1 as pb;
use minzheng_proto::residents::v1::residents_service_server::{
    ResidentsService, ResidentsServiceServer,
};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::VILLAGE;

#[derive(Default)]
struct Register {
    persons: BTreeMap<String, pb::Person>,
    numbers: BTreeMap<String, String>,
    merged: BTreeMap<String, String>,
    references: BTreeMap<(String, String), String>,
}

/// Shared by the tests of a binary: numbers are unique to each.
static REGISTER: LazyLock<Mutex<Register>> = LazyLock::new(Mutex::default);

/// A number that nobody else has.
pub fn fresh_number() -> String {
    format!("T{}", Uuid::new_v4().simple())
}

/// Makes somebody known, of a village; the id.
pub fn know(number: &str, village: &str) -> String {
    let id = Uuid::now_v7().to_string();
    let person = person(&id, pb::RecordState::Established, village);
    let mut register = REGISTER.lock().expect("not poisoned");
    register.persons.insert(id.clone(), person);
    register.numbers.insert(number.to_owned(), id.clone());
    id
}

/// A provisional record, as a report has made it that went no further; the id.
pub fn provision(number: &str, county: &str) -> String {
    let id = Uuid::now_v7().to_string();
    let mut register = REGISTER.lock().expect("not poisoned");
    register.persons.insert(
        id.clone(),
        person(
            &id,
            pb::RecordState::Provisional,
            &format!("{county}000000"),
        ),
    );
    register.numbers.insert(number.to_owned(), id.clone());
    id
}

/// A known person of the county; the number and the id.
pub fn somebody() -> (String, String) {
    let number = fresh_number();
    let id = know(&number, VILLAGE);
    (number, id)
}

fn person(id: &str, state: pb::RecordState, division: &str) -> pb::Person {
    pb::Person {
        person_id: id.to_owned(),
        state: state.into(),
        domicile_division: division.to_owned(),
        residence_division: division.to_owned(),
        etag: "v1".to_owned(),
        ..Default::default()
    }
}

/// What residents itself would do on its own desk: the record is decided without life-events.
pub fn decide(record: &str, decision: pb::MatchDecision, into: &str) -> pb::Person {
    let mut register = REGISTER.lock().expect("not poisoned");
    register.decide(record, decision, into).expect("decided")
}

impl Register {
    fn answering(&self, id: &str) -> Result<pb::Person, Status> {
        let id = self.merged.get(id).map_or(id, String::as_str);
        let found = self.persons.get(id).cloned();
        found.ok_or_else(|| Problem::not_found("person", "人员").into())
    }

    fn resolve(&mut self, request: &pb::ResolveOrProvisionRequest) -> Result<pb::Person, Status> {
        let number = request
            .identity
            .as_ref()
            .map(|identity| identity.id_number.clone())
            .unwrap_or_default();
        let reference = (
            request.source_organisation.clone(),
            request.reference.clone(),
        );
        let told = self
            .references
            .entry(reference)
            .or_insert_with(|| number.clone());
        if *told != number {
            let chinese = "该编号已用于另一人";
            return Err(Problem::new(
                Kind::FailedPrecondition,
                "REFERENCE_REUSED",
                "used before",
                chinese,
            )
            .into());
        }
        if let Some(id) = self.numbers.get(&number) {
            return self.answering(&id.clone());
        }
        let id = Uuid::now_v7().to_string();
        let record = person(
            &id,
            pb::RecordState::Provisional,
            &request.reporter_division,
        );
        self.persons.insert(id.clone(), record.clone());
        self.numbers.insert(number, id);
        Ok(record)
    }

    fn decide(
        &mut self,
        record: &str,
        decision: pb::MatchDecision,
        into: &str,
    ) -> Result<pb::Person, Status> {
        let state = match decision {
            pb::MatchDecision::IsPerson => {
                self.answering(into)?;
                self.merged.insert(record.to_owned(), into.to_owned());
                return self.answering(into);
            }
            pb::MatchDecision::NewPerson => pb::RecordState::Established,
            pb::MatchDecision::Reject | pb::MatchDecision::Unspecified => pb::RecordState::Rejected,
        };
        let person = self.persons.get_mut(record).expect("a record");
        person.state = state.into();
        Ok(person.clone())
    }
}

struct Fake;

/// Under this organisation residents is away.
pub const AWAY: &str = "org-away";
/// Under this one it does not answer in time.
pub const SLOW: &str = "org-slow";
/// Under this one it refuses the identity.
pub const PICKY: &str = "org-picky";

fn refusal(organisation: &str) -> Result<(), Status> {
    match organisation {
        AWAY => Err(Problem::unavailable("residents").into()),
        SLOW => Err(Status::deadline_exceeded("too slow")),
        PICKY => Err(Problem::field(
            "identity.id_number",
            "ID_NUMBER_CHECK_DIGIT",
            "wrong",
            "校验位错误",
        )
        .into()),
        _ => Ok(()),
    }
}

#[tonic::async_trait]
impl ResidentsService for Fake {
    async fn get_person(
        &self,
        request: Request<pb::GetPersonRequest>,
    ) -> Result<Response<pb::GetPersonResponse>, Status> {
        let register = REGISTER.lock().expect("not poisoned");
        let person = register.answering(&request.get_ref().person_id)?;
        Ok(Response::new(pb::GetPersonResponse {
            person: Some(person),
        }))
    }

    async fn resolve_or_provision(
        &self,
        request: Request<pb::ResolveOrProvisionRequest>,
    ) -> Result<Response<pb::ResolveOrProvisionResponse>, Status> {
        refusal(&request.get_ref().source_organisation)?;
        let mut register = REGISTER.lock().expect("not poisoned");
        let person = register.resolve(request.get_ref())?;
        let answer = match person.state() {
            pb::RecordState::Established => pb::MatchAnswer::Matched,
            pb::RecordState::Rejected => pb::MatchAnswer::NoMatch,
            _ => pb::MatchAnswer::PendingReview,
        };
        Ok(Response::new(pb::ResolveOrProvisionResponse {
            person_id: person.person_id,
            answer: answer.into(),
            candidates: 0,
            domicile_division: person.domicile_division,
            residence_division: person.residence_division,
        }))
    }

    async fn decide_match(
        &self,
        request: Request<pb::DecideMatchRequest>,
    ) -> Result<Response<pb::DecideMatchResponse>, Status> {
        let message = request.get_ref();
        let mut register = REGISTER.lock().expect("not poisoned");
        let person = register.decide(
            &message.person_id,
            message.decision(),
            &message.into_person_id,
        )?;
        Ok(Response::new(pb::DecideMatchResponse {
            person: Some(person),
        }))
    }

    async fn register_person(
        &self,
        _request: Request<pb::RegisterPersonRequest>,
    ) -> Result<Response<pb::RegisterPersonResponse>, Status> {
        Err(Status::unimplemented("not needed here"))
    }

    async fn list_persons(
        &self,
        _request: Request<pb::ListPersonsRequest>,
    ) -> Result<Response<pb::ListPersonsResponse>, Status> {
        Err(Status::unimplemented("not needed here"))
    }

    async fn r#match(
        &self,
        _request: Request<pb::MatchRequest>,
    ) -> Result<Response<pb::MatchResponse>, Status> {
        Err(Status::unimplemented("not needed here"))
    }

    async fn correct_identity(
        &self,
        _request: Request<pb::CorrectIdentityRequest>,
    ) -> Result<Response<pb::CorrectIdentityResponse>, Status> {
        Err(Status::unimplemented("not needed here"))
    }

    async fn move_person(
        &self,
        _request: Request<pb::MovePersonRequest>,
    ) -> Result<Response<pb::MovePersonResponse>, Status> {
        Err(Status::unimplemented("not needed here"))
    }

    async fn record_kinship(
        &self,
        _request: Request<pb::RecordKinshipRequest>,
    ) -> Result<Response<pb::RecordKinshipResponse>, Status> {
        Err(Status::unimplemented("not needed here"))
    }

    async fn end_kinship(
        &self,
        _request: Request<pb::EndKinshipRequest>,
    ) -> Result<Response<pb::EndKinshipResponse>, Status> {
        Err(Status::unimplemented("not needed here"))
    }

    async fn list_kin(
        &self,
        _request: Request<pb::ListKinRequest>,
    ) -> Result<Response<pb::ListKinResponse>, Status> {
        Err(Status::unimplemented("not needed here"))
    }

    async fn list_dependants(
        &self,
        _request: Request<pb::ListDependantsRequest>,
    ) -> Result<Response<pb::ListDependantsResponse>, Status> {
        Err(Status::unimplemented("not needed here"))
    }

    async fn put_household(
        &self,
        _request: Request<pb::PutHouseholdRequest>,
    ) -> Result<Response<pb::PutHouseholdResponse>, Status> {
        Err(Status::unimplemented("not needed here"))
    }

    async fn get_household(
        &self,
        _request: Request<pb::GetHouseholdRequest>,
    ) -> Result<Response<pb::GetHouseholdResponse>, Status> {
        Err(Status::unimplemented("not needed here"))
    }
}

macro_rules! action {
    ($method:literal) => {
        Action {
            method: concat!("minzheng.residents.v1.ResidentsService/", $method),
            roles: &[Role::Service],
            audited: Audited::No,
        }
    };
}

const ACTIONS: &[Action] = &[
    action!("GetPerson"),
    action!("ResolveOrProvision"),
    action!("DecideMatch"),
];

/// residents that answers questions about people, and no fact.
pub fn fake() -> Module {
    Module::named("residents")
        .actions(ACTIONS)
        .routes(|_, routes| {
            routes.add_service(ResidentsServiceServer::new(Fake));
        })
}

/// The same, and it answers facts.
pub fn fake_that_answers() -> Module {
    fake().subscription(super::departments::answer_facts)
}
