//! `minzheng.residents.v1`: parse, run, convert; nothing else.

use jiff::civil::Date;
use minzheng_chassis::civil::today;
use minzheng_chassis::context::Context;
use minzheng_chassis::grpc::caller;
use minzheng_chassis::grpc::page::Page;
use minzheng_chassis::page_of;
use minzheng_chassis::problem::{Problem, Violations};
use minzheng_chassis::seam::{RequestKey, Together};
use minzheng_proto::residents::v1 as pb;
use minzheng_proto::residents::v1::residents_service_server::ResidentsService;
use tonic::{Request, Response, Status};

use super::convert::Form;
use crate::app::correct_identity::CorrectIdentity;
use crate::app::decide_match::DecideMatch;
use crate::app::end_kinship::EndKinship;
use crate::app::get_household::get_household;
use crate::app::get_person::GetPerson;
use crate::app::list_dependants::list_dependants;
use crate::app::list_kin::list_kin;
use crate::app::list_persons::{Filter, list_persons};
use crate::app::match_identity::match_identity;
use crate::app::move_person::MovePerson;
use crate::app::put_household::{Before, PutHousehold};
use crate::app::record_kinship::RecordKinship;
use crate::app::register_person::RegisterPerson;
use crate::app::resolve_or_provision::ResolveOrProvision;
use crate::domain::household::Composition;
use crate::domain::identity::Identity;
use crate::domain::masking::Reveal;
use crate::domain::provision::{Report, ReportInput};
use crate::domain::registration::{Correction, CorrectionInput, Registration, RegistrationInput};

/// The service.
#[derive(Clone)]
pub struct Api {
    cx: Context,
    resolutions: Together<ResolveOrProvision>,
}

impl Api {
    /// In a context.
    pub fn new(cx: Context) -> Self {
        Self {
            cx,
            resolutions: Together::default(),
        }
    }

    fn today(&self) -> Date {
        today(self.cx.now())
    }
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl ResidentsService for Api {
    async fn register_person(
        &self,
        request: Request<pb::RegisterPersonRequest>,
    ) -> Answer<pb::RegisterPersonResponse> {
        let caller = caller(&request)?;
        let message = request.get_ref();
        let key = RequestKey::of(&message.request_id, message)?;
        let mut form = Form::default();
        let input = RegistrationInput {
            identity: form.identity(message.identity.as_ref()),
            birth_date: form.date("birth_date", message.birth_date.as_ref()),
            sex: form.sex(message.sex),
            domicile: &message.domicile_division,
            residence: &message.residence_division,
            phone: &message.phone,
            shared_number: message.shared_number,
        };
        let registration = form.with(Registration::read(input, self.today()))?;
        let command = RegisterPerson { registration };
        Ok(Response::new(
            self.cx.run(&caller, Some(key), command).await?,
        ))
    }

    async fn get_person(
        &self,
        request: Request<pb::GetPersonRequest>,
    ) -> Answer<pb::GetPersonResponse> {
        let caller = caller(&request)?;
        let message = request.get_ref();
        let mut form = Form::default();
        let person_id = form.id("person_id", &message.person_id);
        let fields = form.reveal(&message.reveal);
        let reveal = form.with(Reveal::read(&fields, &message.purpose))?;
        let query = GetPerson { person_id, reveal };
        Ok(Response::new(query.answer(&self.cx, &caller).await?))
    }

    async fn list_persons(
        &self,
        request: Request<pb::ListPersonsRequest>,
    ) -> Answer<pb::ListPersonsResponse> {
        let caller = caller(&request)?;
        let message = request.get_ref();
        let mut form = Form::default();
        let page: Option<Page> = form.take("page_token", page_of!(message));
        let filter = Filter {
            division: form.division("division", &message.division),
            states: form.states(message.state),
        };
        form.check()?;
        let page = page.ok_or_else(Problem::internal)?;
        Ok(Response::new(
            list_persons(&self.cx, &caller, &filter, &page).await?,
        ))
    }

    async fn r#match(&self, request: Request<pb::MatchRequest>) -> Answer<pb::MatchResponse> {
        let mut form = Form::default();
        let input = form.identity(request.get_ref().identity.as_ref());
        let mut violations = Violations::new();
        let identity = Identity::read(input, self.today(), &mut violations);
        let identity = form.with(violations.check().map(|()| identity))?;
        let identity = identity.ok_or_else(Problem::internal)?;
        Ok(Response::new(match_identity(&self.cx, &identity).await?))
    }

    async fn resolve_or_provision(
        &self,
        request: Request<pb::ResolveOrProvisionRequest>,
    ) -> Answer<pb::ResolveOrProvisionResponse> {
        let caller = caller(&request)?;
        let message = request.get_ref();
        let key = RequestKey::of(&message.request_id, message)?;
        let mut form = Form::default();
        let input = ReportInput {
            source_organisation: &message.source_organisation,
            reference: &message.reference,
            identity: form.identity(message.identity.as_ref()),
            reporter_division: &message.reporter_division,
        };
        let report = form.with(Report::read(input, self.today()))?;
        let command = ResolveOrProvision { report };
        let resolved = self
            .cx
            .run_together(&self.resolutions, &caller, key, command);
        Ok(Response::new(resolved.await?))
    }

