//! What is answered on deaths: one row per person, saved by version.

use std::collections::{BTreeMap, BTreeSet};

use minzheng_chassis::db::dialect::padded;
use minzheng_chassis::db::{Write, insert};
use minzheng_chassis::receipt::Undo;
use minzheng_chassis::seam::{Failure, UnitOfWork};
use minzheng_chassis::work;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, Iterable, QueryFilter, QueryOrder,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::entity::death_answer;
use super::rows::{from_json, parse, to_json};
use crate::domain::{Answer, AskedFact, DeathAnswer, Outcome, Question, Share};

/// A share as stored.
#[derive(Debug, Serialize, Deserialize)]
struct StoredShare {
    child_id: Uuid,
    /// Absent: the child was assessed.
    #[serde(skip_serializing_if = "Option::is_none")]
    work_item_id: Option<Uuid>,
}

/// An answer as stored.
#[derive(Debug, Serialize, Deserialize)]
struct StoredAnswer {
    question: String,
    outcome: StoredOutcome,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredOutcome {
    Done,
    NothingToDo,
    NeedsHuman(Uuid),
}

/// The rows of these persons that there are.
///
/// # Errors
/// The database's.
pub async fn of_persons(
    db: &impl ConnectionTrait,
    persons: &BTreeSet<Uuid>,
) -> Result<BTreeMap<Uuid, DeathAnswer>, Failure> {
    if persons.is_empty() {
        return Ok(BTreeMap::new());
    }
    let found = death_answer::Entity::find()
        .filter(death_answer::Column::PersonId.is_in(padded(persons.iter().copied().collect())))
        .all(db)
        .await?;
    let rows: Result<BTreeMap<Uuid, DeathAnswer>, DbErr> = found
        .iter()
        .map(|row| Ok((row.person_id, answer(row)?)))
        .collect();
    Ok(rows?)
}

/// Has the rows of different persons written when the unit of work settles.
///
/// # Errors
/// What cannot be kept.
pub fn save(uow: &mut UnitOfWork, answers: &[&DeathAnswer]) -> Result<(), Failure> {
    if !answers.is_empty() {
        uow.write(write(uow.backend(), answers)?);
    }
    Ok(())
}

/// The rows of different persons, at least one, each under its version.
///
/// # Errors
/// What cannot be kept.
pub fn write(backend: DbBackend, answers: &[&DeathAnswer]) -> Result<Write, DbErr> {
    let rows: Result<Vec<death_answer::Model>, DbErr> =
        answers.iter().map(|answer| row(answer)).collect();
    let under_its_version = OnConflict::column(death_answer::Column::PersonId)
        .update_columns(death_answer::Column::iter().skip(1))
        .action_and_where(Expr::cust("death_answer.version = excluded.version - 1"))
        .to_owned();
    let under_its_version = Some(under_its_version);
    Ok(insert(backend, "death_answer", &rows?, under_its_version))
}

/// The questions whose answers name a work item: closing it answers them.
///
/// # Errors
/// The database's.
pub async fn questions_of_item(
    db: &impl ConnectionTrait,
    item_id: Uuid,
) -> Result<Vec<work::Question>, Failure> {
    let found = death_answer::Entity::find()
        .filter(death_answer::Column::WorkItemId.eq(item_id))
        .order_by_asc(death_answer::Column::PersonId)
        .all(db)
        .await?;
    let questions = found.into_iter().map(|row| work::Question {
        person_id: row.person_id,
        case_id: row.case_id,
        fact_version: row.fact_version,
        action: Question::AssessDependants.code().to_owned(),
        legal_basis: Question::AssessDependants.legal_basis().to_owned(),
        undo: Undo::Machine,
    });
    Ok(questions.collect())
}

fn answer(row: &death_answer::Model) -> Result<DeathAnswer, DbErr> {
    let shares: Vec<StoredShare> = from_json("shares", &row.shares)?;
    let shares = shares.into_iter().map(|stored| {
        let share = match stored.work_item_id {
            Some(work_item_id) => Share::NeedsHuman { work_item_id },
            None => Share::Done,
        };
        (stored.child_id, share)
    });
    let given: Vec<StoredAnswer> = from_json("given", &row.given)?;
    let given: Result<Vec<Answer>, DbErr> = given.into_iter().map(given_answer).collect();
    Ok(DeathAnswer {
        fact: AskedFact {
            person_id: row.person_id,
            case_id: row.case_id,
            fact_version: row.fact_version,
            kind: parse("kind", &row.kind)?,
            died_on: parse("died_on", &row.died_on)?,
        },
        tracked: row.tracked,
        shares: shares.collect(),
        given: given?,
        version: row.version,
    })
}

fn given_answer(stored: StoredAnswer) -> Result<Answer, DbErr> {
    let outcome = match stored.outcome {
        StoredOutcome::Done => Outcome::Done,
        StoredOutcome::NothingToDo => Outcome::NothingToDo,
        StoredOutcome::NeedsHuman(work_item_id) => Outcome::NeedsHuman { work_item_id },
    };
    Ok(Answer::of(parse("given", &stored.question)?, outcome))
}

/// The row at its next version.
fn row(answer: &DeathAnswer) -> Result<death_answer::Model, DbErr> {
    let shares = answer.shares.iter().filter_map(|(child_id, share)| {
        let work_item_id = match share {
            Share::Nothing => return None,
            Share::Done => None,
            Share::NeedsHuman { work_item_id } => Some(*work_item_id),
        };
        Some(StoredShare {
            child_id: *child_id,
            work_item_id,
        })
    });
    let given = answer.given.iter().map(|given| StoredAnswer {
        question: given.question.code().to_owned(),
        outcome: match given.outcome {
            Outcome::Done => StoredOutcome::Done,
            Outcome::NothingToDo => StoredOutcome::NothingToDo,
            Outcome::NeedsHuman { work_item_id } => StoredOutcome::NeedsHuman(work_item_id),
        },
    });
    Ok(death_answer::Model {
        person_id: answer.fact.person_id,
        case_id: answer.fact.case_id,
        fact_version: answer.fact.fact_version,
        kind: answer.fact.kind.code().to_owned(),
        died_on: answer.fact.died_on.to_string(),
        tracked: answer.tracked,
        shares: to_json("shares", &shares.collect::<Vec<_>>())?,
        given: to_json("given", &given.collect::<Vec<_>>())?,
        work_item_id: answer.named_item(),
        version: answer.version + 1,
    })
}
