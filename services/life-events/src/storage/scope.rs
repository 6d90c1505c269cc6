//! Which cases a caller sees.

use minzheng_chassis::authz::Caller;
use minzheng_chassis::division::DivisionCode;
use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{ColumnTrait, Condition};

use super::entity::{death_case, evidence};

/// Cases that stand in the caller's divisions: those a command may change.
pub(super) fn own(caller: &Caller) -> Condition {
    if sees_all(caller) {
        return Condition::all();
    }
    let nothing = Condition::any().add(Expr::val(1).eq(0));
    caller.scope().iter().fold(nothing, |any, (first, last)| {
        any.add(death_case::Column::Division.between(first.as_str(), last.as_str()))
    })
}

/// Those, and the cases with evidence that the caller reported, or whose organisation is the
/// caller's: a city hospital goes on seeing what it reported of a villager of another county.
pub(super) fn visible(caller: &Caller) -> Condition {
    if sees_all(caller) {
        return Condition::all();
    }
    let reported = death_case::Column::Id.in_subquery(reported_by(caller));
    Condition::any().add(own(caller)).add(reported)
}

fn reported_by(caller: &Caller) -> SelectStatement {
    let mut told = Condition::any().add(evidence::Column::Reporter.eq(caller.subject.as_str()));
    if !caller.department.is_empty() {
        told = told.add(evidence::Column::Organisation.eq(caller.department.as_str()));
    }
    Query::select()
        .column(evidence::Column::CaseId)
        .from(evidence::Entity)
        .cond_where(told)
        .to_owned()
}

/// Who sees the whole province also sees the cases of those who live elsewhere.
fn sees_all(caller: &Caller) -> bool {
    caller.sees(DivisionCode::GUIZHOU)
}
