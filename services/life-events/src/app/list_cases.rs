//! Lists of cases.

use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::grpc::page::Page;
use minzheng_chassis::seam::Failure;
use minzheng_proto::life_events::v1 as pb;

use super::show;
use crate::storage::cases::{Cases, StoredCase};
pub use crate::storage::list::Filter;

/// A page of cases, newest first.
///
/// # Errors
/// The database's.
pub async fn list_cases(
    cx: &Context,
    caller: &Caller,
    filter: Filter,
    page: &Page,
) -> Result<pb::ListCasesResponse, Failure> {
    let found = Cases::reading(cx).list(caller, filter, page).await?;
    let (cases, next_page_token) = page.cut(found, StoredCase::after);
    Ok(pb::ListCasesResponse {
        cases: cases.iter().map(show::summary).collect(),
        next_page_token,
    })
}
