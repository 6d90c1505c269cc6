//! Waiting lists and offers.

use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::Deployment;
use minzheng_proto::elderly_care::v1 as pb;
use tonic::Code;
use uuid::Uuid;

use crate::common::facts::date;
use crate::common::{House, it, refusal, request_id};
use crate::requests::{failed, invalid, refused, withdrawing};

on_both_deployments!(
    the_waiting_list_is_kept_in_order,
    offers_are_accepted_and_declined,
);

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
