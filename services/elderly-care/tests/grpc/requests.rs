//! Requests and refusals that several tests make.

use minzheng_proto::elderly_care::v1 as pb;
use tonic::Code;
use uuid::Uuid;

use crate::common::facts::date;
use crate::common::request_id;

pub fn refused(code: Code, reason: &str) -> (Code, String) {
    (code, reason.to_owned())
}

pub fn failed(reason: &str) -> (Code, String) {
    refused(Code::FailedPrecondition, reason)
}

pub fn invalid(reason: &str) -> (Code, String) {
    refused(Code::InvalidArgument, reason)
}

pub fn new_facility(division: &str, name: &str) -> pb::CreateFacilityRequest {
    pb::CreateFacilityRequest {
        request_id: request_id(),
        tier: pb::FacilityTier::Township.into(),
        division: division.to_owned(),
        name: name.to_owned(),
        filing: pb::FilingState::Unspecified.into(),
    }
}

pub fn new_bed(facility_id: &str, label: &str, state: pb::BedState) -> pb::CreateBedRequest {
    pb::CreateBedRequest {
        request_id: request_id(),
        facility_id: facility_id.to_owned(),
        label: label.to_owned(),
        state: state.into(),
    }
}

pub fn placing(bed: &pb::Bed, person: Uuid) -> pb::PlaceResidentRequest {
    pb::PlaceResidentRequest {
        request_id: request_id(),
        bed_id: bed.id.clone(),
        etag: bed.etag.clone(),
        person_id: person.to_string(),
        ..Default::default()
    }
}

pub fn setting(bed: &pb::Bed, state: pb::BedState) -> pb::SetBedStateRequest {
    pb::SetBedStateRequest {
        request_id: request_id(),
        bed_id: bed.id.clone(),
        etag: bed.etag.clone(),
        state: state.into(),
    }
}

pub fn leaving(stay: &pb::Stay, last_day: &str) -> pb::EndStayRequest {
    pb::EndStayRequest {
        request_id: request_id(),
        stay_id: stay.id.clone(),
        etag: stay.etag.clone(),
        last_day: Some(date(last_day)),
    }
}

pub fn withdrawing(entry: &pb::WaitingEntry) -> pb::WithdrawFromWaitingListRequest {
    pb::WithdrawFromWaitingListRequest {
        request_id: request_id(),
        entry_id: entry.id.clone(),
        etag: entry.etag.clone(),
    }
}
