//! The story: one family, six steps, each with what must be seen at its end. There is no clock to
//! move here: the deaths of the first five steps lie a year back and are reported late, so that the
//! sixth, a year later, is today's.

mod look;
mod stage;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use minzheng_chassis::civil::{self, PartialDate};
use minzheng_chassis::convert::date_to_wire;
use minzheng_proto::common::v1 as common;
use minzheng_proto::life_events::v1 as pb;

use super::ask::Report;
use super::draw::Drawing;
use super::family::Family;
pub use super::view::Story;
use super::view::{FamilyView, StepView};
use crate::client::case_act;
use crate::client::connect::Platform;
use crate::client::error::ClientError;
use stage::{Seen, Stage, Step, all_answered, ended};

/// The hospital of the story.
const HOSPITAL: &str = "demo-county-hospital";
/// The village committee.
const VILLAGE: &str = "demo-village-committee";
/// The facility.
const FACILITY: &str = "demo-care-facility";
/// The police station.
const POLICE: &str = "demo-police-station";

/// Days before today on which the father died.
const FATHER: i32 = YEAR + 120;
/// Days before today on which the mother died.
const MOTHER: i32 = YEAR + 45;
/// Days before today on which the woman died who was taken for the grandmother.
const ANOTHER_WOMAN: i32 = YEAR + 3;
/// Days between the first five steps and the sixth.
const YEAR: i32 = 366;

/// The clerk who prepares the reversal.
const PREPARER: &str = "demo.clerk";
/// The clerk who approves it.
const APPROVER: &str = "demo.reviewer";

/// Tells it.
///
/// # Errors
/// What the platform refused, or a case hangs.
pub async fn tell(platform: &Platform, drawing: &mut Drawing) -> Result<Story, ClientError> {
    let today = civil::today(Timestamp::now());
    let family = Family::settle(platform, today).await?;
    let mut stage = Stage::new(platform, family, today, drawing);
    let mut steps = vec![father_dies(&mut stage).await?];
    let (step, mothers_case) = mother_dies(&mut stage).await?;
    steps.push(step);
    let before = stage.settled_fingerprint().await?;
    let (step, grandmothers_case) = another_woman(&mut stage).await?;
    steps.push(step);
    steps.push(reversal(&mut stage, &grandmothers_case).await?);
    let after = stage.fingerprint_like(&before).await?;
    steps.push(correction(&mut stage, &mothers_case).await?);
    steps.push(grandmother_dies(&mut stage, &grandmothers_case).await?);
    let fingerprints = look::compare(&before, &after);
    let fingerprints_equal = !fingerprints.is_empty() && fingerprints.iter().all(|one| one.equal);
    let holds = fingerprints_equal
        && steps
            .iter()
            .all(|step| step.checks.iter().all(|check| check.holds));
    Ok(Story {
        holds,
        family: FamilyView::of(stage.family()),
        steps,
        fingerprints,
        fingerprints_equal,
    })
}

async fn father_dies(stage: &mut Stage<'_>) -> Result<StepView, ClientError> {
    stage.begin(
        1,
        "The father dies: the hospital reports it, then the village with only the month known",
    );
    let died = stage.days_ago(FATHER);
    let father = stage.family().father.clone();
    let certificate = Report {
        about: &father.identity,
        organisation: HOSPITAL,
        reference: stage.reference("H1"),
        source: pb::EvidenceSource::MedicalCertificate,
        died_on: day(died),
        place: stage.family().village.clone(),
        document: father.identity.id_number.clone(),
    };
    let first = stage.report("demo.hospital", certificate).await?;
    stage.follow(&first.id, ended).await?;
    let hearsay = Report {
        about: &father.identity,
        organisation: VILLAGE,
        reference: stage.reference("V1"),
        source: pb::EvidenceSource::Village,
        died_on: month(died),
        place: stage.family().village.clone(),
        document: String::new(),
    };
    let second = stage.report("demo.village", hearsay).await?;
    let case = stage.follow(&second.id, ended).await?;
    let seen = stage.look().await?;
    let mut step = stage.end(&case, &seen);
    step.check(
        "both reports are one case",
        first.id == second.id && case.evidence.len() == 2,
    );
    step.check("the case is finished", case.phase() == pb::Phase::Finished);
    step.check(
        "the village's month does not replace the day",
        case.died_on == Some(day(died)),
    );
    step.check(
        "both children have one parent left",
        seen.children
            .iter()
            .all(|child| child.situation == "one_parent"),
    );
    step.check(
        "no visit is needed",
        seen.children.iter().all(|child| !child.visit),
    );
    let mut care = step
        .view
        .answers
        .iter()
        .filter(|answer| answer.department == "elderly-care");
    step.check(
        "elderly-care has nothing to do",
        care.all(|answer| answer.answer == "nothing_to_do"),
    );
    Ok(stage.tell(step))
}

