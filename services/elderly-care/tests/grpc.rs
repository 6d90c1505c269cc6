//! What the service answers to calls, on both deployments.

mod common;

use common::facts::{Kind, date, fact};
use common::{COUNTY, House, OTHER_COUNTY, TOWNSHIP, fields, it, refusal, request_id};
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, clerk, operator, reporter, worker};
use minzheng_proto::common::v1 as shared;
use minzheng_proto::elderly_care::v1 as pb;
use minzheng_proto::residents::v1 as residents;
use tonic::Code;
use uuid::Uuid;

on_both_deployments!(
    facilities_and_beds_are_created_shown_and_listed,
    wrong_fields_are_told_all_at_once,
    another_county_sees_nothing,
    roles_are_held,
    a_request_is_done_once,
    nobody_is_placed_wrongly,
    beds_go_in_and_out_of_service,
    the_waiting_list_is_kept_in_order,
    offers_are_accepted_and_declined,
    a_resident_leaves,
    an_identity_is_resolved_by_residents,
    a_neighbour_that_is_away_is_said,
);

fn refused(code: Code, reason: &str) -> (Code, String) {
    (code, reason.to_owned())
}

fn failed(reason: &str) -> (Code, String) {
    refused(Code::FailedPrecondition, reason)
}

fn invalid(reason: &str) -> (Code, String) {
    refused(Code::InvalidArgument, reason)
}

fn new_facility(division: &str, name: &str) -> pb::CreateFacilityRequest {
    pb::CreateFacilityRequest {
        request_id: request_id(),
        tier: pb::FacilityTier::Township.into(),
        division: division.to_owned(),
        name: name.to_owned(),
        filing: pb::FilingState::Unspecified.into(),
    }
}

fn new_bed(facility_id: &str, label: &str, state: pb::BedState) -> pb::CreateBedRequest {
    pb::CreateBedRequest {
        request_id: request_id(),
        facility_id: facility_id.to_owned(),
        label: label.to_owned(),
        state: state.into(),
    }
}

fn placing(bed: &pb::Bed, person: Uuid) -> pb::PlaceResidentRequest {
    pb::PlaceResidentRequest {
        request_id: request_id(),
        bed_id: bed.id.clone(),
        etag: bed.etag.clone(),
        person_id: person.to_string(),
        ..Default::default()
    }
}

fn setting(bed: &pb::Bed, state: pb::BedState) -> pb::SetBedStateRequest {
    pb::SetBedStateRequest {
        request_id: request_id(),
        bed_id: bed.id.clone(),
        etag: bed.etag.clone(),
        state: state.into(),
    }
}

fn leaving(stay: &pb::Stay, last_day: &str) -> pb::EndStayRequest {
    pb::EndStayRequest {
        request_id: request_id(),
        stay_id: stay.id.clone(),
        etag: stay.etag.clone(),
        last_day: Some(date(last_day)),
    }
}

fn withdrawing(entry: &pb::WaitingEntry) -> pb::WithdrawFromWaitingListRequest {
    pb::WithdrawFromWaitingListRequest {
        request_id: request_id(),
        entry_id: entry.id.clone(),
        etag: entry.etag.clone(),
    }
}

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

