//! `minzheng.elderly_care.v1`: parse, run, convert; nothing else.

use minzheng_chassis::context::Context;
use minzheng_chassis::grpc::caller;
use minzheng_chassis::page_of;
use minzheng_chassis::seam::Command;
use minzheng_proto::elderly_care::v1 as pb;
use minzheng_proto::elderly_care::v1::elderly_care_service_server::ElderlyCareService;
use tonic::{Request, Response, Status};

use super::convert::Form;
use crate::app::accept_offer::AcceptOffer;
use crate::app::add_to_waiting_list::AddToWaitingList;
use crate::app::create_bed::CreateBed;
use crate::app::create_facility::CreateFacility;
use crate::app::decline_offer::DeclineOffer;
use crate::app::end_stay::EndStay;
use crate::app::list::Filter;
use crate::app::place_resident::PlaceResident;
use crate::app::set_bed_state::SetBedState;
use crate::app::set_stay_account::SetStayAccount;
use crate::app::withdraw_from_waiting_list::WithdrawFromWaitingList;
use crate::app::{get, list};

/// The service.
#[derive(Clone)]
pub struct Api {
    cx: Context,
}

type Answer<T> = Result<Response<T>, Status>;

impl Api {
    /// In a context.
    pub fn new(cx: Context) -> Self {
        Self { cx }
    }

    /// Runs what was read from a request, once nothing is wrong with it.
    async fn run<M: prost::Message, C: Command>(
        &self,
        request: &Request<M>,
        request_id: &str,
        mut form: Form,
        command: C,
    ) -> Answer<C::Answer> {
        let caller = caller(request)?;
        let key = form.request(request_id, request.get_ref());
        form.check()?;
        Ok(Response::new(self.cx.run(&caller, key, command).await?))
    }
}

#[tonic::async_trait]
impl ElderlyCareService for Api {
    async fn create_facility(
        &self,
        request: Request<pb::CreateFacilityRequest>,
    ) -> Answer<pb::CreateFacilityResponse> {
        let (message, mut form) = (request.get_ref(), Form::default());
        let command = CreateFacility {
            tier: form.tier(message.tier),
            division: form.division("division", &message.division),
            name: message.name.clone(),
            filing: form.filing(message.filing),
        };
        self.run(&request, &message.request_id, form, command).await
    }

    async fn get_facility(
        &self,
        request: Request<pb::GetFacilityRequest>,
    ) -> Answer<pb::GetFacilityResponse> {
        let (caller, mut form) = (caller(&request)?, Form::default());
        let id = form.id("facility_id", &request.get_ref().facility_id);
        form.check()?;
        Ok(Response::new(get::facility(&self.cx, &caller, id).await?))
    }

    async fn list_facilities(
        &self,
        request: Request<pb::ListFacilitiesRequest>,
    ) -> Answer<pb::ListFacilitiesResponse> {
        let (caller, mut form) = (caller(&request)?, Form::default());
        let message = request.get_ref();
        let page = form.page(page_of!(message));
        let division = form.division_if_given("division", &message.division);
        let filter = (division, form.tier_if_given(message.tier));
        form.check()?;
        let listed = list::facilities(&self.cx, &caller, filter, &page);
        Ok(Response::new(listed.await?))
    }

    async fn create_bed(
        &self,
        request: Request<pb::CreateBedRequest>,
    ) -> Answer<pb::CreateBedResponse> {
        let (message, mut form) = (request.get_ref(), Form::default());
        let command = CreateBed {
            facility_id: form.id("facility_id", &message.facility_id),
            label: message.label.clone(),
            state: form.new_bed_state(message.state),
        };
        self.run(&request, &message.request_id, form, command).await
    }

    async fn get_bed(&self, request: Request<pb::GetBedRequest>) -> Answer<pb::GetBedResponse> {
        let (caller, mut form) = (caller(&request)?, Form::default());
        let id = form.id("bed_id", &request.get_ref().bed_id);
        form.check()?;
        Ok(Response::new(get::bed(&self.cx, &caller, id).await?))
    }

    async fn list_beds(
        &self,
        request: Request<pb::ListBedsRequest>,
    ) -> Answer<pb::ListBedsResponse> {
        let (caller, mut form) = (caller(&request)?, Form::default());
        let message = request.get_ref();
        let page = form.page(page_of!(message));
        let facility_id = form.id_if_given("facility_id", &message.facility_id);
        let filter = (facility_id, form.bed_state_if_given(message.state));
        form.check()?;
        let listed = list::beds(&self.cx, &caller, filter, &page);
        Ok(Response::new(listed.await?))
    }

    async fn set_bed_state(
        &self,
        request: Request<pb::SetBedStateRequest>,
    ) -> Answer<pb::SetBedStateResponse> {
        let (message, mut form) = (request.get_ref(), Form::default());
        let command = SetBedState {
            bed_id: form.id("bed_id", &message.bed_id),
            etag: form.etag(&message.etag),
            state: form.bed_state(message.state),
        };
        self.run(&request, &message.request_id, form, command).await
    }

    async fn place_resident(
        &self,
        request: Request<pb::PlaceResidentRequest>,
    ) -> Answer<pb::PlaceResidentResponse> {
        let (message, mut form) = (request.get_ref(), Form::default());
        let command = PlaceResident {
            bed_id: form.id("bed_id", &message.bed_id),
            etag: form.etag(&message.etag),
            who: form.who(&message.person_id, message.identity.as_ref()),
            first_day: form.day("first_day", message.first_day.as_ref()),
        };
        self.run(&request, &message.request_id, form, command).await
    }

