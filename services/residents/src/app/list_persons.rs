//! Persons of the caller's divisions, masked, newest first.

use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::grpc::page::Page;
use minzheng_chassis::seam::Failure;
use minzheng_proto::residents::v1 as pb;

use super::show;
use crate::storage::person::{Persons, StoredPerson};
pub use crate::storage::person_list::Filter;

/// Lists persons.
///
/// # Errors
/// The database's.
pub async fn list_persons(
    cx: &Context,
    caller: &Caller,
    filter: &Filter,
    page: &Page,
) -> Result<pb::ListPersonsResponse, Failure> {
    let persons = Persons::reading(cx);
    let found = persons.list(caller, filter, page).await?;
    let (found, next_page_token) = page.cut(found, StoredPerson::after);
    Ok(pb::ListPersonsResponse {
        persons: show::many(&persons, &found).await?,
        next_page_token,
    })
}
