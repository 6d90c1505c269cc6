//! `minzheng.child_welfare.v1.ChildWelfareService`: parse, run, answer.

use minzheng_chassis::context::Context;
use minzheng_chassis::grpc::caller;
use minzheng_chassis::grpc::page::Page;
use minzheng_chassis::page_of;
use minzheng_chassis::problem::Problem;
use minzheng_chassis::seam::RequestKey;
use minzheng_proto::child_welfare::v1 as pb;
use minzheng_proto::child_welfare::v1::child_welfare_service_server::ChildWelfareService;
use tonic::{Request, Response, Status};

use super::convert::Fields;
use crate::app::appoint_guardian::AppointGuardian;
use crate::app::determine_start_month::DetermineStartMonth;
use crate::app::end_guardianship::EndGuardianship;
use crate::app::end_parent_situation::EndParentSituation;
use crate::app::get_child::get_child;
use crate::app::list_children::{Filter, list_children};
use crate::app::open_child_file::OpenChildFile;
use crate::app::record_carer_ability::RecordCarerAbility;
use crate::app::record_parent_situation::RecordParentSituation;
use crate::domain::SituationRecord;

/// The service.
pub struct Api {
    cx: Context,
}

impl Api {
    /// On a node.
    pub fn new(cx: Context) -> Self {
        Self { cx }
    }
}

fn open(message: &pb::OpenChildFileRequest) -> Result<OpenChildFile, Problem> {
    let mut fields = Fields::default();
    let person_id = fields.id("person_id", &message.person_id);
    fields.all(person_id.map(|person_id| OpenChildFile {
        person_id,
        parents_not_found: message.parents_not_found,
    }))
}

fn record_situation(
    message: &pb::RecordParentSituationRequest,
) -> Result<RecordParentSituation, Problem> {
    let mut fields = Fields::default();
    let of = fields.child(&message.child_id, &message.etag);
    let parent_id = fields.id("parent_id", &message.parent_id);
    let kind = fields.kind(message.kind);
    let since = fields.day("since", message.since.as_ref());
    let term_until = fields.day_opt("term_until", message.term_until.as_ref());
    let legal_basis = fields.legal_basis(&message.legal_basis);
    let read = || {
        Some(RecordParentSituation {
            of: of?,
            parent_id: parent_id?,
            record: SituationRecord {
                kind: kind?,
                since: since?,
                term_until: term_until?,
                legal_basis: legal_basis?,
            },
        })
    };
    fields.all(read())
}

fn end_situation(message: &pb::EndParentSituationRequest) -> Result<EndParentSituation, Problem> {
    let mut fields = Fields::default();
    let of = fields.child(&message.child_id, &message.etag);
    let parent_id = fields.id("parent_id", &message.parent_id);
    let kind = fields.kind(message.kind);
    let ended_on = fields.day("ended_on", message.ended_on.as_ref());
    let read = || {
        Some(EndParentSituation {
            of: of?,
            parent_id: parent_id?,
            kind: kind?,
            ended_on: ended_on?,
        })
    };
    fields.all(read())
}

fn appoint(message: &pb::AppointGuardianRequest) -> Result<AppointGuardian, Problem> {
    let mut fields = Fields::default();
    let of = fields.child(&message.child_id, &message.etag);
    let guardian_id = fields.id("guardian_id", &message.guardian_id);
    let basis = fields.basis(message.basis);
    let since = fields.day("since", message.since.as_ref());
    let legal_basis = fields.legal_basis(&message.legal_basis);
    let read = || {
        Some(AppointGuardian {
            of: of?,
            guardian_id: guardian_id?,
            basis: basis?,
            since: since?,
            legal_basis: legal_basis?,
        })
    };
    fields.all(read())
}

fn end_guardian(message: &pb::EndGuardianshipRequest) -> Result<EndGuardianship, Problem> {
    let mut fields = Fields::default();
    let of = fields.child(&message.child_id, &message.etag);
    let guardian_id = fields.id("guardian_id", &message.guardian_id);
    let until = fields.day("until", message.until.as_ref());
    let read = || {
        Some(EndGuardianship {
            of: of?,
            guardian_id: guardian_id?,
            until: until?,
        })
    };
    fields.all(read())
}

fn record_ability(message: &pb::RecordCarerAbilityRequest) -> Result<RecordCarerAbility, Problem> {
    let mut fields = Fields::default();
    let of = fields.child(&message.child_id, &message.etag);
    let carer_id = fields.id("carer_id", &message.carer_id);
    let read = || {
        Some(RecordCarerAbility {
            of: of?,
            carer_id: carer_id?,
            able: message.able,
        })
    };
    fields.all(read())
}