    async fn decide_match(
        &self,
        request: Request<pb::DecideMatchRequest>,
    ) -> Answer<pb::DecideMatchResponse> {
        let caller = caller(&request)?;
        let message = request.get_ref();
        let key = RequestKey::of(&message.request_id, message)?;
        let mut form = Form::default();
        let person_id = form.id("person_id", &message.person_id);
        let command = DecideMatch {
            person_id,
            etag: message.etag.clone(),
            verdict: form.verdict(message.decision, &message.into_person_id),
            reason: form.reason(&message.reason),
        };
        form.check()?;
        Ok(Response::new(
            self.cx.run(&caller, Some(key), command).await?,
        ))
    }

    async fn correct_identity(
        &self,
        request: Request<pb::CorrectIdentityRequest>,
    ) -> Answer<pb::CorrectIdentityResponse> {
        let caller = caller(&request)?;
        let message = request.get_ref();
        let key = RequestKey::of(&message.request_id, message)?;
        let mut form = Form::default();
        let person_id = form.id("person_id", &message.person_id);
        let input = CorrectionInput {
            identity: form.identity(message.identity.as_ref()),
            birth_date: form.date("birth_date", message.birth_date.as_ref()),
            sex: form.sex(message.sex),
            reason: &message.reason,
            shared_number: message.shared_number,
        };
        let command = CorrectIdentity {
            person_id,
            etag: message.etag.clone(),
            correction: form.with(Correction::read(input, self.today()))?,
        };
        Ok(Response::new(
            self.cx.run(&caller, Some(key), command).await?,
        ))
    }

    async fn move_person(
        &self,
        request: Request<pb::MovePersonRequest>,
    ) -> Answer<pb::MovePersonResponse> {
        let caller = caller(&request)?;
        let message = request.get_ref();
        let key = RequestKey::of(&message.request_id, message)?;
        let mut form = Form::default();
        let command = MovePerson {
            person_id: form.id("person_id", &message.person_id),
            etag: message.etag.clone(),
            domicile: form.place("domicile_division", &message.domicile_division),
            residence: form.place("residence_division", &message.residence_division),
        };
        form.check()?;
        Ok(Response::new(
            self.cx.run(&caller, Some(key), command).await?,
        ))
    }

    async fn record_kinship(
        &self,
        request: Request<pb::RecordKinshipRequest>,
    ) -> Answer<pb::RecordKinshipResponse> {
        let caller = caller(&request)?;
        let message = request.get_ref();
        let key = RequestKey::of(&message.request_id, message)?;
        let mut form = Form::default();
        let command = RecordKinship {
            person_id: form.id("person_id", &message.person_id),
            relation: form.relation(message.relation),
            relative_id: form.id("relative_id", &message.relative_id),
        };
        form.check()?;
        Ok(Response::new(
            self.cx.run(&caller, Some(key), command).await?,
        ))
    }

    async fn end_kinship(
        &self,
        request: Request<pb::EndKinshipRequest>,
    ) -> Answer<pb::EndKinshipResponse> {
        let caller = caller(&request)?;
        let message = request.get_ref();
        let key = RequestKey::of(&message.request_id, message)?;
        let mut form = Form::default();
        let command = EndKinship {
            kinship_id: form.id("kinship_id", &message.kinship_id),
            etag: message.etag.clone(),
            reason: form.reason(&message.reason),
        };
        form.check()?;
        Ok(Response::new(
            self.cx.run(&caller, Some(key), command).await?,
        ))
    }

    async fn list_kin(&self, request: Request<pb::ListKinRequest>) -> Answer<pb::ListKinResponse> {
        let caller = caller(&request)?;
        let mut form = Form::default();
        let person_id = form.id("person_id", &request.get_ref().person_id);
        form.check()?;
        Ok(Response::new(list_kin(&self.cx, &caller, person_id).await?))
    }

    async fn list_dependants(
        &self,
        request: Request<pb::ListDependantsRequest>,
    ) -> Answer<pb::ListDependantsResponse> {
        let mut form = Form::default();
        let persons = form.ids("person_ids", &request.get_ref().person_ids);
        form.check()?;
        let persons = persons.into_iter().collect();
        Ok(Response::new(list_dependants(&self.cx, &persons).await?))
    }

    async fn put_household(
        &self,
        request: Request<pb::PutHouseholdRequest>,
    ) -> Answer<pb::PutHouseholdResponse> {
        let caller = caller(&request)?;
        let message = request.get_ref();
        let key = RequestKey::of(&message.request_id, message)?;
        let mut form = Form::default();
        let known = form.id_if_given("household_id", &message.household_id);
        let before = known.map_or(Before::Nothing, |id| Before::Known {
            id,
            etag: message.etag.clone(),
        });
        let head = form.id("head_id", &message.head_id);
        let members = form.ids("member_ids", &message.member_ids);
        let composition = Composition::read(head, &members, &message.division);
        let command = PutHousehold {
            before,
            composition: form.with(composition)?,
        };
        Ok(Response::new(
            self.cx.run(&caller, Some(key), command).await?,
        ))
    }

    async fn get_household(
        &self,
        request: Request<pb::GetHouseholdRequest>,
    ) -> Answer<pb::GetHouseholdResponse> {
        let caller = caller(&request)?;
        let mut form = Form::default();
        let id = form.id("household_id", &request.get_ref().household_id);
        form.check()?;
        Ok(Response::new(get_household(&self.cx, &caller, id).await?))
    }
}
