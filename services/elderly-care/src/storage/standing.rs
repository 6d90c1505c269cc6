//! What stands now about some persons, read without a lock, for fingerprints.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use minzheng_chassis::seam::Failure;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::entity::{bed, facility, offer, stay, waiting_entry};
use super::load::{LIVE, OPEN, STANDING};
use super::{rows, rules};
use crate::domain::{Site, View};

/// The stays of these persons that stand or await their settlement, with their beds, and the whole
/// queue and all open offers of every facility where they wait; of every division.
///
/// # Errors
/// The database's; NO_RULE.
pub async fn of_persons(
    db: &impl ConnectionTrait,
    persons: &[Uuid],
    now: Timestamp,
) -> Result<View, Failure> {
    let stays = stays(db, persons).await?;
    let own = waiting_entry::Entity::find()
        .filter(waiting_entry::Column::PersonId.is_in(persons.iter().copied()))
        .filter(Expr::cust(LIVE))
        .all(db)
        .await?;
    let queues: BTreeSet<Uuid> = own.iter().map(|entry| entry.facility_id).collect();
    let homes = stays.iter().map(|stay| stay.facility_id);
    let mut view = View::default();
    for site in sites(db, homes.chain(queues.iter().copied()).collect(), now).await? {
        view.sites.insert(site.facility.id, site);
    }
    for row in beds(db, stays.iter().map(|stay| stay.bed_id).collect()).await? {
        view.beds.insert(row.id, rows::bed(&row)?);
    }
    for row in &stays {
        view.stays.insert(row.id, rows::stay(row)?);
    }
    let entries = waiting_entry::Entity::find()
        .filter(waiting_entry::Column::FacilityId.is_in(queues.iter().copied()))
        .filter(Expr::cust(LIVE));
    for row in entries.all(db).await? {
        view.entries.insert(row.id, rows::entry(&row)?);
    }
    let offers = offer::Entity::find()
        .filter(offer::Column::FacilityId.is_in(queues))
        .filter(Expr::cust(OPEN));
    for row in offers.all(db).await? {
        view.offers.insert(row.id, rows::offer(&row)?);
    }
    Ok(view)
}

/// Whose stays these are, of every division.
///
/// # Errors
/// The database's.
pub async fn stays_of(
    db: &impl ConnectionTrait,
    persons: &[Uuid],
) -> Result<BTreeMap<Uuid, Uuid>, Failure> {
    let found = stay::Entity::find()
        .filter(stay::Column::PersonId.is_in(persons.iter().copied()))
        .all(db)
        .await?;
    Ok(found.iter().map(|row| (row.id, row.person_id)).collect())
}

async fn stays(db: &impl ConnectionTrait, persons: &[Uuid]) -> Result<Vec<stay::Model>, Failure> {
    let current = Condition::any()
        .add(Expr::cust(STANDING))
        .add(stay::Column::State.eq("awaiting_settlement"));
    let found = stay::Entity::find()
        .filter(stay::Column::PersonId.is_in(persons.iter().copied()))
        .filter(current)
        .all(db)
        .await?;
    Ok(found)
}

async fn beds(db: &impl ConnectionTrait, ids: BTreeSet<Uuid>) -> Result<Vec<bed::Model>, Failure> {
    let found = bed::Entity::find().filter(bed::Column::Id.is_in(ids));
    Ok(found.all(db).await?)
}

async fn sites(
    db: &impl ConnectionTrait,
    ids: BTreeSet<Uuid>,
    now: Timestamp,
) -> Result<Vec<Site>, Failure> {
    let found = facility::Entity::find().filter(facility::Column::Id.is_in(ids));
    let mut sites = Vec::new();
    for row in found.all(db).await? {
        let facility = rows::facility(&row)?;
        let terms = rules::terms(db, facility.division, now).await?;
        sites.push(Site { facility, terms });
    }
    Ok(sites)
}
