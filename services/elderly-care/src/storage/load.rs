//! What one decision is made upon, under the locks of the facilities that it may touch.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use minzheng_chassis::db::dialect::{padded, placeholders};
use minzheng_chassis::db::{Sql, val};
use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::grpc::etag;
use minzheng_chassis::problem::Problem;
use minzheng_chassis::seam::{Failure, UnitOfWork};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, Value};
use uuid::Uuid;

use super::entity::{bed, bed_pass, facility, offer, stay, waiting_entry};
use super::{rows, rules};
use crate::domain::{Site, View};

/// A stay that stands, as its unique index says it.
pub(super) const STANDING: &str =
    "(state IN ('active', 'held', 'displaced') OR end_cause = 'death')";
/// An entry that is on the list, as its unique index says it.
pub(super) const LIVE: &str = "state IN ('waiting', 'suspended', 'offered')";
/// An offer that is open, as its unique index says it.
pub(super) const OPEN: &str = "state = 'open'";
/// A bed that is vacant.
const VACANT: &str = "(state = 'free' OR (state = 'held' AND held_for = 'offer'))";

/// What a decision names; persons are named under their guard rows.
#[derive(Clone, Debug, Default)]
pub struct Named {
    /// Persons: their standing stays, and the facilities where they live or wait.
    pub people: Vec<Uuid>,
    /// A facility; the bed's, the stay's, the entry's or the offer's where one is named.
    pub facility: Option<Uuid>,
    /// A bed.
    pub bed: Option<Uuid>,
    /// A stay.
    pub stay: Option<Uuid>,
    /// An entry of a waiting list.
    pub entry: Option<Uuid>,
    /// An offer.
    pub offer: Option<Uuid>,
}

/// What was loaded.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The rows as the domain sees them.
    pub view: View,
    pub(super) versions: BTreeMap<Uuid, i64>,
}

impl Loaded {
    /// # Errors
    /// The etag is not that of the row as it stands under the lock.
    pub fn expect_etag(&self, id: Uuid, tag: &str) -> Result<(), Failure> {
        Ok(etag::expect(tag, self.version(id)?)?)
    }

    /// The version that a row was loaded with.
    pub(super) fn version(&self, id: Uuid) -> Result<i64, Failure> {
        let version = self.versions.get(&id).copied();
        version.ok_or_else(|| Failure::internal(format!("row {id} was not loaded")))
    }

    /// The division of a facility that was loaded.
    ///
    /// # Errors
    /// It was not: our own fault.
    pub fn division(&self, facility_id: Uuid) -> Result<DivisionCode, Failure> {
        let site = self.view.sites.get(&facility_id);
        let site = site.ok_or_else(|| Failure::internal("a facility was not loaded"))?;
        Ok(site.facility.division)
    }
}

/// Loads what [`View`] promises. Decisions about one facility happen one after another: its row is
/// written first, and its rows are read only then. So a freed bed and somebody who joins the list
/// cannot miss each other, and two beds freed at once see one queue.
///
/// # Errors
/// The database's; NO_RULE.
pub async fn load(uow: &UnitOfWork, named: &Named, now: Timestamp) -> Result<Loaded, Failure> {
    let db = uow.connection();
    let mut facilities = facilities_of(db, &named.people).await?;
    facilities.extend(named.facility);
    if facilities.is_empty() {
        return Ok(Loaded::default());
    }
    let mut loaded = Loaded::default();
    for facility_id in &facilities {
        let row = lock(db, *facility_id).await?;
        let facility = rows::facility(&row)?;
        let terms = rules::terms(db, facility.division, now).await?;
        loaded.versions.insert(row.id, row.version);
        loaded.view.sites.insert(row.id, Site { facility, terms });
    }
    loaded.read_stays(db, named).await?;
    loaded.read_beds(db, &facilities, named).await?;
    loaded.read_entries(db, &facilities, named).await?;
    loaded.read_offers(db, &facilities, named).await?;
    loaded.read_passes(db).await?;
    Ok(loaded)
}

/// Those of these people who live somewhere, or whom a reversal would have live, or who wait. All
/// that is asked about the many who are no residents.
///
/// # Errors
/// The database's.
pub async fn named_of(
    db: &impl ConnectionTrait,
    people: &[Uuid],
) -> Result<BTreeSet<Uuid>, Failure> {
    Ok(where_named(db, "person_id", people).await?)
}

/// The facilities where these people live, or a reversal would have them live, or wait.
///
/// # Errors
/// The database's.
pub(super) async fn facilities_of(
    db: &impl ConnectionTrait,
    people: &[Uuid],
) -> Result<BTreeSet<Uuid>, DbErr> {
    where_named(db, "facility_id", people).await
}