async fn nobody_is_placed_wrongly(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let mut care = house.care();
    let facility = house.facility("甲").await;
    let bed = house.bed(&facility, "1-1").await;
    let (resident, suspect) = (house.register.person(), house.register.person());
    let placed = house.place(&bed, resident).await;
    assert_eq!(placed.first_day, Some(date(common::FIRST_DAY)));
    let bed = house.get_bed(&bed.id).await;
    assert_eq!(bed.person_id, resident.to_string());
    assert_eq!(bed.stay_id, placed.id);
    let newcomer = house.register.person();
    let occupied = house.try_place(&bed, newcomer).await;
    assert_eq!(refusal(occupied), failed("BED_OCCUPIED"));
    let free = house.bed(&facility, "1-2").await;
    let second_stay = house.try_place(&free, resident).await;
    assert_eq!(refusal(second_stay), failed("ALREADY_RESIDENT"));
    let waits_too = house.try_wait(&facility, resident, 2).await;
    assert_eq!(refusal(waits_too), failed("ALREADY_RESIDENT"));

    let dead = house.register.person();
    house
        .publish(&[
            fact(Kind::Suspected, suspect, 1, "unknown"),
            fact(Kind::Confirmed, dead, 1, "2026-03-01"),
            fact(Kind::Suspected, resident, 1, "unknown"),
        ])
        .await;
    for (person, answered) in [(suspect, "hold-bed"), (resident, "hold-bed")] {
        let word = if person == resident {
            "done"
        } else {
            "nothing_to_do"
        };
        house
            .eventually_answered(person, 1, &[(answered, word)])
            .await;
    }
    let nothing = [
        ("end-stay", "nothing_to_do"),
        ("release-bed", "nothing_to_do"),
    ];
    house.eventually_answered(dead, 1, &nothing).await;
    for person in [suspect, dead] {
        let placed = house.try_place(&free, person).await;
        assert_eq!(refusal(placed), failed("PERSON_NOT_ALIVE"));
    }
    let waits = house.try_wait(&facility, dead, 2).await;
    assert_eq!(refusal(waits), failed("PERSON_NOT_ALIVE"));
    let held = house.get_bed(&bed.id).await;
    let placed = house.try_place(&held, newcomer).await;
    assert_eq!(refusal(placed), failed("BED_HELD"));

    let waiting = house.register.person();
    house.wait(&facility, waiting, 2).await;
    let offered = house.get_bed(&free.id).await;
    assert_eq!(offered.held_for(), pb::HeldFor::Offer);
    let placed = house.try_place(&offered, newcomer).await;
    assert_eq!(refusal(placed), failed("BED_OFFERED"));
    let planned = new_bed(&facility, "1-3", pb::BedState::Planned);
    let planned = it(care.create_bed(planned).await).bed.expect("a bed");
    let placed = house.try_place(&planned, newcomer).await;
    assert_eq!(refusal(placed), failed("BED_NOT_IN_SERVICE"));
    let another = house.facility("乙").await;
    let bed = house.bed(&another, "1-1").await;
    let tomorrow = pb::PlaceResidentRequest {
        first_day: Some(date("2026-03-21")),
        ..placing(&bed, newcomer)
    };
    let placed = care.place_resident(tomorrow).await;
    assert_eq!(refusal(placed), invalid("FIRST_DAY_IN_FUTURE"));
    let old = pb::PlaceResidentRequest {
        etag: "v9".to_owned(),
        ..placing(&bed, newcomer)
    };
    let placed = care.place_resident(old).await;
    assert_eq!(refusal(placed), refused(Code::Aborted, "ETAG_MISMATCH"));
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

async fn the_waiting_list_is_kept_in_order(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let mut care = house.care();
    let facility = house.facility("甲").await;
    let people: Vec<Uuid> = (0..4).map(|_| house.register.person()).collect();
    let mut entries = Vec::new();
    for (person, rank) in people.iter().zip([3, 2, 5, 2]) {
        deployment
            .clock()
            .advance(std::time::Duration::from_millis(1));
        entries.push(house.wait(&facility, *person, rank).await);
    }
    let order = [1, 3, 0, 2].map(|at: usize| people[at].to_string());
    let mut listed = Vec::new();
    let mut token = String::new();
    loop {
        let request = pb::ListWaitingListRequest {
            page_size: 3,
            page_token: token,
            facility_id: facility.clone(),
        };
        let page = it(care.list_waiting_list(request).await);
        listed.extend(page.entries.into_iter().map(|entry| entry.person_id));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(listed, order);
    let twice = house.try_wait(&facility, people[0], 1).await;
    assert_eq!(refusal(twice), failed("ALREADY_WAITING"));
    let rank = house.try_wait(&facility, house.register.person(), 6).await;
    assert_eq!(refusal(rank), invalid("RANK_OUT_OF_RANGE"));

    let off = it(care
        .withdraw_from_waiting_list(withdrawing(&entries[1]))
        .await);
    let off = off.entry.expect("the entry");
    assert_eq!(off.state(), pb::WaitingState::Withdrawn);
    let again = care.withdraw_from_waiting_list(withdrawing(&off)).await;
    assert_eq!(refusal(again), failed("WAITING_ENTRY_CLOSED"));
    assert_eq!(house.queue(&facility).await.len(), 3);
    // Whoever comes back stands where they come, not where they stood.
    deployment
        .clock()
        .advance(std::time::Duration::from_millis(1));
    house.wait(&facility, people[1], 2).await;
    assert_eq!(house.queue(&facility).await[0].person_id, order[1]);
    house.expect_clean().await;
    house.node.stop().await;
}

async fn offers_are_accepted_and_declined(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let mut care = house.care();
    let (facility, other) = (house.facility("甲").await, house.facility("乙").await);
    let (first, second) = (house.register.person(), house.register.person());
    house.wait(&facility, first, 1).await;
    house.wait(&facility, second, 2).await;
    let elsewhere = house.wait(&other, second, 2).await;
    let bed = house.bed(&facility, "1-1").await;
    assert_eq!(bed.held_for(), pb::HeldFor::Offer);
    let offer = house.offer_to(first).await.expect("an offer");
    let declined = house.try_decline(&offer).await.expect("declined");
    assert_eq!(declined.state(), pb::OfferState::Declined);
    let again = house.try_decline(&declined).await;
    assert_eq!(refusal(again), failed("OFFER_NOT_OPEN"));
    let late = house.try_accept(&declined).await;
    assert_eq!(refusal(late), failed("OFFER_NOT_OPEN"));

    let offer = house.offer_to(second).await.expect("an offer");
    let early = pb::AcceptOfferRequest {
        request_id: request_id(),
        offer_id: offer.id.clone(),
        etag: offer.etag.clone(),
        first_day: Some(date("2026-03-21")),
    };
    let accepted = care.accept_offer(early).await;
    assert_eq!(refusal(accepted), invalid("FIRST_DAY_IN_FUTURE"));
    let stay = house.try_accept(&offer).await.expect("accepted");
    assert_eq!(stay.first_day, Some(date("2026-03-20")));
    assert_eq!(stay.person_id, second.to_string());
    assert_eq!(house.queue(&facility).await.len(), 1);
    assert!(house.queue(&other).await.is_empty(), "waits nowhere else");
    let closed = care
        .withdraw_from_waiting_list(withdrawing(&elsewhere))
        .await;
    assert_eq!(refusal(closed), refused(Code::Aborted, "ETAG_MISMATCH"));
    let all = pb::ListOffersRequest {
        facility_id: facility.clone(),
        include_closed: true,
        ..Default::default()
    };
    assert_eq!(it(care.list_offers(all).await).offers.len(), 2);
    house.expect_clean().await;
    house.node.stop().await;
}

async fn a_resident_leaves(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let mut care = house.care();
    let facility = house.facility("甲").await;
    let bed = house.bed(&facility, "1-1").await;
    let (resident, next) = (house.register.person(), house.register.person());
    let stay = house.place(&bed, resident).await;
    house.wait(&facility, next, 2).await;
    for day in ["2026-01-09", "2026-03-21"] {
        let left = care.end_stay(leaving(&stay, day)).await;
        assert_eq!(refusal(left), invalid("LAST_DAY_OUT_OF_RANGE"));
    }
    let left = it(care.end_stay(leaving(&stay, "2026-03-19")).await);
    let left = left.stay.expect("the stay");
    assert_eq!(left.end_cause(), pb::EndCause::Left);
    assert_eq!(left.last_day, Some(date("2026-03-19")));
    let again = care.end_stay(leaving(&left, "2026-03-19")).await;
    assert_eq!(refusal(again), failed("STAY_ENDED"));
    let account = pb::SetStayAccountRequest {
        request_id: request_id(),
        stay_id: left.id.clone(),
        etag: left.etag.clone(),
        owed_fen: 1,
    };
    let account = care.set_stay_account(account).await;
    assert_eq!(refusal(account), failed("STAY_ENDED"));
    assert_eq!(house.offer_to(next).await.expect("an offer").bed_id, bed.id);
    let stays = pb::ListStaysRequest {
        person_id: resident.to_string(),
        ..Default::default()
    };
    assert!(it(care.list_stays(stays.clone()).await).stays.is_empty());
    let with_ended = pb::ListStaysRequest {
        include_ended: true,
        ..stays
    };
    assert_eq!(it(care.list_stays(with_ended).await).stays, [left]);
    // Nothing is left to give back to who died after leaving.
    house
        .publish(&[fact(Kind::Confirmed, resident, 1, "2026-03-20")])
        .await;
    let nothing = [
        ("end-stay", "nothing_to_do"),
        ("release-bed", "nothing_to_do"),
    ];
    house.eventually_answered(resident, 1, &nothing).await;
    house.expect_clean().await;
    house.node.stop().await;
}

async fn an_identity_is_resolved_by_residents(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let mut care = house.care();
    let person = house.register.person();
    use residents::MatchAnswer::{Matched, MultipleCandidates, NoMatch, PendingReview};
    house.register.answer("M", Matched, Some(person));
    house.register.answer("N", NoMatch, None);
    house.register.answer("C", MultipleCandidates, None);
    house
        .register
        .answer("P", PendingReview, Some(Uuid::now_v7()));
    let facility = house.facility("甲").await;
    let bed = house.bed(&facility, "1-1").await;
    let by = |number: &str| pb::PlaceResidentRequest {
        person_id: String::new(),
        identity: Some(shared::Identity {
            id_type: shared::IdType::ResidentId.into(),
            id_number: number.to_owned(),
            name: "测试".to_owned(),
        }),
        ..placing(&bed, person)
    };
    for (number, expected) in [
        ("N", failed("IDENTITY_NO_MATCH")),
        ("C", failed("IDENTITY_MULTIPLE_CANDIDATES")),
        ("P", failed("IDENTITY_PENDING_REVIEW")),
        ("X", invalid("IDENTITY_INVALID")),
    ] {
        assert_eq!(refusal(care.place_resident(by(number)).await), expected);
    }
    let placed = it(care.place_resident(by("M")).await).stay.expect("a stay");
    assert_eq!(placed.person_id, person.to_string());
    // The service asks as itself, and says for whom.
    let (service, caller) = house.register.asked().pop().expect("it was asked");
    assert!(service.contains("service:elderly-care"), "{service}");
    assert!(caller.contains("subject=li"), "{caller}");

    let (gone, survivor) = (Uuid::now_v7(), house.register.person());
    let established = residents::RecordState::Established;
    house.register.put(gone, survivor, established);
    let entry = house.wait(&facility, gone, 2).await;
    assert_eq!(entry.person_id, survivor.to_string());
    let rejected = Uuid::now_v7();
    let state = residents::RecordState::Rejected;
    house.register.put(rejected, rejected, state);
    let waits = house.try_wait(&facility, rejected, 2).await;
    assert_eq!(refusal(waits), failed("PERSON_REJECTED"));
    let unknown = house.try_wait(&facility, Uuid::now_v7(), 2).await;
    assert_eq!(refusal(unknown), refused(Code::NotFound, "NOT_FOUND"));
    house.expect_clean().await;
    house.node.stop().await;
}

async fn a_neighbour_that_is_away_is_said(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let facility = house.facility("甲").await;
    let person = house.register.person();
    house.register.set_away(true);
    let waits = house.try_wait(&facility, person, 2).await;
    assert_eq!(refusal(waits), refused(Code::Unavailable, "UNAVAILABLE"));
    assert!(house.queue(&facility).await.is_empty());
    house.register.set_away(false);
    house.wait(&facility, person, 2).await;
    house.expect_clean().await;
    house.node.stop().await;
}
