//! Loading cases whole: one statement, so that what is read of a case is of one moment, and one round
//! trip.

use minzheng_chassis::crypto::KeyRing;
use minzheng_chassis::seam::Failure;
use sea_orm::sea_query::{
    Alias, Cond, Condition, Expr, ExprTrait, IntoColumnRef, Order, Query, SelectStatement,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, IdenStatic, Iterable,
    QueryResult,
};
use uuid::Uuid;

use super::cases::StoredCase;
use super::entity::{death_case, evidence, question};
use super::{case_row, evidence_row, question_row};
use crate::domain::death::{Evidence, Question};

/// Prefixes of the three tables' columns.
const CASE: &str = "c_";
const EVIDENCE: &str = "e_";
const QUESTION: &str = "q_";

/// The cases for which a condition on `death_case` holds, by person and episode, each with its evidence
/// and questions.
pub(super) async fn load(
    db: &impl ConnectionTrait,
    keys: &KeyRing,
    condition: Condition,
) -> Result<Vec<StoredCase>, Failure> {
    let rows = db.query_all(&whole(condition)).await?;
    let mut parts: Vec<Parts> = Vec::new();
    for row in &rows {
        let case = death_case::Model::from_query_result(row, CASE)?;
        if parts.last().is_none_or(|last| last.case.id != case.id) {
            parts.push(Parts::of(case));
        }
        if let Some(parts) = parts.last_mut() {
            parts.take(keys, row)?;
        }
    }
    parts.into_iter().map(Parts::together).collect()
}

/// Questions are joined to the first piece of evidence alone, so that the rows of a case are as many as
/// its evidence and questions together, not as their product.
fn whole(condition: Condition) -> SelectStatement {
    let of_case = Cond::all().add(
        evidence::Column::CaseId
            .into_expr()
            .equals(of(death_case::Column::Id)),
    );
    let first = evidence::Column::Position.into_expr();
    let once = Cond::any().add(first.clone().is_null()).add(first.eq(0));
    let asked = question::Column::CaseId
        .into_expr()
        .equals(of(death_case::Column::Id));
    let mut query = Query::select();
    columns::<death_case::Entity>(&mut query, CASE);
    columns::<evidence::Entity>(&mut query, EVIDENCE);
    columns::<question::Entity>(&mut query, QUESTION);
    query
        .from(death_case::Entity)
        .left_join(evidence::Entity, of_case)
        .left_join(question::Entity, Cond::all().add(asked).add(once))
        .cond_where(condition)
        .order_by(of(death_case::Column::PersonId), Order::Asc)
        .order_by(of(death_case::Column::Episode), Order::Asc)
        .order_by(of(evidence::Column::Position), Order::Asc)
        .to_owned()
}

fn of(column: impl ColumnTrait) -> sea_orm::sea_query::ColumnRef {
    column.as_column_ref().into_column_ref()
}

fn columns<E: EntityTrait>(query: &mut SelectStatement, prefix: &str) {
    for column in E::Column::iter() {
        let alias = Alias::new(format!("{prefix}{}", column.as_str()));
        query.expr_as(Expr::col(of(column)), alias);
    }
}

/// One case, as its rows are read.
struct Parts {
    case: death_case::Model,
    evidence: Vec<Evidence>,
    questions: Vec<Question>,
}

impl Parts {
    fn of(case: death_case::Model) -> Self {
        Self {
            case,
            evidence: Vec::new(),
            questions: Vec::new(),
        }
    }

    fn take(&mut self, keys: &KeyRing, row: &QueryResult) -> Result<(), Failure> {
        if let Some(id) = key::<Uuid>(row, EVIDENCE, "id")?
            && self.evidence.last().is_none_or(|last| last.id != id)
        {
            let model = evidence::Model::from_query_result(row, EVIDENCE)?;
            self.evidence.push(evidence_row::read(keys, model)?);
        }
        if key::<Uuid>(row, QUESTION, "case_id")?.is_some() {
            let model = question::Model::from_query_result(row, QUESTION)?;
            self.questions.push(question_row::read(&model)?);
        }
        Ok(())
    }

    fn together(mut self) -> Result<StoredCase, Failure> {
        self.questions.sort_by_key(question_row::place);
        Ok(StoredCase {
            version: self.case.version,
            case: case_row::read(&self.case, self.evidence, self.questions)?,
        })
    }
}

/// A key column; none where the join found no row.
fn key<T: sea_orm::TryGetable>(
    row: &QueryResult,
    prefix: &str,
    column: &str,
) -> Result<Option<T>, DbErr> {
    row.try_get(prefix, column)
}
