//! The stage of the story: whom it is about, how a case is followed, how a step is told. Everything
//! that is waited for has a bound.

use std::time::{Duration, Instant};

use jiff::ToSpan;
use jiff::civil::Date;
use minzheng_proto::common::v1::PartialDate;
use minzheng_proto::life_events::v1 as pb;

use super::look::{self, Fingerprint};
use crate::client::case;
use crate::client::case_show::CaseView;
use crate::client::case_watch::{Following, is_end};
use crate::client::connect::{Platform, request_id};
use crate::client::error::ClientError;
use crate::client::words;
use crate::demo::ask::{self, Report};
use crate::demo::draw::Drawing;
use crate::demo::family::Family;
use crate::demo::view::{self, BedView, CheckView, ChildView, StepView};

/// How long a case may take to get where the story wants it.
const CASE_WITHIN: Duration = Duration::from_secs(60);

/// How long what follows from a case may take to be seen.
const SEEN_WITHIN: Duration = Duration::from_secs(30);

/// How often it is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Equal fingerprints in a row that count as rest.
const EQUAL_LOOKS: u32 = 4;

/// Everything has been answered and nothing happens by itself.
pub(super) fn ended(case: &pb::DeathCase) -> bool {
    is_end(case.phase())
}

/// The latest fact is answered by everybody, whatever the phase.
pub(super) fn all_answered(case: &pb::DeathCase) -> bool {
    let mut latest = case
        .questions
        .iter()
        .filter(|question| question.fact_version == case.fact_version)
        .peekable();
    latest.peek().is_some() && latest.all(|question| question.state() != pb::QuestionState::Open)
}

/// What can be seen at the end of a step.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) children: Vec<ChildView>,
    pub(super) bed: BedView,
}

/// A step that is being told.
pub(super) struct Step {
    pub(super) view: StepView,
}

impl Step {
    /// Something that must be so.
    pub(super) fn check(&mut self, what: &str, holds: bool) {
        self.view.checks.push(CheckView {
            what: what.to_owned(),
            holds,
        });
    }
}

/// The stage.
pub(super) struct Stage<'s> {
    platform: Platform,
    family: Family,
    today: Date,
    drawing: &'s mut Drawing,
    /// Makes this story's references differ from those of others.
    run: String,
    number: u8,
    title: String,
    began: Instant,
}

impl<'s> Stage<'s> {
    pub(super) fn new(
        platform: &Platform,
        family: Family,
        today: Date,
        drawing: &'s mut Drawing,
    ) -> Self {
        let run = request_id()[..8].to_owned();
        let platform = platform.clone();
        Self {
            platform,
            family,
            today,
            drawing,
            run,
            number: 0,
            title: String::new(),
            began: Instant::now(),
        }
    }

    pub(super) fn family(&self) -> &Family {
        &self.family
    }

    pub(super) fn days_ago(&self, days: i32) -> Date {
        self.today.saturating_sub(days.days())
    }

    /// A reference that only this story has.
    pub(super) fn reference(&self, short: &str) -> String {
        format!("DEMO-{}-{short}", self.run)
    }

    /// The same, for what is told in more than one step.
    pub(super) fn reference_of_step(&self, short: &str) -> String {
        self.reference(&format!("{short}{}", self.number))
    }

    pub(super) fn acting_as(&self, subject: &str) -> Platform {
        self.platform.acting_as(subject)
    }

    /// Begins a step, in a trace of its own.
    pub(super) fn begin(&mut self, number: u8, title: &str) {
        self.platform = self.platform.in_a_new_trace();
        (self.number, self.title, self.began) = (number, title.to_owned(), Instant::now());
        self.drawing.title(number, title);
    }

    /// Reports a death as somebody.
    pub(super) async fn report(
        &mut self,
        subject: &str,
        report: Report<'_>,
    ) -> Result<pb::DeathCase, ClientError> {
        let case = ask::report(&self.acting_as(subject), report).await?;
        self.drawing.case(&CaseView::of(&case));
        Ok(case)
    }

    /// The case as it stands.
    pub(super) async fn case(&self, case_id: &str) -> Result<pb::DeathCase, ClientError> {
        case::get(&self.platform, case_id).await
    }

    /// Corrects a date.
    pub(super) async fn correct(
        &self,
        case: pb::DeathCase,
        died_on: PartialDate,
        reason: &str,
    ) -> Result<(), ClientError> {
        let request = pb::CorrectDeathRequest {
            request_id: request_id(),
            case_id: case.id,
            etag: case.etag,
            died_on: Some(died_on),
            cause: pb::Cause::FormalCorrection.into(),
            reason: reason.to_owned(),
        };
        let answer = self.platform.cases().correct_death(request).await;
        answer.map_err(|status| self.platform.refused(&status))?;
        Ok(())
    }

