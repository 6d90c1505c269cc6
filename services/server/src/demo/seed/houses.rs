//! Two facilities with a few beds: some lived in, one under repair, and people who wait.

use jiff::civil::date;
use minzheng_chassis::civil::PartialDate;
use minzheng_chassis::convert::date_to_wire;
use minzheng_chassis::division::{DivisionCode, Divisions, Level};
use minzheng_proto::elderly_care::v1 as pb;

use super::RequestIds;
use super::population::{Household, Population};
use crate::client::connect::Platform;
use crate::client::error::ClientError;
use crate::demo::ask::{Member, empty};

/// Beds that are lived in, in each facility.
const RESIDENTS: usize = 2;

/// People who wait, in each facility.
const WAITING: usize = 2;

/// Builds them.
pub(super) async fn build(platform: &Platform, population: &Population) -> Result<(), ClientError> {
    let (first, second) = (RequestIds::of(4), RequestIds::of(5));
    tokio::try_join!(
        one(
            platform,
            &first,
            population.county(0),
            pb::FacilityTier::County,
            "演示养老院"
        ),
        one(
            platform,
            &second,
            population.county(1),
            pb::FacilityTier::Township,
            "演示养老服务中心"
        ),
    )?;
    Ok(())
}

async fn one(
    platform: &Platform,
    requests: &RequestIds,
    homes: &[Household],
    tier: pb::FacilityTier,
    name: &str,
) -> Result<(), ClientError> {
    let Some(home) = homes.first() else {
        return Ok(());
    };
    let village: DivisionCode = home.village.parse().map_err(|_| empty())?;
    let level = if tier == pb::FacilityTier::County {
        Level::County
    } else {
        Level::Township
    };
    let division = village.ancestor(level).unwrap_or(village);
    let place = Divisions::guizhou().name(division).unwrap_or_default();
    let request = pb::CreateFacilityRequest {
        request_id: requests.next(),
        tier: tier.into(),
        division: division.to_string(),
        name: format!("{place}{name}"),
        filing: pb::FilingState::Filed.into(),
    };
    let answer = platform.elderly_care().create_facility(request).await;
    let facility = answer
        .map_err(|status| platform.refused(&status))?
        .into_inner()
        .facility
        .ok_or_else(empty)?;
    let mut elders = homes.iter().map(|home| &home.grandmother);
    // Beds are filled before anybody waits: a free bed would be offered at once.
    for (bed, resident) in elders.by_ref().take(RESIDENTS).enumerate() {
        live_in(
            platform,
            requests,
            &facility.id,
            format!("1-{:02}", bed + 1),
            resident,
        )
        .await?;
    }
    under_repair(platform, requests, &facility.id).await?;
    for waiting in elders.take(WAITING) {
        let request = pb::AddToWaitingListRequest {
            request_id: requests.next(),
            person_id: waiting.person_id.clone(),
            identity: None,
            facility_id: facility.id.clone(),
            rank: 3,
        };
        platform
            .elderly_care()
            .add_to_waiting_list(request)
            .await
            .map_err(|status| platform.refused(&status))?;
    }
    Ok(())
}

async fn live_in(
    platform: &Platform,
    requests: &RequestIds,
    facility_id: &str,
    label: String,
    resident: &Member,
) -> Result<(), ClientError> {
    let bed = bed(platform, requests, facility_id, label, pb::BedState::Free).await?;
    let first_day = PartialDate::of_day(date(2025, 3, 1)).map(date_to_wire).ok();
    let request = pb::PlaceResidentRequest {
        request_id: requests.next(),
        bed_id: bed.id,
        etag: bed.etag,
        person_id: resident.person_id.clone(),
        identity: None,
        first_day,
    };
    platform
        .elderly_care()
        .place_resident(request)
        .await
        .map_err(|status| platform.refused(&status))?;
    Ok(())
}

async fn under_repair(
    platform: &Platform,
    requests: &RequestIds,
    facility_id: &str,
) -> Result<(), ClientError> {
    let bed = bed(
        platform,
        requests,
        facility_id,
        "2-01".to_owned(),
        pb::BedState::Planned,
    )
    .await?;
    let request = pb::SetBedStateRequest {
        request_id: requests.next(),
        bed_id: bed.id,
        etag: bed.etag,
        state: pb::BedState::UnderRepair.into(),
    };
    platform
        .elderly_care()
        .set_bed_state(request)
        .await
        .map_err(|status| platform.refused(&status))?;
    Ok(())
}

async fn bed(
    platform: &Platform,
    requests: &RequestIds,
    facility_id: &str,
    label: String,
    state: pb::BedState,
) -> Result<pb::Bed, ClientError> {
    let request = pb::CreateBedRequest {
        request_id: requests.next(),
        facility_id: facility_id.to_owned(),
        label,
        state: state.into(),
    };
    let answer = platform
        .elderly_care()
        .create_bed(request)
        .await
        .map_err(|status| platform.refused(&status))?;
    answer.into_inner().bed.ok_or_else(empty)
}
