//! The deaths of the demonstration: three that settle by themselves, one only suspected, and last
//! the one that waits in review because two residents match.

use minzheng_proto::common::v1::PartialDate;
use minzheng_proto::life_events::v1 as pb;

use super::population::{Household, Population};
use super::{RequestIds, WaitingCase};
use crate::client::case::get;
use crate::client::connect::Platform;
use crate::client::error::ClientError;
use crate::demo::ask::{self, Member, Report, empty};

/// How many there are; each is reported after those before it.
pub(super) const COUNT: usize = 5;

/// When the one died whom two residents match.
const TWINS_DIED_ON: PartialDate = date(2026, 3, 9);

/// The hospital that certifies.
const HOSPITAL: &str = "demo-county-hospital";

/// Of cases that wait in review the one that was reported here, not somebody else's.
pub(super) async fn of_twins(
    platform: &Platform,
    in_review: &[pb::DeathCase],
) -> Result<Option<String>, ClientError> {
    for case in in_review {
        // Lists leave the evidence out, and a case in doubt has no date yet.
        let evidence = get(platform, &case.id).await?.evidence;
        let is_ours = |one: &pb::Evidence| {
            one.source_organisation == HOSPITAL && one.died_on == Some(TWINS_DIED_ON)
        };
        if evidence.iter().any(is_ours) {
            return Ok(Some(case.id.clone()));
        }
    }
    Ok(None)
}

/// Reports them; the one that waits.
pub(super) async fn report(
    platform: &Platform,
    population: &Population,
) -> Result<WaitingCase, ClientError> {
    let requests = RequestIds::of(6);
    let home =
        |county: usize, family: usize| population.county(county).get(family).ok_or_else(empty);
    let certificate = pb::EvidenceSource::MedicalCertificate;
    // A resident of a facility: the bed is offered to whoever waits.
    let one = home(0, 0)?;
    told(
        platform,
        &requests,
        &one.grandmother,
        one,
        certificate,
        date(2026, 2, 3),
    )
    .await?;
    // A father: the child has one parent left.
    let one = home(1, 4)?;
    told(
        platform,
        &requests,
        &one.father,
        one,
        certificate,
        date(2026, 2, 17),
    )
    .await?;
    // An elder at home: nothing to do for most.
    let one = home(2, 6)?;
    told(
        platform,
        &requests,
        &one.grandmother,
        one,
        pb::EvidenceSource::HouseholdCancellation,
        date(2026, 3, 1),
    )
    .await?;
    // Only the village says so: suspected, with a verification.
    let one = home(0, 5)?;
    told(
        platform,
        &requests,
        &one.grandmother,
        one,
        pb::EvidenceSource::Village,
        date(2026, 3, 0),
    )
    .await?;
    let [first, _] = &population.twins;
    let case = told(
        platform,
        &requests,
        first,
        home(0, 0)?,
        certificate,
        TWINS_DIED_ON,
    )
    .await?;
    Ok(WaitingCase {
        case_id: case.id,
        person_id: first.person_id.clone(),
    })
}

async fn told(
    platform: &Platform,
    requests: &RequestIds,
    about: &Member,
    home: &Household,
    source: pb::EvidenceSource,
    died_on: PartialDate,
) -> Result<pb::DeathCase, ClientError> {
    let request_id = requests.next();
    let document = match source {
        pb::EvidenceSource::MedicalCertificate => about.identity.id_number.clone(),
        _ => String::new(),
    };
    let organisation = match source {
        pb::EvidenceSource::MedicalCertificate => HOSPITAL,
        pb::EvidenceSource::HouseholdCancellation => "demo-police-station",
        _ => "demo-village-committee",
    };
    let report = Report {
        about: &about.identity,
        organisation,
        reference: format!("DEMO-{}", &request_id[request_id.len() - 6..]),
        source,
        died_on,
        place: home.village.clone(),
        document,
    };
    ask::report_as(platform, request_id, report).await
}

/// Day 0 is an unknown day.
const fn date(year: i32, month: i32, day: i32) -> PartialDate {
    PartialDate { year, month, day }
}
