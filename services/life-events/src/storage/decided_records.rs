//! Provisional records of residents that were decided. Their event may arrive while a report about
//! them is between its question to residents and its transaction: then this is what it finds.

use minzheng_chassis::civil::micros;
use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::seam::{Failure, UnitOfWork};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};
use uuid::Uuid;

use super::column::{parsed_opt, text};
use super::entity::decided_record;

/// What a record was decided to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A person of its own.
    Established {
        /// Domicile.
        domicile: Option<DivisionCode>,
        /// Residence.
        residence: Option<DivisionCode>,
    },
    /// No such person.
    Rejected,
}

const ESTABLISHED: &str = "established";
const REJECTED: &str = "rejected";

/// Notes what a record was decided to be; the first word stands.
///
/// # Errors
/// The database's.
pub async fn note(uow: &UnitOfWork, person_id: Uuid, verdict: Verdict) -> Result<(), Failure> {
    let (name, domicile, residence) = match verdict {
        Verdict::Established {
            domicile,
            residence,
        } => (ESTABLISHED, domicile, residence),
        Verdict::Rejected => (REJECTED, None, None),
    };
    let row = decided_record::Model {
        person_id,
        verdict: name.to_owned(),
        domicile: text(domicile),
        residence: text(residence),
        decided_at: micros(uow.now()),
    };
    let known = OnConflict::column(decided_record::Column::PersonId)
        .do_nothing()
        .to_owned();
    decided_record::Entity::insert_many([row.into_active_model().reset_all()])
        .on_conflict(known)
        .exec_without_returning(uow.connection())
        .await?;
    Ok(())
}

/// What a record was decided to be, if its event was heard.
///
/// # Errors
/// The database's.
pub async fn of_person(uow: &UnitOfWork, person_id: Uuid) -> Result<Option<Verdict>, Failure> {
    let row = decided_record::Entity::find_by_id(person_id)
        .one(uow.connection())
        .await?;
    let Some(row) = row else { return Ok(None) };
    if row.verdict == REJECTED {
        return Ok(Some(Verdict::Rejected));
    }
    Ok(Some(Verdict::Established {
        domicile: parsed_opt("domicile", row.domicile.as_ref())?,
        residence: parsed_opt("residence", row.residence.as_ref())?,
    }))
}