    /// Follows a case, drawing it, until it is where it should be.
    pub(super) async fn follow(
        &mut self,
        case_id: &str,
        arrived: impl Fn(&pb::DeathCase) -> bool,
    ) -> Result<pb::DeathCase, ClientError> {
        let mut following = Following::case(&self.platform, case_id);
        let mut last = None;
        let deadline = tokio::time::Instant::now() + CASE_WITHIN;
        loop {
            let Ok(next) = tokio::time::timeout_at(deadline, following.next()).await else {
                return Err(hangs(case_id, last.as_ref()));
            };
            let case = next?;
            self.drawing.case(&CaseView::of(&case));
            if arrived(&case) {
                return Ok(case);
            }
            last = Some(case);
        }
    }

    /// What can be seen now.
    pub(super) async fn look(&self) -> Result<Seen, ClientError> {
        let younger = look::child(&self.platform, &self.family.younger.person_id).await?;
        let elder = look::child(&self.platform, &self.family.elder.person_id).await?;
        let bed = look::bed(&self.platform, &self.family).await?;
        Ok(Seen {
            children: vec![younger, elder],
            bed,
        })
    }

    /// What can be seen once it is as it should be, or at the latest after a while.
    pub(super) async fn look_until(
        &self,
        right: impl Fn(&Seen) -> bool,
    ) -> Result<Seen, ClientError> {
        let deadline = Instant::now() + SEEN_WITHIN;
        loop {
            let seen = self.look().await?;
            if right(&seen) || Instant::now() > deadline {
                return Ok(seen);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// What stands once nothing moves any more: no event of any service is on its way, and several
    /// looks are equal.
    pub(super) async fn settled_fingerprint(&self) -> Result<Fingerprint, ClientError> {
        let deadline = Instant::now() + SEEN_WITHIN;
        let mut last = look::fingerprint(&self.platform, &self.family).await?;
        let mut equal = 0;
        while equal < EQUAL_LOOKS && Instant::now() < deadline {
            tokio::time::sleep(LOOK_EVERY).await;
            let unsent = look::unsent(&self.platform).await?;
            let now = look::fingerprint(&self.platform, &self.family).await?;
            equal = if unsent == 0 && now == last {
                equal + 1
            } else {
                0
            };
            last = now;
        }
        Ok(last)
    }

    /// What stands once it equals what stood before, or at the latest after a while.
    pub(super) async fn fingerprint_like(
        &mut self,
        before: &Fingerprint,
    ) -> Result<Fingerprint, ClientError> {
        let deadline = Instant::now() + SEEN_WITHIN;
        loop {
            let now = look::fingerprint(&self.platform, &self.family).await?;
            if now == *before {
                self.drawing
                    .seen("everything stands as it stood before step 3");
                return Ok(now);
            }
            if Instant::now() > deadline {
                self.drawing
                    .seen("NOT everything stands as it stood before step 3");
                return Ok(now);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Ends a step; what must hold is checked next.
    pub(super) fn end(&mut self, case: &pb::DeathCase, seen: &Seen) -> Step {
        let view = CaseView::of(case);
        let milliseconds = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Step {
            view: StepView {
                number: self.number,
                title: self.title.clone(),
                case_id: view.case_id.clone(),
                episode: view.episode,
                phase: view.phase.clone(),
                fact_version: view.fact_version,
                died_on: view.died_on.clone(),
                evidence: view.evidence.len(),
                answers: view::answers(&view),
                children: seen.children.clone(),
                bed: seen.bed.clone(),
                checks: Vec::new(),
                trace_id: self.platform.trace_id().to_owned(),
                milliseconds,
            },
        }
    }

    /// Tells what was checked.
    pub(super) fn tell(&mut self, step: Step) -> StepView {
        for check in &step.view.checks {
            self.drawing.seen(&format!(
                "{} {}",
                if check.holds { "ok   " } else { "WRONG" },
                check.what
            ));
        }
        step.view
    }
}

fn hangs(case_id: &str, case: Option<&pb::DeathCase>) -> ClientError {
    let waits: Vec<String> = case
        .map(|case| {
            case.waiting
                .iter()
                .map(|waiting| format!("{} ({})", words::department(&waiting.on), waiting.what))
        })
        .into_iter()
        .flatten()
        .collect();
    let message = format!(
        "the case waits for {}",
        if waits.is_empty() {
            "nobody it knows of".to_owned()
        } else {
            waits.join(", ")
        }
    );
    ClientError::new(
        "CASE_HANGS",
        message,
        format!("`minzheng case show {case_id}` and `minzheng dead-letter list` say why"),
    )
}
