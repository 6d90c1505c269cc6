//! The story told with the offer already accepted when the grandmother's death is reversed.

use std::collections::BTreeSet;

use minzheng_chassis::convert::date_to_wire;
use minzheng_chassis::testing::eventually;
use minzheng_proto::elderly_care::v1 as elderly;
use minzheng_proto::life_events::v1 as pb;
use minzheng_proto::life_events::v1::Phase;
use uuid::Uuid;

use super::{Reports, Story};
use crate::family;
use crate::platform::{Platform, until_answered};
use crate::reports::{self, day};

impl Story<'_> {
    /// Told with the offer already accepted: priority for the next bed, and no bed has two residents.
    pub async fn reversal_after_the_offer_was_accepted(platform: &Platform) {
        let story = Story::begin(platform).await;
        let case = story.step_3_alone().await;
        story.the_offer_is_accepted().await;
        let reversed = reports::reverse(platform, &story.callers, &case.id).await;
        let reversed = story.reaches(&reversed.id, Phase::Reversed).await;
        let said = reversed.questions.iter().rfind(|question| {
            question.department == "elderly-care" && question.action == "restore-stay"
        });
        assert_eq!(
            said.map(|question| (question.outcome(), question.reason.as_str())),
            Some((pb::Outcome::Done, "BED_RELET")),
            "the case says that her bed was let anew"
        );
        let bed = story.bed().await;
        assert_eq!(
            bed.person_id, story.family.waiting.id,
            "the bed has its one new resident"
        );
        story.no_bed_has_two_residents().await;
        let facility_id = &story.family.facility_id;
        let second = family::add_bed(platform, &story.callers, facility_id, "3-13").await;
        let offer = eventually("the next bed is offered to her", || async {
            story.open_offers().await.pop()
        })
        .await;
        assert_eq!(offer.person_id, story.family.grandmother.id);
        assert_eq!(offer.bed_id, second);
        story.no_bed_has_two_residents().await;
    }

    /// Suspected and confirmed without the parents' deaths before.
    async fn step_3_alone(&self) -> pb::DeathCase {
        let reports = Reports::of(&self.family, self.today);
        let case = self.tell(&reports.grandmother_by_police).await;
        eventually("the bed is offered", || async {
            (!self.open_offers().await.is_empty()).then_some(())
        })
        .await;
        self.reaches(&case.id, Phase::Finished).await
    }

    async fn the_offer_is_accepted(&self) {
        let offer = self.open_offers().await.pop().expect("an offer");
        let request = elderly::AcceptOfferRequest {
            request_id: Uuid::new_v4().to_string(),
            offer_id: offer.id,
            etag: offer.etag,
            first_day: Some(date_to_wire(day(self.today))),
        };
        until_answered(|| {
            let (mut client, request) = (
                self.platform.elderly_care(&self.callers.clerk),
                request.clone(),
            );
            async move { client.accept_offer(request).await }
        })
        .await
        .expect("accepted");
    }

    /// Both stays stand, and only the new resident's takes the bed: who is displaced lives in none.
    async fn no_bed_has_two_residents(&self) {
        let stays = self.stays().await;
        let displaced: Vec<&str> = stays
            .iter()
            .filter(|stay| stay.state() == elderly::StayState::Displaced)
            .map(|stay| stay.person_id.as_str())
            .collect();
        assert_eq!(displaced, [&self.family.grandmother.id], "{stays:?}");
        let mut taken = BTreeSet::new();
        for stay in &stays {
            let lives_there = stay.state() != elderly::StayState::Displaced;
            assert!(
                !lives_there || taken.insert(&stay.bed_id),
                "no bed has two residents: {stays:?}"
            );
        }
        assert_eq!(taken, BTreeSet::from([&self.family.bed_id]), "{stays:?}");
    }

    /// The stays of the facility that are not over.
    async fn stays(&self) -> Vec<elderly::Stay> {
        let request = elderly::ListStaysRequest {
            facility_id: self.family.facility_id.clone(),
            ..Default::default()
        };
        let answer = until_answered(|| {
            let (mut client, request) = (
                self.platform.elderly_care(&self.callers.clerk),
                request.clone(),
            );
            async move { client.list_stays(request).await }
        })
        .await
        .expect("stays");
        answer.stays
    }
}
