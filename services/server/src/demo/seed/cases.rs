//! The deaths of the demonstration: three that settle by themselves, one only suspected, and last
//! the one that waits in review because two residents match.

use minzheng_proto::common::v1::PartialDate;
use minzheng_proto::life_events::v1 as pb;

use super::population::{Household, Population};
use super::{RequestIds, WaitingCase};
use crate::client::connect::Platform;
use crate::client::error::ClientError;
use crate::demo::ask::{self, Member, Report, empty};

/// How many there are; each is reported after those before it.
pub(super) const COUNT: usize = 5;

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
        date(2026, 3, 9),
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
        pb::EvidenceSource::MedicalCertificate => "demo-county-hospital",
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
fn date(year: i32, month: i32, day: i32) -> PartialDate {
    PartialDate { year, month, day }
}
