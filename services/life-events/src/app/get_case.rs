//! One case.

use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::seam::Failure;
use minzheng_proto::life_events::v1 as pb;
use uuid::Uuid;

use super::show;
use crate::storage::cases::{Cases, StoredCase};

/// A case by id. Who may see a merged case is answered with the survivor's, wherever it stands.
///
/// # Errors
/// NOT_FOUND, or the database's.
pub async fn get_case(
    cx: &Context,
    caller: &Caller,
    case_id: Uuid,
) -> Result<pb::GetCaseResponse, Failure> {
    let stored = find(cx, caller, case_id).await?;
    Ok(pb::GetCaseResponse {
        case: Some(show::whole(&stored, caller)),
    })
}

pub(super) async fn find(
    cx: &Context,
    caller: &Caller,
    case_id: Uuid,
) -> Result<StoredCase, Failure> {
    let cases = Cases::reading(cx);
    let found = cases.find_visible(caller, case_id).await?;
    cases.surviving(found).await
}