fn determine_month(
    message: &pb::DetermineStartMonthRequest,
) -> Result<DetermineStartMonth, Problem> {
    let mut fields = Fields::default();
    let of = fields.child(&message.child_id, &message.etag);
    let month = fields.month("start_month", &message.start_month);
    let read = || {
        Some(DetermineStartMonth {
            of: of?,
            month: month?,
        })
    };
    fields.all(read())
}

fn filter(message: &pb::ListChildrenRequest) -> Result<Filter, Problem> {
    let mut fields = Fields::default();
    let division = fields.division("division", &message.division);
    let situation = fields.situation(message.situation);
    let carer = fields.carer(message.carer);
    let read = || {
        Some(Filter {
            division: division?,
            situation: situation?,
            carer: carer?,
        })
    };
    fields.all(read())
}

#[tonic::async_trait]
impl ChildWelfareService for Api {
    async fn open_child_file(
        &self,
        request: Request<pb::OpenChildFileRequest>,
    ) -> Result<Response<pb::OpenChildFileResponse>, Status> {
        let caller = caller(&request)?;
        let message = request.get_ref();
        let key = RequestKey::of(&message.request_id, message)?;
        let command = open(message)?;
        Ok(Response::new(
            self.cx.run(&caller, Some(key), command).await?,
        ))
    }

    async fn get_child(
        &self,
        request: Request<pb::GetChildRequest>,
    ) -> Result<Response<pb::GetChildResponse>, Status> {
        let caller = caller(&request)?;
        let mut fields = Fields::default();
        let child_id = fields.id("child_id", &request.get_ref().child_id);
        let child_id = fields.all(child_id)?;
        Ok(Response::new(get_child(&self.cx, &caller, child_id).await?))
    }

    async fn list_children(
        &self,
        request: Request<pb::ListChildrenRequest>,
    ) -> Result<Response<pb::ListChildrenResponse>, Status> {
        let caller = caller(&request)?;
        let message = request.get_ref();
        let page: Page = page_of!(message)?;
        let filter = filter(message)?;
        let answer = list_children(&self.cx, &caller, &filter, &page).await?;
        Ok(Response::new(answer))
    }

    async fn record_parent_situation(
        &self,
        request: Request<pb::RecordParentSituationRequest>,
    ) -> Result<Response<pb::RecordParentSituationResponse>, Status> {
        let caller = caller(&request)?;
        let message = request.get_ref();
        let key = RequestKey::of(&message.request_id, message)?;
        let command = record_situation(message)?;
        Ok(Response::new(
            self.cx.run(&caller, Some(key), command).await?,
        ))
    }

    async fn end_parent_situation(
        &self,
        request: Request<pb::EndParentSituationRequest>,
    ) -> Result<Response<pb::EndParentSituationResponse>, Status> {
        let caller = caller(&request)?;
        let message = request.get_ref();
        let key = RequestKey::of(&message.request_id, message)?;
        let command = end_situation(message)?;
        Ok(Response::new(
            self.cx.run(&caller, Some(key), command).await?,
        ))
    }

    async fn appoint_guardian(
        &self,
        request: Request<pb::AppointGuardianRequest>,
    ) -> Result<Response<pb::AppointGuardianResponse>, Status> {
        let caller = caller(&request)?;
        let message = request.get_ref();
        let key = RequestKey::of(&message.request_id, message)?;
        let command = appoint(message)?;
        Ok(Response::new(
            self.cx.run(&caller, Some(key), command).await?,
        ))
    }

    async fn end_guardianship(
        &self,
        request: Request<pb::EndGuardianshipRequest>,
    ) -> Result<Response<pb::EndGuardianshipResponse>, Status> {
        let caller = caller(&request)?;
        let message = request.get_ref();
        let key = RequestKey::of(&message.request_id, message)?;
        let command = end_guardian(message)?;
        Ok(Response::new(
            self.cx.run(&caller, Some(key), command).await?,
        ))
    }

    async fn record_carer_ability(
        &self,
        request: Request<pb::RecordCarerAbilityRequest>,
    ) -> Result<Response<pb::RecordCarerAbilityResponse>, Status> {
        let caller = caller(&request)?;
        let message = request.get_ref();
        let key = RequestKey::of(&message.request_id, message)?;
        let command = record_ability(message)?;
        Ok(Response::new(
            self.cx.run(&caller, Some(key), command).await?,
        ))
    }

    async fn determine_start_month(
        &self,
        request: Request<pb::DetermineStartMonthRequest>,
    ) -> Result<Response<pb::DetermineStartMonthResponse>, Status> {
        let caller = caller(&request)?;
        let message = request.get_ref();
        let key = RequestKey::of(&message.request_id, message)?;
        let command = determine_month(message)?;
        Ok(Response::new(
            self.cx.run(&caller, Some(key), command).await?,
        ))
    }
}