async fn mother_dies(stage: &mut Stage<'_>) -> Result<(StepView, String), ClientError> {
    stage.begin(
        2,
        "The mother dies: both children are orphans, their grandmother may care for them",
    );
    let mother = stage.family().mother.clone();
    let certificate = Report {
        about: &mother.identity,
        organisation: HOSPITAL,
        reference: stage.reference("H2"),
        source: pb::EvidenceSource::MedicalCertificate,
        died_on: day(stage.days_ago(MOTHER)),
        place: stage.family().village.clone(),
        document: mother.identity.id_number.clone(),
    };
    let reported = stage.report("demo.hospital", certificate).await?;
    let case = stage.follow(&reported.id, ended).await?;
    let seen = stage.look().await?;
    let mut step = stage.end(&case, &seen);
    step.check(
        "the case is settled, and not finished",
        case.phase() == pb::Phase::Settled,
    );
    step.check(
        "both children are orphans",
        seen.children
            .iter()
            .all(|child| child.situation == "orphan"),
    );
    step.check(
        "a grandparent is left",
        seen.children
            .iter()
            .all(|child| child.carer == "grandparent"),
    );
    step.check(
        "two visit alarms are open",
        seen.children
            .iter()
            .all(|child| child.visit && !child.urgent),
    );
    Ok((stage.tell(step), case.id))
}

async fn another_woman(stage: &mut Stage<'_>) -> Result<(StepView, String), ClientError> {
    stage.begin(
        3,
        "The grandmother: her facility reports her, then the police cancel her registration",
    );
    let (step, case) = grandmother_reported(stage, stage.days_ago(ANOTHER_WOMAN)).await?;
    Ok((stage.tell(step), case.id))
}

async fn grandmother_dies(
    stage: &mut Stage<'_>,
    earlier_case: &str,
) -> Result<StepView, ClientError> {
    stage.begin(
        6,
        "A year later the grandmother dies: a second episode, and everything as in step 3",
    );
    let today = stage.days_ago(0);
    let (mut step, case) = grandmother_reported(stage, today).await?;
    let earlier = stage.case(earlier_case).await?;
    step.check("it is her second episode", case.episode == 2);
    step.check("she died today", case.died_on == Some(day(today)));
    step.check(
        "the reversed case stays reversed",
        earlier.id != case.id && earlier.phase() == pb::Phase::Reversed,
    );
    Ok(stage.tell(step))
}

/// What steps 3 and 6 have in common: suspected, then confirmed.
async fn grandmother_reported(
    stage: &mut Stage<'_>,
    died: Date,
) -> Result<(Step, pb::DeathCase), ClientError> {
    let died = day(died);
    let grandmother = stage.family().grandmother.clone();
    let discharge = Report {
        about: &grandmother.identity,
        organisation: FACILITY,
        reference: stage.reference_of_step("F"),
        source: pb::EvidenceSource::CareFacility,
        died_on: died,
        place: stage.family().village.clone(),
        document: String::new(),
    };
    let reported = stage.report("demo.facility", discharge).await?;
    let suspected = stage.follow(&reported.id, all_answered).await?;
    let held = stage.look().await?;
    let cancellation = Report {
        about: &grandmother.identity,
        organisation: POLICE,
        reference: stage.reference_of_step("P"),
        source: pb::EvidenceSource::HouseholdCancellation,
        died_on: died,
        place: stage.family().village.clone(),
        document: String::new(),
    };
    stage.report("demo.police", cancellation).await?;
    let case = stage.follow(&reported.id, ended).await?;
    let seen = stage.look().await?;
    let waiting = stage.family().waiting.person_id.clone();
    let mut step = stage.end(&case, &seen);
    step.check(
        "first she is only suspected dead",
        suspected.phase() == pb::Phase::Suspected,
    );
    step.check(
        "her bed is held meanwhile",
        held.bed.state == "held" && held.bed.held_for == "suspicion",
    );
    let deadline = suspected
        .waiting
        .iter()
        .any(|waiting| waiting.what == "verify-death" && waiting.due_at.is_some());
    step.check("a verification waits, with a deadline", deadline);
    step.check(
        "then all departments have answered",
        case.phase() == pb::Phase::Settled,
    );
    step.check(
        "her bed is offered to the person who waits",
        seen.bed.offered_to == waiting,
    );
    step.check(
        "nobody is left for the children",
        seen.children.iter().all(|child| child.carer == "nobody"),
    );
    step.check(
        "their visits are urgent placements",
        seen.children
            .iter()
            .all(|child| child.visit && child.urgent),
    );
    Ok((step, case))
}

