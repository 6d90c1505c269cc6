//! `minzheng.life_events.v1`: parse, run, convert; nothing else.

use jiff::civil::Date;
use minzheng_chassis::civil::today;
use minzheng_chassis::context::Context;
use minzheng_chassis::grpc::caller;
use minzheng_chassis::grpc::page::Page;
use minzheng_chassis::page_of;
use minzheng_chassis::problem::Problem;
use minzheng_chassis::seam::{RequestKey, Together};
use minzheng_proto::life_events::v1 as pb;
use minzheng_proto::life_events::v1::death_case_service_server::DeathCaseService;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::convert::Form;
use super::report;
use crate::app::approve_reversal::ApproveReversal;
use crate::app::correct_death::CorrectDeath;
use crate::app::decide_conflict::DecideConflict;
use crate::app::decide_review::DecideReview;
use crate::app::get_case::get_case;
use crate::app::get_clearance::GetClearance;
use crate::app::list_cases::{Filter, list_cases};
use crate::app::lookout::Lookout;
use crate::app::prepare_reversal::PrepareReversal;
use crate::app::report_death::ReportDeath;
use crate::app::watch_case::{Seen, Watch};

/// The service.
#[derive(Clone)]
pub struct Api {
    cx: Context,
    reports: Together<ReportDeath>,
    lookout: Lookout,
}

impl Api {
    /// In a context.
    pub fn new(cx: Context) -> Self {
        Self {
            lookout: Lookout::new(cx.clone()),
            reports: Together::default(),
            cx,
        }
    }

