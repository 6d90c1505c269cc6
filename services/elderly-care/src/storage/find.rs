//! Rows by id: those of the caller's divisions, and (named `…_anywhere`) of every division, for the
//! service itself.

use jiff::Timestamp;
use minzheng_chassis::authz::Caller;
use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::seam::Failure;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::entity::{bed, facility, offer, stay, waiting_entry};
use super::load::no_such;
use super::rows;
use super::scope::seen_in;
use crate::domain::{Bed, Facility, Offer, Stay, WaitingEntry};

/// An aggregate as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored<T> {
    /// The aggregate.
    pub of: T,
    /// The facility's division.
    pub division: DivisionCode,
    /// When it was created (a facility) or changed last (a bed); the epoch for others.
    pub at: Timestamp,
    /// Version of the aggregate.
    pub version: i64,
}

/// How a row becomes an aggregate.
pub(super) trait Read {
    type Of;
    fn read(&self) -> Result<Stored<Self::Of>, DbErr>;
}

macro_rules! read {
    ($entity:ident, $of:ty, $read:expr, $at:expr) => {
        impl Read for $entity::Model {
            type Of = $of;

            fn read(&self) -> Result<Stored<$of>, DbErr> {
                let at: fn(&$entity::Model) -> i64 = $at;
                Ok(Stored {
                    of: $read(self)?,
                    division: rows::parse("division", &self.division)?,
                    at: rows::instant("at", at(self))?,
                    version: self.version,
                })
            }
        }
    };
}

read!(facility, Facility, rows::facility, |row| row.created_at);
read!(bed, Bed, rows::bed, |row| row.changed_at);
read!(stay, Stay, rows::stay, |_| 0);
read!(waiting_entry, WaitingEntry, rows::entry, |_| 0);
read!(offer, Offer, rows::offer, |_| 0);

macro_rules! finder {
    ($(#[$doc:meta])* $name:ident, $entity:ident, $of:ty, $what:literal, $chinese:literal) => {
        $(#[$doc])*
        ///
        /// # Errors
        /// NOT_FOUND.
        pub async fn $name(
            db: &impl ConnectionTrait,
            caller: &Caller,
            id: Uuid,
        ) -> Result<Stored<$of>, Failure> {
            let row = $entity::Entity::find_by_id(id)
                .filter(seen_in(caller, $entity::Column::Division))
                .one(db)
                .await?;
            Ok(row.ok_or_else(|| no_such($what, $chinese))?.read()?)
        }
    };
}

finder!(
    /// A facility of the caller's divisions.
    facility, facility, Facility, "facility", "机构"
);
finder!(
    /// A bed of the caller's divisions.
    bed, bed, Bed, "bed", "床位"
);
finder!(
    /// A stay of the caller's divisions.
    stay, stay, Stay, "stay", "入住记录"
);
finder!(
    /// An entry of a waiting list of the caller's divisions.
    entry, waiting_entry, WaitingEntry, "waiting entry", "轮候记录"
);
finder!(
    /// An offer of the caller's divisions.
    offer, offer, Offer, "offer", "床位通知"
);

/// The stays that these beds belong to, of every division.
///
/// # Errors
/// The database's.
pub async fn stays_of_beds(
    db: &impl ConnectionTrait,
    beds: &[Stored<Bed>],
) -> Result<Vec<Stay>, Failure> {
    let taken = beds.iter().filter(|bed| bed.of.state.has_resident());
    let ids: Vec<Uuid> = taken.filter_map(|bed| bed.of.stay_id).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let found = stay::Entity::find()
        .filter(stay::Column::Id.is_in(ids))
        .all(db)
        .await?;
    Ok(found.iter().map(rows::stay).collect::<Result<_, _>>()?)
}

/// Whether a facility has a bed of that label.
///
/// # Errors
/// The database's.
pub async fn label_is_taken(
    db: &impl ConnectionTrait,
    facility_id: Uuid,
    label: &str,
) -> Result<bool, Failure> {
    let found = bed::Entity::find()
        .filter(bed::Column::FacilityId.eq(facility_id))
        .filter(bed::Column::Label.eq(label))
        .one(db)
        .await?;
    Ok(found.is_some())
}
