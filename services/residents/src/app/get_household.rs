//! One registered household.

use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::grpc::etag;
use minzheng_chassis::seam::Failure;
use minzheng_proto::residents::v1 as pb;
use uuid::Uuid;

use crate::storage::household::{self, StoredHousehold};

/// A household of the caller's divisions.
///
/// # Errors
/// NOT_FOUND.
pub async fn get_household(
    cx: &Context,
    caller: &Caller,
    id: Uuid,
) -> Result<pb::GetHouseholdResponse, Failure> {
    let stored = household::find(cx.db().reader(), caller, id).await?;
    Ok(pb::GetHouseholdResponse {
        household: Some(to_wire(&stored)),
    })
}

/// A household for the wire.
pub fn to_wire(stored: &StoredHousehold) -> pb::Household {
    let household = &stored.household;
    pb::Household {
        household_id: household.id.to_string(),
        head_id: household.head.to_string(),
        member_ids: household.members.iter().map(Uuid::to_string).collect(),
        division: household.division.to_string(),
        etag: etag::of(stored.version),
    }
}
