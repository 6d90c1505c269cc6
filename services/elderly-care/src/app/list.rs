//! Facilities, beds, stays, offers and waiting lists of the caller's divisions.

use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::grpc::page::Page;
use minzheng_chassis::seam::Failure;
use minzheng_proto::elderly_care::v1 as pb;
use uuid::Uuid;

use super::show;
use crate::domain::Tier;
pub use crate::storage::list::Filter;
use crate::storage::{find, list};

/// Facilities, in a division, of a tier.
///
/// # Errors
/// The database's.
pub async fn facilities(
    cx: &Context,
    caller: &Caller,
    filter: (Option<DivisionCode>, Option<Tier>),
    page: &Page,
) -> Result<pb::ListFacilitiesResponse, Failure> {
    let found = list::facilities(cx.db().reader(), caller, filter, page).await?;
    let (found, next_page_token) = page.cut(found, |it| list::at(it.of.id));
    Ok(pb::ListFacilitiesResponse {
        facilities: found.iter().map(show::facility).collect(),
        next_page_token,
    })
}

/// Beds, of a facility, in a state.
///
/// # Errors
/// The database's.
pub async fn beds(
    cx: &Context,
    caller: &Caller,
    filter: (Option<Uuid>, Option<&'static str>),
    page: &Page,
) -> Result<pb::ListBedsResponse, Failure> {
    let found = list::beds(cx.db().reader(), caller, filter, page).await?;
    let (found, next_page_token) = page.cut(found, |it| list::at(it.of.id));
    Ok(pb::ListBedsResponse {
        beds: show::beds(cx.db().reader(), &found).await?,
        next_page_token,
    })
}

/// Stays.
///
/// # Errors
/// The database's.
pub async fn stays(
    cx: &Context,
    caller: &Caller,
    filter: &Filter,
    page: &Page,
) -> Result<pb::ListStaysResponse, Failure> {
    let found = list::stays(cx.db().reader(), caller, filter, page).await?;
    let (found, next_page_token) = page.cut(found, |it| list::at(it.of.id));
    let stays: Result<Vec<pb::Stay>, Failure> = found.iter().map(show::stay).collect();
    Ok(pb::ListStaysResponse {
        stays: stays?,
        next_page_token,
    })
}

/// Offers.
///
/// # Errors
/// The database's.
pub async fn offers(
    cx: &Context,
    caller: &Caller,
    filter: &Filter,
    page: &Page,
) -> Result<pb::ListOffersResponse, Failure> {
    let found = list::offers(cx.db().reader(), caller, filter, page).await?;
    let (found, next_page_token) = page.cut(found, |it| list::at(it.of.id));
    Ok(pb::ListOffersResponse {
        offers: found.iter().map(show::offer).collect(),
        next_page_token,
    })
}

/// The waiting list of one facility in queue order.
///
/// # Errors
/// NOT_FOUND, if the facility is not the caller's.
pub async fn waiting_list(
    cx: &Context,
    caller: &Caller,
    facility_id: Uuid,
    page: &Page,
) -> Result<pb::ListWaitingListResponse, Failure> {
    let db = cx.db().reader();
    let facility = find::facility(db, caller, facility_id).await?;
    let found = list::queue(db, facility.of.id, page).await?;
    let (found, next_page_token) = page.cut(found, |(place, _)| *place);
    Ok(pb::ListWaitingListResponse {
        entries: found.iter().map(|(_, it)| show::entry(it)).collect(),
        next_page_token,
    })
}