/// A column of the standing stays and live entries of these people.
async fn where_named(
    db: &impl ConnectionTrait,
    column: &'static str,
    people: &[Uuid],
) -> Result<BTreeSet<Uuid>, DbErr> {
    if people.is_empty() {
        return Ok(BTreeSet::new());
    }
    let people = padded(people.to_vec());
    let persons = placeholders(1, people.len());
    let text = format!(
        "SELECT {column} FROM stay WHERE person_id IN ({persons}) AND {STANDING} \
         UNION SELECT {column} FROM waiting_entry WHERE person_id IN ({persons}) AND {LIVE}"
    );
    let values: Vec<Value> = people.into_iter().map(val).collect();
    let found = db.all(text, values).await?;
    found.iter().map(|row| row.get(column)).collect()
}

async fn lock(db: &impl ConnectionTrait, id: Uuid) -> Result<facility::Model, Failure> {
    let raised = Expr::col(facility::Column::AllocationVersion).add(1);
    let rows = facility::Entity::update_many()
        .col_expr(facility::Column::AllocationVersion, raised)
        .filter(facility::Column::Id.eq(id))
        .exec_with_returning(db)
        .await?;
    let row = rows.into_iter().next();
    row.ok_or_else(|| Failure::internal(format!("facility {id} is gone")))
}

impl Loaded {
    async fn read_stays(&mut self, db: &impl ConnectionTrait, named: &Named) -> Result<(), DbErr> {
        if named.people.is_empty() && named.stay.is_none() {
            return Ok(());
        }
        let standing = Condition::all()
            .add(stay::Column::PersonId.is_in(named.people.iter().copied()))
            .add(Expr::cust(STANDING));
        let asked = Condition::any()
            .add(standing)
            .add(stay::Column::Id.is_in(named.stay));
        for row in stay::Entity::find().filter(asked).all(db).await? {
            self.versions.insert(row.id, row.version);
            self.view.stays.insert(row.id, rows::stay(&row)?);
        }
        Ok(())
    }

    async fn read_beds(
        &mut self,
        db: &impl ConnectionTrait,
        facilities: &BTreeSet<Uuid>,
        named: &Named,
    ) -> Result<(), DbErr> {
        let theirs = self.view.stays.values().map(|stay| stay.bed_id);
        let beds: BTreeSet<Uuid> = theirs.chain(named.bed).collect();
        let vacant = Condition::all()
            .add(bed::Column::FacilityId.is_in(facilities.iter().copied()))
            .add(Expr::cust(VACANT));
        let asked = Condition::any()
            .add(vacant)
            .add(bed::Column::Id.is_in(beds));
        for row in bed::Entity::find().filter(asked).all(db).await? {
            self.versions.insert(row.id, row.version);
            self.view.beds.insert(row.id, rows::bed(&row)?);
        }
        Ok(())
    }

    async fn read_entries(
        &mut self,
        db: &impl ConnectionTrait,
        facilities: &BTreeSet<Uuid>,
        named: &Named,
    ) -> Result<(), DbErr> {
        let live = Condition::all()
            .add(waiting_entry::Column::FacilityId.is_in(facilities.iter().copied()))
            .add(Expr::cust(LIVE));
        let asked = Condition::any()
            .add(live)
            .add(waiting_entry::Column::Id.is_in(named.entry));
        for row in waiting_entry::Entity::find().filter(asked).all(db).await? {
            self.versions.insert(row.id, row.version);
            self.view.entries.insert(row.id, rows::entry(&row)?);
        }
        Ok(())
    }

    async fn read_offers(
        &mut self,
        db: &impl ConnectionTrait,
        facilities: &BTreeSet<Uuid>,
        named: &Named,
    ) -> Result<(), DbErr> {
        let open = Condition::all()
            .add(offer::Column::FacilityId.is_in(facilities.iter().copied()))
            .add(Expr::cust(OPEN));
        let asked = Condition::any()
            .add(open)
            .add(offer::Column::Id.is_in(named.offer));
        for row in offer::Entity::find().filter(asked).all(db).await? {
            self.versions.insert(row.id, row.version);
            self.view.offers.insert(row.id, rows::offer(&row)?);
        }
        Ok(())
    }

    /// Passes of vacant beds; those of others no longer matter.
    async fn read_passes(&mut self, db: &impl ConnectionTrait) -> Result<(), DbErr> {
        let vacant = self.view.beds.values().filter(|bed| bed.state.is_vacant());
        let vacant: Vec<Uuid> = vacant.map(|bed| bed.id).collect();
        if vacant.is_empty() {
            return Ok(());
        }
        let found = bed_pass::Entity::find()
            .filter(bed_pass::Column::BedId.is_in(vacant))
            .all(db)
            .await?;
        self.view.passes = found.iter().map(rows::pass).collect::<Result<_, _>>()?;
        Ok(())
    }
}

/// Nothing by that id in the caller's divisions.
pub fn no_such(what: &'static str, chinese: &'static str) -> Failure {
    Problem::not_found(what, chinese).into()
}
