//! The service on a real node, with a register beside it; facts come over the bus.

#![allow(dead_code, unused_imports)]

pub mod facts;
pub mod register;
mod told;

use std::collections::BTreeMap;

use minzheng_chassis::authz::Caller;
use minzheng_chassis::bus::{Delivery, Envelope, TopicPartition};
use minzheng_chassis::context::Context;
use minzheng_chassis::grpc::client::NeighbourChannel;
use minzheng_chassis::testing::{Deployment, PATIENCE, TestNode, clerk, eventually, operator};
use minzheng_elderly_care::module;
use minzheng_proto::catalogue::EventType;
use minzheng_proto::elderly_care::v1 as pb;
use minzheng_proto::elderly_care::v1::elderly_care_service_client::ElderlyCareServiceClient;
use minzheng_proto::life_events::v1 as life_events;
use minzheng_proto::operations::v1 as operations;
use minzheng_proto::operations::v1::operations_service_client::OperationsServiceClient;
use minzheng_proto::work::v1 as work;
use minzheng_proto::work::v1::work_service_client::WorkServiceClient;
use tonic::Status;
use uuid::Uuid;

use register::Register;
pub use told::{fields, it, refusal, word};

pub const SERVICE: &str = "elderly-care";
/// A township of the county where everything happens.
pub const TOWNSHIP: &str = "520102016000";
pub const COUNTY: &str = "520102";
pub const OTHER_COUNTY: &str = "520103";

/// When tests begin: a Friday, ten in the morning in Guizhou.
const NOW: &str = "2026-03-20T02:00:00Z";
/// The first day of stays.
pub const FIRST_DAY: &str = "2026-01-10";

/// A fresh request id.
pub fn request_id() -> String {
    Uuid::new_v4().to_string()
}

/// One node with this service and a register.
pub struct House {
    pub node: TestNode,
    pub register: Register,
}

impl House {
    pub async fn start(deployment: &Deployment) -> Self {
        Self::start_with(deployment, &[]).await
    }

    pub async fn start_with(deployment: &Deployment, settings: &[&str]) -> Self {
        deployment.clock().set(NOW.parse().expect("an instant"));
        let register = Register::default();
        let modules = vec![module(), register.module()];
        let node = deployment.start_with(modules, settings).await;
        Self { node, register }
    }

    /// Another node, or the same once more, on the same databases.
    pub async fn again(deployment: &Deployment, register: &Register) -> Self {
        let modules = vec![module(), register.module()];
        let node = deployment.start_again(modules, &[]).await;
        let register = register.clone();
        Self { node, register }
    }

    pub fn cx(&self) -> &Context {
        self.node.context(SERVICE)
    }

    pub fn api(&self, caller: &Caller) -> ElderlyCareServiceClient<NeighbourChannel> {
        ElderlyCareServiceClient::new(self.node.channel(caller))
    }

    /// As a clerk of the county.
    pub fn care(&self) -> ElderlyCareServiceClient<NeighbourChannel> {
        self.api(&clerk("li", COUNTY))
    }

    pub fn work(&self, caller: &Caller) -> WorkServiceClient<NeighbourChannel> {
        WorkServiceClient::new(self.node.channel(caller))
    }

    pub fn operations(&self) -> OperationsServiceClient<NeighbourChannel> {
        OperationsServiceClient::new(self.node.channel(&operator("op")))
    }

    pub async fn facility(&self, name: &str) -> String {
        let request = pb::CreateFacilityRequest {
            request_id: request_id(),
            tier: pb::FacilityTier::Township.into(),
            division: TOWNSHIP.to_owned(),
            name: name.to_owned(),
            filing: pb::FilingState::Filed.into(),
        };
        let created = it(self.care().create_facility(request).await);
        created.facility.expect("a facility").id
    }

    pub async fn bed(&self, facility_id: &str, label: &str) -> pb::Bed {
        let request = pb::CreateBedRequest {
            request_id: request_id(),
            facility_id: facility_id.to_owned(),
            label: label.to_owned(),
            state: pb::BedState::Unspecified.into(),
        };
        let created = it(self.care().create_bed(request).await);
        created.bed.expect("a bed")
    }

    pub async fn try_place(&self, bed: &pb::Bed, person: Uuid) -> Result<pb::Stay, Status> {
        let request = pb::PlaceResidentRequest {
            request_id: request_id(),
            bed_id: bed.id.clone(),
            etag: bed.etag.clone(),
            person_id: person.to_string(),
            first_day: Some(facts::date(FIRST_DAY)),
            ..Default::default()
        };
        let placed = self.care().place_resident(request).await?.into_inner();
        Ok(placed.stay.expect("a stay"))
    }

