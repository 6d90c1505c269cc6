//! Recorded kinship, and the rows on which two who publish the same circle wait for each other.
//!
//! Two kinships may touch one person's circle and name none of the same persons (a parent's parent
//! on either side). Each would publish a circle without the other's link, so whoever publishes
//! circles first locks the row of each in `kin_circle`, and only then reads the links.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use minzheng_chassis::civil::micros;
use minzheng_chassis::db::dialect::padded;
use minzheng_chassis::db::{Insert, Sql, val};
use minzheng_chassis::seam::{Failure, UnitOfWork};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
};
use uuid::Uuid;

use super::codes;
use super::entity::{kinship, person};
use super::person_row::{instant, parse};
use crate::domain::kinship::{Bond, KinGraph, Link, PersonCard};

/// Generations back that are searched for an ancestor who would become a descendant.
const MAX_GENERATIONS: usize = 30;

/// A link as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredLink {
    /// Opaque id.
    pub id: Uuid,
    /// The link.
    pub link: Link,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Whether it stands.
    pub stands: bool,
    /// Version of the aggregate.
    pub version: i64,
}

impl StoredLink {
    fn of(row: &kinship::Model) -> Result<Self, Failure> {
        let link = Link {
            person_id: row.person_id,
            relative_id: row.relative_id,
            bond: codes::bond(&row.bond)?,
        };
        Ok(Self {
            id: row.id,
            link,
            recorded_at: instant(row.recorded_at)?,
            stands: row.ended_at.is_none(),
            version: row.version,
        })
    }
}

/// One kinship, standing or ended.
///
/// # Errors
/// The database's.
pub async fn find(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<StoredLink>, Failure> {
    let row = kinship::Entity::find_by_id(id).one(db).await?;
    row.as_ref().map(StoredLink::of).transpose()
}

/// The links that stand around some persons: their own in the first round, their relatives' in the
/// second, and so on.
///
/// # Errors
/// The database's.
pub async fn around(
    db: &impl ConnectionTrait,
    persons: &[Uuid],
    rounds: usize,
) -> Result<Vec<StoredLink>, Failure> {
    let mut seen: BTreeSet<Uuid> = persons.iter().copied().collect();
    let mut next: Vec<Uuid> = seen.iter().copied().collect();
    let mut links: BTreeMap<Uuid, StoredLink> = BTreeMap::new();
    for _ in 0..rounds {
        if next.is_empty() {
            break;
        }
        let these = padded(next);
        let touching = Condition::any()
            .add(kinship::Column::PersonId.is_in(these.iter().copied()))
            .add(kinship::Column::RelativeId.is_in(these));
        let found = standing(db, touching).await?;
        let ends = found
            .iter()
            .flat_map(|stored| [stored.link.person_id, stored.link.relative_id]);
        next = ends.filter(|end| seen.insert(*end)).collect();
        links.extend(found.into_iter().map(|stored| (stored.id, stored)));
    }
    Ok(links.into_values().collect())
}

/// The links from a person to parents, from these to theirs, and so on.
///
/// # Errors
/// The database's.
pub async fn ancestry(db: &impl ConnectionTrait, person: Uuid) -> Result<Vec<StoredLink>, Failure> {
    let mut seen = BTreeSet::from([person]);
    let mut next = vec![person];
    let mut links = Vec::new();
    for _ in 0..MAX_GENERATIONS {
        if next.is_empty() {
            break;
        }
        let parents = Condition::all()
            .add(kinship::Column::Bond.eq(codes::bond_name(Bond::Parent)))
            .add(kinship::Column::PersonId.is_in(next.iter().copied()));
        let found = standing(db, parents).await?;
        next = found
            .iter()
            .map(|stored| stored.link.relative_id)
            .filter(|parent| seen.insert(*parent))
            .collect();
        links.extend(found);
    }
    Ok(links)
}

/// What follows from stored links.
pub fn graph(links: &[StoredLink]) -> KinGraph {
    links.iter().map(|stored| stored.link).collect()
}

async fn standing(
    db: &impl ConnectionTrait,
    condition: Condition,
) -> Result<Vec<StoredLink>, Failure> {
    let rows = kinship::Entity::find()
        .filter(kinship::Column::EndedAt.is_null())
        .filter(condition)
        .order_by_asc(kinship::Column::Id)
        .all(db)
        .await?;
    rows.iter().map(StoredLink::of).collect()
}

/// Records a link.
///
/// # Errors
/// The database's.
pub async fn add(uow: &UnitOfWork, link: Link) -> Result<StoredLink, Failure> {
    let stored = StoredLink {
        id: uow.new_id(),
        link,
        recorded_at: uow.now(),
        stands: true,
        version: 1,
    };
    let row = kinship::ActiveModel {
        id: Set(stored.id),
        person_id: Set(link.person_id),
        relative_id: Set(link.relative_id),
        bond: Set(codes::bond_name(link.bond).to_owned()),
        recorded_at: Set(micros(stored.recorded_at)),
        ended_at: Set(None),
        end_reason: Set(None),
        version: Set(stored.version),
    };
    kinship::Entity::insert(row)
        .exec_without_returning(uow.connection())
        .await?;
    Ok(stored)
}

/// Ends a link, if nobody changed it meanwhile.
///
/// # Errors
/// Somebody did.
pub async fn end(uow: &UnitOfWork, stored: &StoredLink, reason: &str) -> Result<(), Failure> {
    let row = kinship::ActiveModel {
        ended_at: Set(Some(micros(uow.now()))),
        end_reason: Set(Some(reason.to_owned())),
        ..Default::default()
    };
    let ended = kinship::Entity::update_many()
        .set(row)
        .col_expr(kinship::Column::Version, Expr::value(stored.version + 1))
        .filter(kinship::Column::Id.eq(stored.id))
        .filter(kinship::Column::Version.eq(stored.version))
        .exec(uow.connection())
        .await?;
    if ended.rows_affected != 1 {
        return Err(Failure::Conflict("kinship".to_owned()));
    }
    Ok(())
}

/// Waits for whoever publishes one of these circles, and keeps others waiting until the end.
///
/// # Errors
/// The database's.
pub async fn lock_circles(uow: &UnitOfWork, persons: &BTreeSet<Uuid>) -> Result<(), Failure> {
    if persons.is_empty() {
        return Ok(());
    }
    let insert = Insert {
        table: "kin_circle",
        columns: &["person_id", "version"],
        tail: "ON CONFLICT (person_id) DO UPDATE SET version = kin_circle.version + 1",
    };
    let rows = persons.iter().map(|id| vec![val(*id), val(1_i64)]);
    let (text, values) = insert.rows(uow.backend(), rows);
    uow.connection().run(text, values).await?;
    Ok(())
}

/// What is published of persons along with their kin.
///
/// # Errors
/// The database's.
pub async fn cards(
    db: &impl ConnectionTrait,
    persons: impl IntoIterator<Item = Uuid>,
) -> Result<BTreeMap<Uuid, PersonCard>, Failure> {
    let rows: Vec<(Uuid, String, String)> = person::Entity::find()
        .select_only()
        .columns([
            person::Column::Id,
            person::Column::BirthDate,
            person::Column::Residence,
        ])
        .filter(person::Column::Id.is_in(persons))
        .into_tuple()
        .all(db)
        .await?;
    rows.iter()
        .map(|(id, birth_date, residence)| {
            let card = PersonCard {
                birth_date: parse("date of birth", birth_date)?,
                residence: parse("residence", residence)?,
            };
            Ok((*id, card))
        })
        .collect()
}
