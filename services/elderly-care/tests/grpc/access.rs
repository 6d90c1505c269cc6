//! Who sees and does what, and each request once.

use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, clerk, operator, reporter, worker};
use minzheng_proto::elderly_care::v1 as pb;
use tonic::Code;

use crate::common::{COUNTY, House, OTHER_COUNTY, TOWNSHIP, it, refusal, request_id};
use crate::requests::{
    failed, leaving, new_bed, new_facility, placing, refused, setting, withdrawing,
};

on_both_deployments!(
    another_county_sees_nothing,
    roles_are_held,
    a_request_is_done_once,
);

async fn another_county_sees_nothing(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let (resident, next) = (house.register.person(), house.register.person());
    let facility = house.facility("甲").await;
    let bed = house.bed(&facility, "3-12").await;
    let stay = house.place(&bed, resident).await;
    let entry = house.wait(&facility, next, 2).await;
    let other_bed = house.bed(&facility, "3-13").await;
    let offer = house.eventually_offered(next).await;
    let elsewhere = clerk("wu", OTHER_COUNTY);
    let mut care = house.api(&elsewhere);
    let hidden = refused(Code::NotFound, "NOT_FOUND");

    let facility_id = facility.clone();
    let got = care.get_facility(pb::GetFacilityRequest { facility_id });
    assert_eq!(refusal(got.await), hidden);
    let bed_id = bed.id.clone();
    let got = care.get_bed(pb::GetBedRequest { bed_id }).await;
    assert_eq!(refusal(got), hidden);
    let stay_id = stay.id.clone();
    let got = care.get_stay(pb::GetStayRequest { stay_id }).await;
    assert_eq!(refusal(got), hidden);
    let offer_id = offer.id.clone();
    let got = care.get_offer(pb::GetOfferRequest { offer_id }).await;
    assert_eq!(refusal(got), hidden);
    let list = pb::ListWaitingListRequest {
        facility_id: facility.clone(),
        ..Default::default()
    };
    assert_eq!(refusal(care.list_waiting_list(list).await), hidden);
    let made = care.create_bed(new_bed(&facility, "9", pb::BedState::Free));
    assert_eq!(refusal(made.await), hidden);
    let set = care.set_bed_state(setting(&other_bed, pb::BedState::Retired));
    assert_eq!(refusal(set.await), hidden);
    let placed = care.place_resident(placing(&bed, next)).await;
    assert_eq!(refusal(placed), hidden);
    let left = care.end_stay(leaving(&stay, "2026-03-20")).await;
    assert_eq!(refusal(left), hidden);
    let account = pb::SetStayAccountRequest {
        request_id: request_id(),
        stay_id: stay.id.clone(),
        etag: stay.etag.clone(),
        owed_fen: 1,
    };
    assert_eq!(refusal(care.set_stay_account(account).await), hidden);
    let off = care.withdraw_from_waiting_list(withdrawing(&entry)).await;
    assert_eq!(refusal(off), hidden);
    let accept = pb::AcceptOfferRequest {
        request_id: request_id(),
        offer_id: offer.id.clone(),
        etag: offer.etag.clone(),
        first_day: None,
    };
    assert_eq!(refusal(care.accept_offer(accept).await), hidden);
    let decline = pb::DeclineOfferRequest {
        request_id: request_id(),
        offer_id: offer.id.clone(),
        etag: offer.etag.clone(),
    };
    assert_eq!(refusal(care.decline_offer(decline).await), hidden);
    let join = pb::AddToWaitingListRequest {
        request_id: request_id(),
        person_id: house.register.person().to_string(),
        facility_id: facility.clone(),
        rank: 2,
        ..Default::default()
    };
    assert_eq!(refusal(care.add_to_waiting_list(join).await), hidden);
    let outside = care.create_facility(new_facility(TOWNSHIP, "乙")).await;
    let out_of_scope = refused(Code::PermissionDenied, "DIVISION_OUT_OF_SCOPE");
    assert_eq!(refusal(outside), out_of_scope);

    let facilities = care.list_facilities(pb::ListFacilitiesRequest::default());
    assert!(it(facilities.await).facilities.is_empty());
    let beds = care.list_beds(pb::ListBedsRequest::default()).await;
    assert!(it(beds).beds.is_empty());
    let stays = care.list_stays(pb::ListStaysRequest::default()).await;
    assert!(it(stays).stays.is_empty());
    let offers = care.list_offers(pb::ListOffersRequest::default()).await;
    assert!(it(offers).offers.is_empty());

    let mut province = house.api(&operator("op"));
    let beds = province.list_beds(pb::ListBedsRequest::default()).await;
    assert_eq!(it(beds).beds.len(), 2);
    let stays = province.list_stays(pb::ListStaysRequest::default()).await;
    assert_eq!(it(stays).stays.len(), 1);
    house.expect_clean().await;
    house.node.stop().await;
}

async fn roles_are_held(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let facility = house.facility("甲").await;
    let bed = house.bed(&facility, "3-12").await;
    let person = house.register.person();
    let denied = refused(Code::PermissionDenied, "ROLE_REQUIRED");
    let mut township = house.api(&worker("wang", COUNTY));
    let made = township.create_facility(new_facility(TOWNSHIP, "乙")).await;
    assert_eq!(refusal(made), denied);
    let placed = township.place_resident(placing(&bed, person)).await;
    assert_eq!(refusal(placed), denied);
    let join = pb::AddToWaitingListRequest {
        request_id: request_id(),
        person_id: person.to_string(),
        facility_id: facility.clone(),
        rank: 2,
        ..Default::default()
    };
    it(township.add_to_waiting_list(join.clone()).await);
    let mut outsider = house.api(&reporter("hospital", COUNTY));
    let bed_id = bed.id.clone();
    let got = outsider.get_bed(pb::GetBedRequest { bed_id }).await;
    assert_eq!(refusal(got), denied);
    let mut province = house.api(&operator("op"));
    let joined = province.add_to_waiting_list(join).await;
    assert_eq!(refusal(joined), denied);
    house.expect_clean().await;
    house.node.stop().await;
}

async fn a_request_is_done_once(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let mut care = house.care();
    let facility = house.facility("甲").await;
    let bed = house.bed(&facility, "3-12").await;
    let (person, other) = (house.register.person(), house.register.person());
    let request = placing(&bed, person);
    let first = it(care.place_resident(request.clone()).await);
    let again = it(care.place_resident(request.clone()).await);
    assert_eq!(first, again);
    let changed = pb::PlaceResidentRequest {
        person_id: other.to_string(),
        ..request
    };
    let reused = care.place_resident(changed).await;
    assert_eq!(refusal(reused), failed("REQUEST_ID_REUSED"));
    let stays = care.list_stays(pb::ListStaysRequest::default()).await;
    assert_eq!(it(stays).stays.len(), 1);
    let stay = first.stay.expect("a stay");
    let account = |etag: &str| pb::SetStayAccountRequest {
        request_id: request_id(),
        stay_id: stay.id.clone(),
        etag: etag.to_owned(),
        owed_fen: 100,
    };
    let set = it(care.set_stay_account(account(&stay.etag)).await);
    let old = care.set_stay_account(account(&stay.etag)).await;
    assert_eq!(refusal(old), refused(Code::Aborted, "ETAG_MISMATCH"));
    let etag = set.stay.expect("the stay").etag;
    it(care.set_stay_account(account(&etag)).await);
    house.expect_clean().await;
    house.node.stop().await;
}
