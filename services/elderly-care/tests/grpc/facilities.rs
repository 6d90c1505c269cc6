//! Facilities and beds, and what is wrong with a request.

use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::Deployment;
use minzheng_proto::common::v1 as shared;
use minzheng_proto::elderly_care::v1 as pb;
use tonic::Code;
use uuid::Uuid;

use crate::common::facts::date;
use crate::common::{House, TOWNSHIP, fields, it, refusal};
use crate::requests::{failed, invalid, new_bed, new_facility, refused, setting};

on_both_deployments!(
    facilities_and_beds_are_created_shown_and_listed,
    wrong_fields_are_told_all_at_once,
    beds_go_in_and_out_of_service,
);

async fn facilities_and_beds_are_created_shown_and_listed(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let mut care = house.care();
    let created = care.create_facility(new_facility(TOWNSHIP, " 甲敬老院 "));
    let first = it(created.await).facility.expect("a facility");
    assert_eq!(
        (first.name.as_str(), first.division.as_str()),
        ("甲敬老院", TOWNSHIP)
    );
    assert_eq!(first.filing(), pb::FilingState::Registered);
    let county = pb::CreateFacilityRequest {
        tier: pb::FacilityTier::County.into(),
        ..new_facility("520102000000", "县福利院")
    };
    let second = it(care.create_facility(county).await).facility.expect("it");
    let request = pb::GetFacilityRequest {
        facility_id: first.id.clone(),
    };
    assert_eq!(
        it(care.get_facility(request).await).facility,
        Some(first.clone())
    );

    let all = pb::ListFacilitiesRequest::default();
    let listed = it(care.list_facilities(all.clone()).await);
    let mut both = [first.clone(), second.clone()];
    both.sort_by(|one, other| one.id.cmp(&other.id));
    assert_eq!(listed.facilities, both);
    assert_eq!(listed.next_page_token, "");
    let by_tier = pb::ListFacilitiesRequest {
        tier: pb::FacilityTier::County.into(),
        ..all.clone()
    };
    let listed = it(care.list_facilities(by_tier).await).facilities;
    assert_eq!(listed, std::slice::from_ref(&second));
    let by_division = pb::ListFacilitiesRequest {
        division: TOWNSHIP.to_owned(),
        ..all
    };
    let listed = it(care.list_facilities(by_division).await).facilities;
    assert_eq!(listed, std::slice::from_ref(&first));

    let mut beds = Vec::new();
    for number in 1..=5 {
        let state = if number == 5 {
            pb::BedState::Planned
        } else {
            pb::BedState::Free
        };
        let bed = new_bed(&first.id, &format!("3-{number}"), state);
        let bed = it(care.create_bed(bed).await).bed.expect("a bed");
        assert_eq!(bed.state(), state);
        beds.push(bed);
    }
    beds.sort_by(|one, other| one.id.cmp(&other.id));
    let mut pages = Vec::new();
    let mut token = String::new();
    loop {
        let request = pb::ListBedsRequest {
            page_size: 2,
            page_token: token,
            facility_id: first.id.clone(),
            ..Default::default()
        };
        let page = it(care.list_beds(request).await);
        pages.push(page.beds.len());
        token = page.next_page_token;
        for bed in page.beds {
            assert_eq!(bed, beds[0]);
            beds.remove(0);
        }
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(pages, [2, 2, 1]);
    let planned = pb::ListBedsRequest {
        state: pb::BedState::Planned.into(),
        ..Default::default()
    };
    assert_eq!(it(care.list_beds(planned).await).beds.len(), 1);
    let same = new_bed(&first.id, " 3-1 ", pb::BedState::Free);
    let taken = care.create_bed(same).await;
    assert_eq!(
        refusal(taken),
        refused(Code::AlreadyExists, "BED_LABEL_TAKEN")
    );
    let elsewhere = new_bed(&second.id, "3-1", pb::BedState::Free);
    it(care.create_bed(elsewhere).await);
    house.expect_clean().await;
    house.node.stop().await;
}

async fn wrong_fields_are_told_all_at_once(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let mut care = house.care();
    let all_wrong = pb::CreateFacilityRequest {
        request_id: "1".to_owned(),
        tier: 9,
        division: "520199000000".to_owned(),
        ..Default::default()
    };
    let wrong = fields(care.create_facility(all_wrong).await);
    assert_eq!(wrong, ["tier", "division", "request_id"]);
    let both = pb::PlaceResidentRequest {
        person_id: Uuid::new_v4().to_string(),
        identity: Some(shared::Identity::default()),
        first_day: Some(date("2026-03")),
        ..Default::default()
    };
    let wrong = fields(care.place_resident(both).await);
    assert_eq!(
        wrong,
        ["bed_id", "etag", "identity", "first_day", "request_id"]
    );
    let neither = care.add_to_waiting_list(pb::AddToWaitingListRequest::default());
    let wrong = fields(neither.await);
    assert_eq!(wrong, ["person_id", "facility_id", "rank", "request_id"]);
    let wrong = fields(care.set_bed_state(pb::SetBedStateRequest::default()).await);
    assert_eq!(wrong, ["bed_id", "etag", "state", "request_id"]);
    let page = pb::ListStaysRequest {
        page_size: 201,
        person_id: "x".to_owned(),
        ..Default::default()
    };
    let wrong = fields(care.list_stays(page).await);
    assert_eq!(wrong, ["page_size", "person_id"]);

    let nameless = care.create_facility(new_facility(TOWNSHIP, " ")).await;
    assert_eq!(refusal(nameless), invalid("FACILITY_NAME_INVALID"));
    let coarse = care
        .create_facility(new_facility("520102000000", "甲"))
        .await;
    assert_eq!(refusal(coarse), invalid("DIVISION_TOO_COARSE"));
    let facility = house.facility("甲").await;
    for (label, state, reason) in [
        ("", pb::BedState::Free, "BED_LABEL_INVALID"),
        ("3_1", pb::BedState::Free, "BED_LABEL_INVALID"),
        ("3-1", pb::BedState::Held, "BED_STATE_NOT_SETTABLE"),
        ("3-1", pb::BedState::Occupied, "BED_STATE_NOT_SETTABLE"),
    ] {
        let made = care.create_bed(new_bed(&facility, label, state)).await;
        assert_eq!(refusal(made), invalid(reason));
    }
    let beds = care.list_beds(pb::ListBedsRequest::default()).await;
    assert!(it(beds).beds.is_empty(), "nothing is left behind");
    house.expect_clean().await;
    house.node.stop().await;
}

async fn beds_go_in_and_out_of_service(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let mut care = house.care();
    let facility = house.facility("甲").await;
    let (resident, waiting) = (house.register.person(), house.register.person());
    let lived_in = house.bed(&facility, "1-1").await;
    house.place(&lived_in, resident).await;
    house.wait(&facility, waiting, 2).await;
    let lived_in = house.get_bed(&lived_in.id).await;
    let set = care.set_bed_state(setting(&lived_in, pb::BedState::Retired));
    assert_eq!(refusal(set.await), failed("BED_OCCUPIED"));

    let planned = new_bed(&facility, "1-2", pb::BedState::Planned);
    let bed = it(care.create_bed(planned).await).bed.expect("a bed");
    assert!(house.offer_to(waiting).await.is_none());
    for state in [
        pb::BedState::Held,
        pb::BedState::Occupied,
        pb::BedState::Planned,
    ] {
        let set = care.set_bed_state(setting(&bed, state)).await;
        assert_eq!(refusal(set), invalid("BED_STATE_NOT_SETTABLE"));
    }
    let free = it(care.set_bed_state(setting(&bed, pb::BedState::Free)).await);
    let free = free.bed.expect("the bed");
    assert_eq!(free.held_for(), pb::HeldFor::Offer, "offered at once");
    let offer = house.offer_to(waiting).await.expect("an offer");
    let repaired = care.set_bed_state(setting(&free, pb::BedState::UnderRepair));
    let repaired = it(repaired.await).bed.expect("the bed");
    assert_eq!(repaired.state(), pb::BedState::UnderRepair);
    assert!(house.offer_to(waiting).await.is_none(), "taken back");
    let late = house.try_accept(&offer).await;
    assert_eq!(refusal(late), refused(Code::Aborted, "ETAG_MISMATCH"));
    let stale = care.set_bed_state(setting(&free, pb::BedState::Free)).await;
    assert_eq!(refusal(stale), refused(Code::Aborted, "ETAG_MISMATCH"));
    house.expect_clean().await;
    house.node.stop().await;
}
