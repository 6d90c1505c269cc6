//! What is seen of the family while its story is told: the children, their visits, the bed, the case.

use minzheng_chassis::testing::eventually;
use minzheng_proto::child_welfare::v1 as child;
use minzheng_proto::elderly_care::v1 as elderly;
use minzheng_proto::life_events::v1 as pb;
use minzheng_proto::life_events::v1::Phase;
use minzheng_proto::work::v1 as work;

use super::{Acknowledged, Story};
use crate::family::Member;
use crate::platform::until_answered;
use crate::reports::{Report, reaches};

impl Story<'_> {
    /// Child-welfare has heard of both children's kin; otherwise the first step would test less.
    pub(super) async fn children_are_known(&self) {
        for member in [&self.family.younger, &self.family.older] {
            eventually("child-welfare knows the child", || async {
                self.child(member)
                    .await
                    .filter(|child| child.relatives.len() >= 4)
            })
            .await;
        }
    }

    pub(super) async fn child(&self, member: &Member) -> Option<child::Child> {
        let request = child::GetChildRequest {
            child_id: member.id.clone(),
        };
        let answer = until_answered(|| {
            let (mut client, request) = (
                self.platform.child_welfare(&self.callers.clerk),
                request.clone(),
            );
            async move { client.get_child(request).await }
        })
        .await;
        answer.ok().and_then(|answer| answer.child)
    }

    /// Waits until both children are in a situation with a carer.
    pub(super) async fn children_are(
        &self,
        situation: child::Situation,
        carer: child::Carer,
    ) -> [child::Child; 2] {
        let mut found = Vec::new();
        for member in [&self.family.younger, &self.family.older] {
            let what = format!("the child is in {situation:?} with {carer:?}");
            let child = eventually(&what, || async {
                self.child(member)
                    .await
                    .filter(|child| child.situation() == situation && child.carer() == carer)
            })
            .await;
            found.push(child);
        }
        found.try_into().expect("two children")
    }

    /// Open visits of both children.
    pub(super) async fn visits(&self) -> Vec<work::WorkItem> {
        let mut items = Vec::new();
        for member in [&self.family.younger, &self.family.older] {
            let request = work::ListWorkItemsRequest {
                subject_id: member.id.clone(),
                ..Default::default()
            };
            let answer = until_answered(|| {
                let mut client = self.platform.work("child-welfare", &self.callers.worker);
                let request = request.clone();
                async move { client.list_work_items(request).await }
            })
            .await
            .expect("items");
            items.extend(
                answer
                    .items
                    .into_iter()
                    .filter(|item| item.service == "child-welfare"),
            );
        }
        items
    }

    /// Waits until both children have an open visit of an urgency.
    pub(super) async fn visits_are(&self, urgency: work::Urgency) -> Vec<work::WorkItem> {
        eventually(&format!("two visits of urgency {urgency:?}"), || async {
            let visits = self.visits().await;
            (visits.len() == 2 && visits.iter().all(|item| item.urgency() == urgency))
                .then_some(visits)
        })
        .await
    }

    pub(super) async fn bed(&self) -> elderly::Bed {
        let request = elderly::GetBedRequest {
            bed_id: self.family.bed_id.clone(),
        };
        let answer = until_answered(|| {
            let (mut client, request) = (
                self.platform.elderly_care(&self.callers.clerk),
                request.clone(),
            );
            async move { client.get_bed(request).await }
        })
        .await
        .expect("the bed");
        answer.bed.expect("a bed")
    }

    pub(super) async fn open_offers(&self) -> Vec<elderly::Offer> {
        let request = elderly::ListOffersRequest {
            facility_id: self.family.facility_id.clone(),
            ..Default::default()
        };
        let answer = until_answered(|| {
            let (mut client, request) = (
                self.platform.elderly_care(&self.callers.clerk),
                request.clone(),
            );
            async move { client.list_offers(request).await }
        })
        .await
        .expect("offers");
        answer.offers
    }

    pub(super) async fn tell(&self, report: &Report) -> pb::DeathCase {
        let case = report
            .tell(self.platform, &self.callers)
            .await
            .expect("the report is taken");
        let mut acknowledged = self.acknowledged.lock().expect("not poisoned");
        acknowledged.push(Acknowledged::of(&report.request, &case));
        case
    }

    pub(super) async fn reaches(&self, case_id: &str, phase: Phase) -> pb::DeathCase {
        reaches(self.platform, &self.callers, case_id, phase).await
    }
}
