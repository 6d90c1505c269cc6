//! `ListChildren`.

use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::grpc::page::{After, Page};
use minzheng_chassis::seam::Failure;
use minzheng_proto::child_welfare::v1 as pb;

use super::show;
use crate::storage::children;
pub use crate::storage::children::Filter;

/// A page of children of the caller's divisions, by id, without those around them.
///
/// # Errors
/// The database's.
pub async fn list_children(
    cx: &Context,
    caller: &Caller,
    filter: &Filter,
    page: &Page,
) -> Result<pb::ListChildrenResponse, Failure> {
    let found = children::page(cx.db().reader(), caller, filter, page).await?;
    let (found, next_page_token) = page.cut(found, |child| After {
        order: 0,
        id: child.id,
    });
    Ok(pb::ListChildrenResponse {
        children: found.iter().map(show::child).collect(),
        next_page_token,
    })
}
