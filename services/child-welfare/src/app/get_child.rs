//! `GetChild`.

use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::seam::Failure;
use minzheng_proto::child_welfare::v1 as pb;
use uuid::Uuid;

use super::command::no_such_child;
use super::show;
use crate::storage::children;

/// One child of the caller's divisions.
///
/// # Errors
/// NOT_FOUND.
pub async fn get_child(
    cx: &Context,
    caller: &Caller,
    child_id: Uuid,
) -> Result<pb::GetChildResponse, Failure> {
    let found = children::find(cx.db().reader(), caller, child_id).await?;
    let child = found.ok_or_else(no_such_child)?;
    Ok(pb::GetChildResponse {
        child: Some(show::child(&child)),
    })
}
