//! The story that must run: a father, a mother, the grandmother; a reversal, a correction, a second
//! episode. The same text runs in every deployment.

mod days;
mod let_anew;
mod seen;
mod told;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::ToSpan;
use jiff::civil::Date;
use minzheng_chassis::civil::{self, Month};
use minzheng_chassis::convert::date_to_wire;
use minzheng_chassis::testing::eventually;
use minzheng_proto::child_welfare::v1 as child;
use minzheng_proto::elderly_care::v1 as elderly;
use minzheng_proto::life_events::v1 as pb;
use minzheng_proto::life_events::v1::{EvidenceSource, Phase};
use minzheng_proto::work::v1 as work;
use uuid::Uuid;

use self::days::Days;
pub use self::told::{Acknowledged, Reports};
use crate::family::{COUNTY, Family};
use crate::fingerprint;
use crate::platform::{Callers, Platform};
use crate::reports::{self, Report, day};

/// A family and the cases of the story as it goes.
pub struct Story<'p> {
    platform: &'p Platform,
    callers: Callers,
    /// The family.
    pub family: Family,
    today: Date,
    /// In the order in which they were answered.
    acknowledged: Mutex<Vec<Acknowledged>>,
}

impl<'p> Story<'p> {
    /// A fresh family.
    pub async fn begin(platform: &'p Platform) -> Self {
        let callers = Callers::of(COUNTY);
        let family = Family::settle_in(platform, &callers).await;
        let today = civil::today(platform.clock.now());
        let story = Self {
            platform,
            callers,
            family,
            today,
            acknowledged: Mutex::default(),
        };
        story.children_are_known().await;
        story
    }

