//! Records of residents that were decided, and persons who moved. The event may arrive while a report
//! about them is between its question to residents and its transaction: then this is what it finds.

use jiff::Timestamp;
use minzheng_chassis::civil::micros;
use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::seam::{Failure, UnitOfWork};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, OnConflict};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel};
use uuid::Uuid;

use super::column::{parsed_opt, text};
use super::entity::decided_record;

/// What residents has said of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A person of its own, and where that person is registered and lives.
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

/// Notes what a record was decided to be, by an event of that time; the first word stands.
///
/// # Errors
/// The database's.
pub async fn note(
    uow: &UnitOfWork,
    person_id: Uuid,
    verdict: Verdict,
    at: Timestamp,
) -> Result<(), Failure> {
    let known = OnConflict::column(decided_record::Column::PersonId)
        .do_nothing()
        .to_owned();
    write(uow, row(person_id, verdict, at), known).await?;
    Ok(())
}

/// Notes where a person has moved to, by an event of that time. Says whether that is news: an event older
/// than what was heard, let through late by hand, has no effect.
///
/// # Errors
/// The database's.
pub async fn note_move(
    uow: &UnitOfWork,
    person_id: Uuid,
    domicile: DivisionCode,
    residence: DivisionCode,
    at: Timestamp,
) -> Result<bool, Failure> {
    use decided_record::Column;
    let verdict = Verdict::Established {
        domicile: Some(domicile),
        residence: Some(residence),
    };
    let told = Expr::col((Alias::new("excluded"), Column::DecidedAt));
    let newer = OnConflict::column(Column::PersonId)
        .update_columns([
            Column::Verdict,
            Column::Domicile,
            Column::Residence,
            Column::DecidedAt,
        ])
        .action_and_where(told.gte(Column::DecidedAt.into_expr()))
        .to_owned();
    Ok(write(uow, row(person_id, verdict, at), newer).await? == 1)
}

fn row(person_id: Uuid, verdict: Verdict, at: Timestamp) -> decided_record::Model {
    let (name, domicile, residence) = match verdict {
        Verdict::Established {
            domicile,
            residence,
        } => (ESTABLISHED, domicile, residence),
        Verdict::Rejected => (REJECTED, None, None),
    };
    decided_record::Model {
        person_id,
        verdict: name.to_owned(),
        domicile: text(domicile),
        residence: text(residence),
        decided_at: micros(at),
    }
}

async fn write(
    uow: &UnitOfWork,
    row: decided_record::Model,
    known: OnConflict,
) -> Result<u64, Failure> {
    let rows = [row.into_active_model().reset_all()];
    let insert = decided_record::Entity::insert_many(rows).on_conflict(known);
    Ok(insert.exec_without_returning(uow.connection()).await?)
}

/// What residents has said of a record, if an event about it was heard.
///
/// # Errors
/// The database's.
pub async fn of_person(uow: &UnitOfWork, person_id: Uuid) -> Result<Option<Verdict>, Failure> {
    let row = decided_record::Entity::find_by_id(person_id)
        .one(uow.connection())
        .await?;
    row.map(|row| verdict(&row.verdict, row.domicile, row.residence))
        .transpose()
}

/// As it is stored.
pub(super) fn verdict(
    name: &str,
    domicile: Option<String>,
    residence: Option<String>,
) -> Result<Verdict, Failure> {
    if name == REJECTED {
        return Ok(Verdict::Rejected);
    }
    Ok(Verdict::Established {
        domicile: parsed_opt("domicile", domicile.as_ref())?,
        residence: parsed_opt("residence", residence.as_ref())?,
    })
}
