//! Lists of the caller's divisions, page by page; each one row longer than its page.

use jiff::Timestamp;
use minzheng_chassis::authz::Caller;
use minzheng_chassis::civil::micros;
use minzheng_chassis::db::{Sql, val};
use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::grpc::page::{After, Page};
use minzheng_chassis::seam::Failure;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use super::entity::{bed, facility, offer, stay, waiting_entry};
use super::find::{Read, Stored};
use super::load::{LIVE, OPEN};
use super::scope::{lies_in, seen_in};
use crate::domain::{Bed, Facility, Offer, Stay, Tier, WaitingEntry};

/// A page of rows by id.
macro_rules! by_id {
    ($db:expr, $caller:expr, $page:expr, $entity:ident, $asked:expr) => {{
        let mut query = $entity::Entity::find()
            .filter(seen_in($caller, $entity::Column::Division))
            .filter($asked)
            .order_by_asc($entity::Column::Id)
            .limit($page.limit());
        if let Some(after) = $page.after {
            query = query.filter($entity::Column::Id.gt(after.id));
        }
        let found = query.all($db).await?;
        Ok(found.iter().map(Read::read).collect::<Result<_, _>>()?)
    }};
}

/// The place of a row in a list by id.
pub fn at(id: Uuid) -> After {
    After { order: 0, id }
}

/// Facilities by id.
///
/// # Errors
/// The database's.
pub async fn facilities(
    db: &impl ConnectionTrait,
    caller: &Caller,
    (division, tier): (Option<DivisionCode>, Option<Tier>),
    page: &Page,
) -> Result<Vec<Stored<Facility>>, Failure> {
    let within = division.map(|division| lies_in(facility::Column::Division, division));
    let tier = tier.map(|tier| facility::Column::Tier.eq(tier.name()));
    let asked = Condition::all().add_option(within).add_option(tier);
    by_id!(db, caller, page, facility, asked)
}

/// Beds by id; of one facility, in one state (held is held).
///
/// # Errors
/// The database's.
pub async fn beds(
    db: &impl ConnectionTrait,
    caller: &Caller,
    (facility_id, state): (Option<Uuid>, Option<&'static str>),
    page: &Page,
) -> Result<Vec<Stored<Bed>>, Failure> {
    let asked = Condition::all()
        .add_option(facility_id.map(|id| bed::Column::FacilityId.eq(id)))
        .add_option(state.map(|state| bed::Column::State.eq(state)));
    by_id!(db, caller, page, bed, asked)
}

/// Which stays or offers a list shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    /// Only this facility's.
    pub facility_id: Option<Uuid>,
    /// Only this person's.
    pub person_id: Option<Uuid>,
    /// Those that are over, too.
    pub with_closed: bool,
}

/// Stays by id.
///
/// # Errors
/// The database's.
pub async fn stays(
    db: &impl ConnectionTrait,
    caller: &Caller,
    filter: &Filter,
    page: &Page,
) -> Result<Vec<Stored<Stay>>, Failure> {
    let running = (!filter.with_closed).then(|| stay::Column::State.ne("ended"));
    let asked = Condition::all()
        .add_option(filter.facility_id.map(|id| stay::Column::FacilityId.eq(id)))
        .add_option(filter.person_id.map(|id| stay::Column::PersonId.eq(id)))
        .add_option(running);
    by_id!(db, caller, page, stay, asked)
}

/// Offers by id.
///
/// # Errors
/// The database's.
pub async fn offers(
    db: &impl ConnectionTrait,
    caller: &Caller,
    filter: &Filter,
    page: &Page,
) -> Result<Vec<Stored<Offer>>, Failure> {
    let open = (!filter.with_closed).then(|| Expr::cust(OPEN));
    let asked = Condition::all()
        .add_option(
            filter
                .facility_id
                .map(|id| offer::Column::FacilityId.eq(id)),
        )
        .add_option(filter.person_id.map(|id| offer::Column::PersonId.eq(id)))
        .add_option(open);
    by_id!(db, caller, page, offer, asked)
}

/// The waiting list of one facility in queue order, with each entry's place.
///
/// # Errors
/// The database's.
pub async fn queue(
    db: &impl ConnectionTrait,
    facility_id: Uuid,
    page: &Page,
) -> Result<Vec<(After, Stored<WaitingEntry>)>, Failure> {
    use waiting_entry::Column;
    let behind = page.after.map(|after| {
        let tie = Condition::all()
            .add(Column::Place.eq(after.order))
            .add(Column::PersonId.gt(after.id));
        Condition::any().add(Column::Place.gt(after.order)).add(tie)
    });
    let found = waiting_entry::Entity::find()
        .filter(Column::FacilityId.eq(facility_id))
        .filter(Expr::cust(LIVE))
        .filter(Condition::all().add_option(behind))
        .order_by_asc(Column::Place)
        .order_by_asc(Column::PersonId)
        .limit(page.limit())
        .all(db)
        .await?;
    let placed = found.iter().map(|row| {
        let place = After {
            order: row.place,
            id: row.person_id,
        };
        Ok((place, row.read()?))
    });
    placed.collect()
}

/// Open offers whose time is over, of every division, oldest first.
///
/// # Errors
/// The database's.
pub async fn offers_due(
    db: &impl ConnectionTrait,
    now: Timestamp,
    limit: u64,
) -> Result<Vec<Uuid>, Failure> {
    let text = format!(
        "SELECT id FROM offer WHERE {OPEN} AND expires_at <= $1 ORDER BY expires_at, id LIMIT {limit}"
    );
    let found = db.all(text, [val(micros(now))]).await?;
    Ok(found
        .iter()
        .map(|row| row.get("id"))
        .collect::<Result<_, _>>()?)
}