    fn today(&self) -> Date {
        today(self.cx.now())
    }
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl DeathCaseService for Api {
    type WatchCaseStream = ReceiverStream<Result<pb::WatchCaseResponse, Status>>;

    async fn report_death(
        &self,
        request: Request<pb::ReportDeathRequest>,
    ) -> Answer<pb::ReportDeathResponse> {
        let caller = caller(&request)?;
        let message = request.get_ref();
        let key = RequestKey::of(&message.request_id, message)?;
        let command = report::report(&self.cx, message)?;
        let told = self.cx.run_together(&self.reports, &caller, key, command);
        Ok(Response::new(told.await?))
    }

    async fn get_case(&self, request: Request<pb::GetCaseRequest>) -> Answer<pb::GetCaseResponse> {
        let caller = caller(&request)?;
        let mut form = Form::default();
        let case_id = form.id("case_id", &request.get_ref().case_id);
        form.check()?;
        Ok(Response::new(get_case(&self.cx, &caller, case_id).await?))
    }

    async fn list_cases(
        &self,
        request: Request<pb::ListCasesRequest>,
    ) -> Answer<pb::ListCasesResponse> {
        let caller = caller(&request)?;
        let message = request.get_ref();
        let mut form = Form::default();
        let page = form.take::<Page>(page_of!(message));
        let filter = Filter {
            phase: form.phase(message.phase),
            person_id: form.id_if_given("person_id", &message.person_id),
        };
        form.check()?;
        let page = page.ok_or_else(Problem::internal)?;
        Ok(Response::new(
            list_cases(&self.cx, &caller, filter, &page).await?,
        ))
    }

    async fn watch_case(
        &self,
        request: Request<pb::WatchCaseRequest>,
    ) -> Answer<Self::WatchCaseStream> {
        let caller = caller(&request)?;
        let message = request.get_ref();
        let mut form = Form::default();
        let case_id = form.id("case_id", &message.case_id);
        let seen = match message.resume_token.as_str() {
            "" => None,
            token => form.take(Seen::of_token(token)),
        };
        form.check()?;
        let watch = Watch {
            cx: self.cx.clone(),
            lookout: self.lookout.clone(),
            caller,
            case_id,
            seen,
        };
        Ok(Response::new(watch.begin().await?))
    }

    async fn decide_review(
        &self,
        request: Request<pb::DecideReviewRequest>,
    ) -> Answer<pb::DecideReviewResponse> {
        let caller = caller(&request)?;
        let message = request.get_ref();
        let key = RequestKey::of(&message.request_id, message)?;
        let mut form = Form::default();
        let command = DecideReview {
            target: form.target(&message.case_id, &message.etag),
            decision: form.review(message.decision, &message.person_id),
            reason: form.reason(&message.reason),
        };
        form.check()?;
        Ok(Response::new(
            self.cx.run(&caller, Some(key), command).await?,
        ))
    }

    async fn decide_conflict(
        &self,
        request: Request<pb::DecideConflictRequest>,
    ) -> Answer<pb::DecideConflictResponse> {
        let caller = caller(&request)?;
        let message = request.get_ref();
        let key = RequestKey::of(&message.request_id, message)?;
        let mut form = Form::default();
        let command = DecideConflict {
            target: form.target(&message.case_id, &message.etag),
            evidence_id: form.id("evidence_id", &message.evidence_id),
            reason: form.reason(&message.reason),
        };
        form.check()?;
        Ok(Response::new(
            self.cx.run(&caller, Some(key), command).await?,
        ))
    }

    async fn complete_verification(
        &self,
        request: Request<pb::CompleteVerificationRequest>,
    ) -> Answer<pb::CompleteVerificationResponse> {
        let caller = caller(&request)?;
        let message = request.get_ref();
        let key = RequestKey::of(&message.request_id, message)?;
        let command = report::verification(message, self.today())?;
        Ok(Response::new(
            self.cx.run(&caller, Some(key), command).await?,
        ))
    }

    async fn correct_death(
        &self,
        request: Request<pb::CorrectDeathRequest>,
    ) -> Answer<pb::CorrectDeathResponse> {
        let caller = caller(&request)?;
        let message = request.get_ref();
        let key = RequestKey::of(&message.request_id, message)?;
        let mut form = Form::default();
        let died_on = form.past("died_on", message.died_on.as_ref(), self.today());
        let command = CorrectDeath {
            target: form.target(&message.case_id, &message.etag),
            died_on: form.required_date("died_on", died_on),
            cause: form.correction(message.cause),
            reason: form.reason(&message.reason),
        };
        form.check()?;
        Ok(Response::new(
            self.cx.run(&caller, Some(key), command).await?,
        ))
    }

    async fn prepare_reversal(
        &self,
        request: Request<pb::PrepareReversalRequest>,
    ) -> Answer<pb::PrepareReversalResponse> {
        let caller = caller(&request)?;
        let message = request.get_ref();
        let key = RequestKey::of(&message.request_id, message)?;
        let mut form = Form::default();
        let command = PrepareReversal {
            target: form.target(&message.case_id, &message.etag),
            reason: form.reason(&message.reason),
            revoked_on: form.past("revoked_on", message.revoked_on.as_ref(), self.today()),
        };
        form.check()?;
        Ok(Response::new(
            self.cx.run(&caller, Some(key), command).await?,
        ))
    }

    async fn approve_reversal(
        &self,
        request: Request<pb::ApproveReversalRequest>,
    ) -> Answer<pb::ApproveReversalResponse> {
        let caller = caller(&request)?;
        let message = request.get_ref();
        let key = RequestKey::of(&message.request_id, message)?;
        let mut form = Form::default();
        let command = ApproveReversal {
            target: form.target(&message.case_id, &message.etag),
            reversal_id: form.id("reversal_id", &message.reversal_id),
            approved: message.approve,
        };
        form.check()?;
        Ok(Response::new(
            self.cx.run(&caller, Some(key), command).await?,
        ))
    }

    async fn get_clearance(
        &self,
        request: Request<pb::GetClearanceRequest>,
    ) -> Answer<pb::GetClearanceResponse> {
        let caller = caller(&request)?;
        let message = request.get_ref();
        let mut form = Form::default();
        let command = GetClearance {
            case_id: form.id("case_id", &message.case_id),
            fact_version: message.fact_version,
        };
        form.check()?;
        Ok(Response::new(self.cx.run(&caller, None, command).await?))
    }
}