async fn reversal(stage: &mut Stage<'_>, case_id: &str) -> Result<StepView, ClientError> {
    stage.begin(
        4,
        "It was another woman of that name: one clerk prepares the reversal, another approves it",
    );
    let case = stage.case(case_id).await?;
    let preparer = stage.acting_as(PREPARER);
    let held =
        case_act::prepare_reversal(&preparer, case, "another woman of that name", None).await?;
    let own = case_act::decide_reversal(&preparer, held.clone(), true).await;
    let refused = matches!(&own, Err(error) if error.reason == "FOUR_EYES");
    case_act::decide_reversal(&stage.acting_as(APPROVER), held, true).await?;
    let case = stage.follow(case_id, ended_reversed).await?;
    let seen = stage
        .look_until(|seen| seen.children.iter().all(|child| !child.urgent))
        .await?;
    let grandmother = stage.family().grandmother.person_id.clone();
    let mut step = stage.end(&case, &seen);
    step.check("approving one's own reversal is refused", refused);
    step.check("the case is reversed", case.phase() == pb::Phase::Reversed);
    step.check(
        "her stay stands again in bed 3-12",
        seen.bed.state == "occupied" && seen.bed.person_id == grandmother,
    );
    step.check("the offer is taken back", seen.bed.offered_to.is_empty());
    step.check(
        "the placements are visits again",
        seen.children
            .iter()
            .all(|child| child.visit && !child.urgent),
    );
    step.check(
        "a grandparent is left again",
        seen.children
            .iter()
            .all(|child| child.carer == "grandparent"),
    );
    Ok(stage.tell(step))
}

async fn correction(stage: &mut Stage<'_>, case_id: &str) -> Result<StepView, ClientError> {
    stage.begin(5, "The mother's date of death is corrected by a month");
    let before = stage.look().await?;
    let right = stage.days_ago(MOTHER).saturating_sub(1.month());
    let case = stage.case(case_id).await?;
    let version = case.fact_version;
    stage
        .correct(case, day(right), "the certificate was reissued")
        .await?;
    let case = stage
        .follow(case_id, |case| case.fact_version > version && ended(case))
        .await?;
    let expected = civil::Month::of(right).next().to_string();
    let seen = stage
        .look_until(|seen| {
            seen.children
                .iter()
                .all(|child| child.since_month == expected)
        })
        .await?;
    let mut step = stage.end(&case, &seen);
    step.check("it is fact version 2", case.fact_version == 2);
    step.check(
        "the case is settled again",
        case.phase() == pb::Phase::Settled,
    );
    let moved = seen
        .children
        .iter()
        .all(|child| child.since_month == expected);
    step.check("the children's files show the new month", moved);
    step.check("nothing else moves", same_but_month(&before, &seen));
    Ok(stage.tell(step))
}

fn ended_reversed(case: &pb::DeathCase) -> bool {
    case.phase() == pb::Phase::Reversed
}

fn same_but_month(before: &Seen, after: &Seen) -> bool {
    let month = after.children.iter().map(|child| child.since_month.clone());
    let mut children = before.children.clone();
    children
        .iter_mut()
        .zip(month)
        .for_each(|(child, month)| child.since_month = month);
    children == after.children && before.bed == after.bed
}

fn day(date: Date) -> common::PartialDate {
    common::PartialDate {
        year: date.year().into(),
        month: date.month().into(),
        day: date.day().into(),
    }
}

fn month(date: Date) -> common::PartialDate {
    date_to_wire(PartialDate::of_month(civil::Month::of(date)))
}