    async fn end_stay(&self, request: Request<pb::EndStayRequest>) -> Answer<pb::EndStayResponse> {
        let (message, mut form) = (request.get_ref(), Form::default());
        let command = EndStay {
            stay_id: form.id("stay_id", &message.stay_id),
            etag: form.etag(&message.etag),
            last_day: form.day("last_day", message.last_day.as_ref()),
        };
        self.run(&request, &message.request_id, form, command).await
    }

    async fn get_stay(&self, request: Request<pb::GetStayRequest>) -> Answer<pb::GetStayResponse> {
        let (caller, mut form) = (caller(&request)?, Form::default());
        let id = form.id("stay_id", &request.get_ref().stay_id);
        form.check()?;
        Ok(Response::new(get::stay(&self.cx, &caller, id).await?))
    }

    async fn list_stays(
        &self,
        request: Request<pb::ListStaysRequest>,
    ) -> Answer<pb::ListStaysResponse> {
        let (caller, mut form) = (caller(&request)?, Form::default());
        let message = request.get_ref();
        let page = form.page(page_of!(message));
        let filter = Filter {
            facility_id: form.id_if_given("facility_id", &message.facility_id),
            person_id: form.id_if_given("person_id", &message.person_id),
            with_closed: message.include_ended,
        };
        form.check()?;
        let listed = list::stays(&self.cx, &caller, &filter, &page);
        Ok(Response::new(listed.await?))
    }

    async fn set_stay_account(
        &self,
        request: Request<pb::SetStayAccountRequest>,
    ) -> Answer<pb::SetStayAccountResponse> {
        let (message, mut form) = (request.get_ref(), Form::default());
        let command = SetStayAccount {
            stay_id: form.id("stay_id", &message.stay_id),
            etag: form.etag(&message.etag),
            owed_fen: message.owed_fen,
        };
        self.run(&request, &message.request_id, form, command).await
    }

    async fn add_to_waiting_list(
        &self,
        request: Request<pb::AddToWaitingListRequest>,
    ) -> Answer<pb::AddToWaitingListResponse> {
        let (message, mut form) = (request.get_ref(), Form::default());
        let command = AddToWaitingList {
            who: form.who(&message.person_id, message.identity.as_ref()),
            facility_id: form.id("facility_id", &message.facility_id),
            rank: form.rank(message.rank),
        };
        self.run(&request, &message.request_id, form, command).await
    }

    async fn withdraw_from_waiting_list(
        &self,
        request: Request<pb::WithdrawFromWaitingListRequest>,
    ) -> Answer<pb::WithdrawFromWaitingListResponse> {
        let (message, mut form) = (request.get_ref(), Form::default());
        let command = WithdrawFromWaitingList {
            entry_id: form.id("entry_id", &message.entry_id),
            etag: form.etag(&message.etag),
        };
        self.run(&request, &message.request_id, form, command).await
    }

    async fn list_waiting_list(
        &self,
        request: Request<pb::ListWaitingListRequest>,
    ) -> Answer<pb::ListWaitingListResponse> {
        let (caller, mut form) = (caller(&request)?, Form::default());
        let message = request.get_ref();
        let page = form.page(page_of!(message));
        let facility_id = form.id("facility_id", &message.facility_id);
        form.check()?;
        let listed = list::waiting_list(&self.cx, &caller, facility_id, &page);
        Ok(Response::new(listed.await?))
    }

    async fn accept_offer(
        &self,
        request: Request<pb::AcceptOfferRequest>,
    ) -> Answer<pb::AcceptOfferResponse> {
        let (message, mut form) = (request.get_ref(), Form::default());
        let command = AcceptOffer {
            offer_id: form.id("offer_id", &message.offer_id),
            etag: form.etag(&message.etag),
            first_day: form.day("first_day", message.first_day.as_ref()),
        };
        self.run(&request, &message.request_id, form, command).await
    }

    async fn decline_offer(
        &self,
        request: Request<pb::DeclineOfferRequest>,
    ) -> Answer<pb::DeclineOfferResponse> {
        let (message, mut form) = (request.get_ref(), Form::default());
        let command = DeclineOffer {
            offer_id: form.id("offer_id", &message.offer_id),
            etag: form.etag(&message.etag),
        };
        self.run(&request, &message.request_id, form, command).await
    }

    async fn get_offer(
        &self,
        request: Request<pb::GetOfferRequest>,
    ) -> Answer<pb::GetOfferResponse> {
        let (caller, mut form) = (caller(&request)?, Form::default());
        let id = form.id("offer_id", &request.get_ref().offer_id);
        form.check()?;
        Ok(Response::new(get::offer(&self.cx, &caller, id).await?))
    }

    async fn list_offers(
        &self,
        request: Request<pb::ListOffersRequest>,
    ) -> Answer<pb::ListOffersResponse> {
        let (caller, mut form) = (caller(&request)?, Form::default());
        let message = request.get_ref();
        let page = form.page(page_of!(message));
        let filter = Filter {
            facility_id: form.id_if_given("facility_id", &message.facility_id),
            person_id: form.id_if_given("person_id", &message.person_id),
            with_closed: message.include_closed,
        };
        form.check()?;
        let listed = list::offers(&self.cx, &caller, &filter, &page);
        Ok(Response::new(listed.await?))
    }
}
