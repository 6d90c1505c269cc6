//! One facility, bed, stay or offer of the caller's divisions.

use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::seam::Failure;
use minzheng_proto::elderly_care::v1 as pb;
use uuid::Uuid;

use super::show;
use crate::storage::find;

/// One facility.
///
/// # Errors
/// NOT_FOUND.
pub async fn facility(
    cx: &Context,
    caller: &Caller,
    id: Uuid,
) -> Result<pb::GetFacilityResponse, Failure> {
    let stored = find::facility(cx.db().reader(), caller, id).await?;
    Ok(pb::GetFacilityResponse {
        facility: Some(show::facility(&stored)),
    })
}

/// One bed.
///
/// # Errors
/// NOT_FOUND.
pub async fn bed(cx: &Context, caller: &Caller, id: Uuid) -> Result<pb::GetBedResponse, Failure> {
    let bed = show::bed_by_id(cx.db().reader(), caller, id).await?;
    Ok(pb::GetBedResponse { bed: Some(bed) })
}

/// One stay.
///
/// # Errors
/// NOT_FOUND.
pub async fn stay(cx: &Context, caller: &Caller, id: Uuid) -> Result<pb::GetStayResponse, Failure> {
    let stored = find::stay(cx.db().reader(), caller, id).await?;
    Ok(pb::GetStayResponse {
        stay: Some(show::stay(&stored)?),
    })
}

/// One offer.
///
/// # Errors
/// NOT_FOUND.
pub async fn offer(
    cx: &Context,
    caller: &Caller,
    id: Uuid,
) -> Result<pb::GetOfferResponse, Failure> {
    let stored = find::offer(cx.db().reader(), caller, id).await?;
    Ok(pb::GetOfferResponse {
        offer: Some(show::offer(&stored)),
    })
}
