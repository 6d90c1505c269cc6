//! Placing residents, and their leaving.

use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::Deployment;
use minzheng_proto::common::v1 as shared;
use minzheng_proto::elderly_care::v1 as pb;
use minzheng_proto::residents::v1 as residents;
use tonic::Code;
use uuid::Uuid;

use crate::common::facts::{Kind, date, fact};
use crate::common::{FIRST_DAY, House, it, refusal, request_id};
use crate::requests::{failed, invalid, leaving, new_bed, placing, refused};

on_both_deployments!(
    nobody_is_placed_wrongly,
    a_resident_leaves,
    an_identity_is_resolved_by_residents,
    a_neighbour_that_is_away_is_said,
);

async fn nobody_is_placed_wrongly(deployment: Deployment) {
    let house = House::start(&deployment).await;
    let mut care = house.care();
    let facility = house.facility("甲").await;
    let bed = house.bed(&facility, "1-1").await;
    let (resident, suspect) = (house.register.person(), house.register.person());
    let placed = house.place(&bed, resident).await;
    assert_eq!(placed.first_day, Some(date(FIRST_DAY)));
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