    pub async fn place(&self, bed: &pb::Bed, person: Uuid) -> pb::Stay {
        self.try_place(bed, person).await.expect("placed")
    }

    pub async fn try_wait(
        &self,
        facility_id: &str,
        person: Uuid,
        rank: i32,
    ) -> Result<pb::WaitingEntry, Status> {
        let request = pb::AddToWaitingListRequest {
            request_id: request_id(),
            person_id: person.to_string(),
            facility_id: facility_id.to_owned(),
            rank,
            ..Default::default()
        };
        let added = self.care().add_to_waiting_list(request).await?.into_inner();
        Ok(added.entry.expect("an entry"))
    }

    pub async fn wait(&self, facility_id: &str, person: Uuid, rank: i32) -> pb::WaitingEntry {
        self.try_wait(facility_id, person, rank)
            .await
            .expect("on the list")
    }

    pub async fn owe(&self, stay_id: &str, owed_fen: i64) -> pb::Stay {
        let request = pb::SetStayAccountRequest {
            request_id: request_id(),
            stay_id: stay_id.to_owned(),
            etag: self.stay(stay_id).await.etag,
            owed_fen,
        };
        let set = it(self.care().set_stay_account(request).await);
        set.stay.expect("the stay")
    }

    pub async fn get_bed(&self, id: &str) -> pb::Bed {
        let bed_id = id.to_owned();
        let got = it(self.care().get_bed(pb::GetBedRequest { bed_id }).await);
        got.bed.expect("the bed")
    }

    pub async fn stay(&self, id: &str) -> pb::Stay {
        let stay_id = id.to_owned();
        let got = it(self.care().get_stay(pb::GetStayRequest { stay_id }).await);
        got.stay.expect("the stay")
    }

    /// The open offer to a person, if there is one.
    pub async fn offer_to(&self, person: Uuid) -> Option<pb::Offer> {
        let request = pb::ListOffersRequest {
            person_id: person.to_string(),
            ..Default::default()
        };
        it(self.care().list_offers(request).await).offers.pop()
    }

    pub async fn eventually_offered(&self, person: Uuid) -> pb::Offer {
        eventually("a bed is offered", || self.offer_to(person)).await
    }

    pub async fn try_accept(&self, offer: &pb::Offer) -> Result<pb::Stay, Status> {
        let request = pb::AcceptOfferRequest {
            request_id: request_id(),
            offer_id: offer.id.clone(),
            etag: offer.etag.clone(),
            first_day: None,
        };
        let accepted = self.care().accept_offer(request).await?.into_inner();
        assert_eq!(
            accepted.offer.expect("the offer").state(),
            pb::OfferState::Accepted
        );
        Ok(accepted.stay.expect("a stay"))
    }

    pub async fn try_decline(&self, offer: &pb::Offer) -> Result<pb::Offer, Status> {
        let request = pb::DeclineOfferRequest {
            request_id: request_id(),
            offer_id: offer.id.clone(),
            etag: offer.etag.clone(),
        };
        let declined = self.care().decline_offer(request).await?.into_inner();
        Ok(declined.offer.expect("the offer"))
    }

    pub async fn queue(&self, facility_id: &str) -> Vec<pb::WaitingEntry> {
        let request = pb::ListWaitingListRequest {
            facility_id: facility_id.to_owned(),
            ..Default::default()
        };
        it(self.care().list_waiting_list(request).await).entries
    }

    pub async fn eventually_bed(&self, id: &str, state: pb::BedState, held_for: pb::HeldFor) {
        let what = format!("the bed is {state:?} {held_for:?}");
        eventually(&what, || async {
            let bed = self.get_bed(id).await;
            (bed.state() == state && bed.held_for() == held_for).then_some(())
        })
        .await;
    }

    /// Puts events on the bus as their owners would.
    pub async fn publish(&self, events: &[Envelope]) {
        for delivery in self.node.bus().send(events).await {
            assert_eq!(delivery, Delivery::Stored);
        }
    }

    /// What stands about these persons.
    pub async fn fingerprint(&self, persons: &[Uuid]) -> Vec<String> {
        let request = operations::GetFingerprintRequest {
            service: SERVICE.to_owned(),
            person_ids: persons.iter().map(Uuid::to_string).collect(),
        };
        let mut answer = it(self.operations().get_fingerprint(request).await);
        answer.fingerprints.remove(0).lines
    }

