//! Saving a decision: rows that leave a unique index first, each under its version.

use jiff::Timestamp;
use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::seam::{Failure, UnitOfWork};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter,
};

use super::entity::{bed, bed_pass, facility, offer, stay, waiting_entry};
use super::load::Loaded;
use super::rows::{self, Stamp};
use crate::domain::{Decision, Facility, Pass};

/// Saves the rows of a table: `$changed` under their versions, then the new ones.
macro_rules! save_rows {
    ($db:expr, $loaded:expr, $changed:expr, $entity:ident, $row:expr) => {
        for changed in &$changed.updated {
            let version = $loaded.version(changed.id)?;
            let division = $loaded.division(changed.facility_id)?;
            let row: $entity::Model = $row(changed, next(division, version));
            let saved = $entity::Entity::update_many()
                .set(row.into_active_model().reset_all())
                .filter($entity::Column::Id.eq(changed.id))
                .filter($entity::Column::Version.eq(version))
                .exec($db)
                .await?;
            if saved.rows_affected != 1 {
                return Err(Failure::Conflict(stringify!($entity).to_owned()));
            }
        }
        let mut new = Vec::with_capacity($changed.inserted.len());
        for inserted in &$changed.inserted {
            let division = $loaded.division(inserted.facility_id)?;
            let row: $entity::Model = $row(inserted, next(division, 0));
            new.push(row.into_active_model());
        }
        if !new.is_empty() {
            $entity::Entity::insert_many(new)
                .exec_without_returning($db)
                .await?;
        }
    };
}

fn next(division: DivisionCode, version: i64) -> Stamp {
    Stamp {
        division,
        version: version + 1,
    }
}

/// Saves what was decided upon what was loaded.
///
/// # Errors
/// Conflict, if somebody else was faster; the database's.
pub async fn save(
    uow: &UnitOfWork,
    loaded: &Loaded,
    decision: &Decision,
    now: Timestamp,
) -> Result<(), Failure> {
    let db = uow.connection();
    save_rows!(db, loaded, decision.offers, offer, rows::offer_row);
    save_rows!(db, loaded, decision.entries, waiting_entry, rows::entry_row);
    save_rows!(db, loaded, decision.stays, stay, rows::stay_row);
    let bed_row = |bed, stamp| rows::bed_row(bed, stamp, now);
    save_rows!(db, loaded, decision.beds, bed, bed_row);
    save_passes(db, decision).await?;
    Ok(())
}

async fn save_passes(db: &DatabaseTransaction, decision: &Decision) -> Result<(), Failure> {
    for pass in &decision.passes_removed {
        let Pass {
            bed_id,
            vacancy_id,
            person_id,
        } = *pass;
        bed_pass::Entity::delete_by_id((bed_id, vacancy_id, person_id))
            .exec(db)
            .await?;
    }
    if decision.passes_added.is_empty() {
        return Ok(());
    }
    let new = decision.passes_added.iter().map(rows::pass_row);
    bed_pass::Entity::insert_many(new.map(IntoActiveModel::into_active_model))
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// Adds a facility.
///
/// # Errors
/// The database's.
pub async fn add_facility(
    uow: &UnitOfWork,
    facility: &Facility,
    now: Timestamp,
) -> Result<(), Failure> {
    let row = rows::facility_row(facility, now);
    facility::Entity::insert(row.into_active_model())
        .exec_without_returning(uow.connection())
        .await?;
    Ok(())
}