    /// The story from beginning to end; its reports that were acknowledged.
    pub async fn run(platform: &Platform) -> Vec<Acknowledged> {
        let acknowledged = Story::told(platform).await.acknowledged;
        acknowledged
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The story from beginning to end; the family.
    pub async fn run_whole(platform: &Platform) -> Family {
        Story::told(platform).await.family
    }

    async fn told(platform: &'p Platform) -> Self {
        let story = Story::begin(platform).await;
        story.step_1_the_father().await;
        let mother = story.step_2_the_mother().await;
        let before = fingerprint::of(platform, &story.family).await;
        let grandmother = story.step_3_the_grandmother("1").await;
        story
            .step_4_it_was_another_woman(&grandmother, &before)
            .await;
        story.step_5_the_mothers_date(&mother).await;
        story.step_6_a_year_later().await;
        story
    }

    /// One case, the second report corroborates; one parent left, no alarm; SETTLED and FINISHED.
    pub async fn step_1_the_father(&self) -> pb::DeathCase {
        let reports = Reports::of(&self.family, self.today);
        let first = self.tell(&reports.father_by_hospital).await;
        self.platform.clock.advance(Duration::from_secs(3600));
        let second = self.tell(&reports.father_by_village).await;
        assert_eq!(first.id, second.id, "one case");
        let case = self.reaches(&first.id, Phase::Finished).await;
        assert_eq!(case.evidence.len(), 2);
        assert!(!case.conflict, "the second report corroborates");
        assert_eq!(case.fact_version, 1);
        assert_eq!(
            outcome(&case, "elderly-care", "end-stay"),
            pb::Outcome::NothingToDo
        );
        assert_eq!(
            outcome(&case, "residents", "mark-deceased"),
            pb::Outcome::Done
        );
        assert_eq!(
            outcome(&case, "child-welfare", "assess-dependants"),
            pb::Outcome::Done
        );
        self.children_are(child::Situation::OneParent, child::Carer::Parent)
            .await;
        assert_eq!(self.visits().await, vec![], "no alarm");
        case
    }

    /// Both are orphans, the grandmother the candidate to care; two alarms; SETTLED, not FINISHED.
    pub async fn step_2_the_mother(&self) -> pb::DeathCase {
        let reports = Reports::of(&self.family, self.today);
        let told_at = self.platform.clock.now();
        let case = self.tell(&reports.mother_by_hospital).await;
        let case = self.reaches(&case.id, Phase::Settled).await;
        assert_eq!(
            outcome(&case, "child-welfare", "assess-dependants"),
            pb::Outcome::NeedsHuman
        );
        let children = self
            .children_are(child::Situation::Orphan, child::Carer::Grandparent)
            .await;
        let died_on = Days::before(self.today).mother;
        for child in &children {
            assert_eq!(child.since_month, Month::of(died_on).next().to_string());
        }
        for visit in self.visits_are(work::Urgency::Alarm).await {
            let due = visit.due_at.expect("a due date").seconds - told_at.as_second();
            assert!(
                (0..=24 * 3600 + 120).contains(&due),
                "due in 24 hours, not {due} s"
            );
        }
        case
    }

    /// Suspected, the bed held; then confirmed, the bed offered; the alarms become urgent.
    pub async fn step_3_the_grandmother(&self, tag: &str) -> pb::DeathCase {
        let today = civil::today(self.platform.clock.now());
        let died_on = day(today.saturating_sub(1.day()));
        let report = |source, what: &str| {
            Report::of(
                &self.family.grandmother,
                source,
                &format!("{}-{tag}-{what}", self.family.tag),
                died_on,
            )
        };
        let suspected = self
            .tell(&report(EvidenceSource::CareFacility, "facility"))
            .await;
        let case = self.reaches(&suspected.id, Phase::Suspected).await;
        assert!(
            case.waiting
                .iter()
                .any(|waiting| waiting.what == "verify-death"),
            "a verification is open"
        );
        eventually("the bed is held", || async {
            let bed = self.bed().await;
            (bed.state() == elderly::BedState::Held
                && bed.held_for() == elderly::HeldFor::Suspicion)
                .then_some(())
        })
        .await;
        let confirmed = self
            .tell(&report(EvidenceSource::HouseholdCancellation, "police"))
            .await;
        assert_eq!(confirmed.id, suspected.id, "one case");
        let case = self.reaches(&suspected.id, Phase::Settled).await;
        assert_eq!(
            outcome(&case, "elderly-care", "release-bed"),
            pb::Outcome::Done
        );
        let offers = eventually("the bed is offered", || async {
            let offers = self.open_offers().await;
            (!offers.is_empty()).then_some(offers)
        })
        .await;
        assert_eq!(offers.len(), 1);
        assert_eq!(offers[0].person_id, self.family.waiting.id);
        assert_eq!(offers[0].bed_id, self.family.bed_id);
        self.visits_are(work::Urgency::Urgent).await;
        self.children_are(child::Situation::Orphan, child::Carer::Nobody)
            .await;
        case
    }

    /// The reversal: her stay stands again, the offer is taken back, everything as before step 3.
    pub async fn step_4_it_was_another_woman(
        &self,
        case: &pb::DeathCase,
        before: &fingerprint::Fingerprint,
    ) {
        let reversed = reports::reverse(self.platform, &self.callers, &case.id).await;
        self.reaches(&reversed.id, Phase::Reversed).await;
        fingerprint::becomes(
            self.platform,
            &self.family,
            before,
            "everything is as before step 3",
        )
        .await;
        let bed = self.bed().await;
        assert_eq!(
            (bed.state(), bed.person_id.as_str()),
            (
                elderly::BedState::Occupied,
                self.family.grandmother.id.as_str()
            )
        );
        assert_eq!(self.open_offers().await, vec![], "the offer is taken back");
        self.visits_are(work::Urgency::Alarm).await;
    }

    /// Fact version 2; the children's files show the new month; nothing else moves.
    pub async fn step_5_the_mothers_date(&self, case: &pb::DeathCase) {
        let before = fingerprint::of(self.platform, &self.family).await;
        let days = Days::before(self.today);
        let corrected = days.corrected;
        assert_ne!(
            Month::of(corrected),
            Month::of(days.mother),
            "the children's files have another month to show"
        );
        let request = pb::CorrectDeathRequest {
            request_id: Uuid::new_v4().to_string(),
            case_id: case.id.clone(),
            etag: String::new(),
            died_on: Some(date_to_wire(day(corrected))),
            cause: pb::Cause::FormalCorrection.into(),
            reason: "certificate reissued".to_owned(),
        };
        let answer = reports::with_etag(self.platform, &self.callers, &case.id, |etag| {
            let mut client = self.platform.life_events(&self.callers.clerk);
            let request = pb::CorrectDeathRequest {
                etag,
                ..request.clone()
            };
            async move { client.correct_death(request).await }
        })
        .await
        .expect("corrected");
        assert_eq!(answer.case.expect("a case").fact_version, 2);
        let month = Month::of(corrected).next().to_string();
        for member in [&self.family.younger, &self.family.older] {
            eventually("the file shows the new month", || async {
                self.child(member)
                    .await
                    .filter(|child| child.since_month == month)
            })
            .await;
        }
        self.reaches(&case.id, Phase::Settled).await;
        let after = fingerprint::of(self.platform, &self.family).await;
        assert_eq!(
            after["elderly-care"], before["elderly-care"],
            "no bed moves"
        );
        for (service, what, lines) in [
            ("residents", "the mother's date", 1),
            ("life-events", "the mother's case", 1),
            (
                "child-welfare",
                "both children's month, the mother's date",
                3,
            ),
        ] {
            let (before, after) = (&before[service], &after[service]);
            let only_in = |these: &[String], others: &[String]| {
                these.iter().filter(|line| !others.contains(line)).count()
            };
            let changed = (only_in(before, after), only_in(after, before));
            assert_eq!(changed, (lines, lines), "only {what}: {before:?} {after:?}");
            assert_eq!(before.len(), after.len(), "nothing more and nothing less");
        }
    }

    /// Episode 2, and everything as in step 3.
    pub async fn step_6_a_year_later(&self) {
        self.platform
            .clock
            .advance(Duration::from_secs(366 * 24 * 3600));
        let case = self.step_3_the_grandmother("2").await;
        assert_eq!(case.episode, 2);
    }
}

/// What a department answered last to an action of the latest fact.
pub fn outcome(case: &pb::DeathCase, department: &str, action: &str) -> pb::Outcome {
    let question = case.questions.iter().find(|question| {
        question.fact_version == case.fact_version
            && question.department == department
            && question.action == action
    });
    question.map_or(pb::Outcome::Unspecified, pb::Question::outcome)
}