    pub async fn eventually_stands(&self, persons: &[Uuid], expected: &[String]) {
        let last = std::sync::Mutex::new(Vec::new());
        let wait = eventually("the expected fingerprint", || async {
            let lines = self.fingerprint(persons).await;
            let stands = lines == expected;
            *last.lock().unwrap() = lines;
            stands.then_some(())
        });
        if tokio::time::timeout(PATIENCE.mul_f32(0.9), wait)
            .await
            .is_err()
        {
            assert_eq!(last.into_inner().unwrap(), expected);
        }
    }

    /// Nothing is parked or stopped, and the service's own checks hold.
    pub async fn expect_clean(&self) {
        let request = operations::ListDeadLettersRequest::default();
        let letters = it(self.operations().list_dead_letters(request).await);
        assert_eq!(letters.dead_letters, vec![]);
        // It reads whole topics, which takes longer than a call may on a busy machine; and what was
        // just written may still be on its way.
        let last = std::sync::Mutex::new(Vec::new());
        let verified = eventually("nothing is found", || async {
            let request = operations::VerifyRequest {
                service: SERVICE.to_owned(),
            };
            let answer = self.operations().verify(request).await.ok()?;
            let findings = answer.into_inner().findings;
            let none = findings.is_empty();
            *last.lock().unwrap() = findings;
            none.then_some(())
        });
        if tokio::time::timeout(PATIENCE.mul_f32(0.9), verified)
            .await
            .is_err()
        {
            assert_eq!(last.into_inner().unwrap(), vec![]);
        }
    }

    /// Every event of a type, in the order of each key.
    pub async fn published<E: EventType>(&self) -> Vec<E> {
        let mut events = Vec::new();
        let partitions = self.node.bus().watermarks(E::TOPIC.name).await;
        for (partition, _) in (0..).zip(partitions.expect("the topic")) {
            let at = TopicPartition::new(E::TOPIC.name, partition);
            let records = self.node.bus().read(&at, 0, 10_000).await.expect("read");
            let envelopes = records.into_iter().filter_map(|it| it.envelope.ok());
            let own = envelopes.filter(|it| it.event_type == E::TYPE);
            events.extend(own.map(|it| E::decode(it.value.as_slice()).expect("decoded")));
        }
        events
    }

    /// The states that were published of a bed, in order, each with whose it was.
    pub async fn told_of(&self, bed_id: &str) -> Vec<(pb::BedState, String)> {
        let all = self.published::<pb::BedChanged>().await;
        let own = all.into_iter().filter(|it| it.bed_id == bed_id);
        own.map(|it| (it.state(), it.person_id)).collect()
    }

    /// The receipts on one fact, in order.
    pub async fn receipts(&self, person: Uuid, version: i64) -> Vec<life_events::ReceiptIssued> {
        let all = self.published::<life_events::ReceiptIssued>().await;
        let mine = all
            .into_iter()
            .filter(|it| it.person_id == person.to_string() && it.fact_version == version);
        mine.collect()
    }

    /// What the receipts on one fact said of each action, the last word of each.
    pub async fn answers(&self, person: Uuid, version: i64) -> BTreeMap<String, &'static str> {
        let receipts = self.receipts(person, version).await;
        let answers = receipts.into_iter().flat_map(|receipt| receipt.answers);
        answers.map(|it| (it.action.clone(), word(&it))).collect()
    }

    pub async fn eventually_answered(
        &self,
        person: Uuid,
        version: i64,
        expected: &[(&str, &'static str)],
    ) {
        let expected: BTreeMap<String, &str> = expected
            .iter()
            .map(|(action, word)| ((*action).to_owned(), *word))
            .collect();
        let what = format!("version {version} is answered {expected:?}");
        eventually(&what, || async {
            (self.answers(person, version).await == expected).then_some(())
        })
        .await;
    }

    /// The open items about something.
    pub async fn items(&self, subject_id: &str) -> Vec<work::WorkItem> {
        let request = work::ListWorkItemsRequest {
            service: SERVICE.to_owned(),
            subject_id: subject_id.to_owned(),
            ..Default::default()
        };
        it(self.work(&operator("op")).list_work_items(request).await).items
    }

    /// Completes an item.
    pub async fn try_complete(
        &self,
        caller: &Caller,
        item: &work::WorkItem,
        outcome: &str,
    ) -> Result<work::WorkItem, Status> {
        let request = work::CompleteWorkItemRequest {
            request_id: request_id(),
            id: item.id.clone(),
            etag: item.etag.clone(),
            outcome: outcome.to_owned(),
            note: String::new(),
        };
        let answer = self.work(caller).complete_work_item(request).await?;
        Ok(answer.into_inner().item.expect("the item"))
    }
}
