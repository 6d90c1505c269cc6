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

/// Those, and the cases with evidence of the caller's organisation: a city hospital goes on seeing what it
/// reported of a villager of another county. Of the organisation, not of the person who typed it in: who
/// leaves it, or is sent to another county, sees no more than the new colleagues do (ADR 14).
pub(super) fn visible(caller: &Caller) -> Condition {
    if sees_all(caller) || caller.department.is_empty() {
        return own(caller);
    }
    let reported = death_case::Column::Id.in_subquery(reported_by(&caller.department));
    Condition::any().add(own(caller)).add(reported)
}

fn reported_by(organisation: &str) -> SelectStatement {
    Query::select()
        .column(evidence::Column::CaseId)
        .from(evidence::Entity)
        .and_where(evidence::Column::Organisation.eq(organisation))
        .to_owned()
}

/// Who sees the whole province also sees the cases of those who live elsewhere.
fn sees_all(caller: &Caller) -> bool {
    caller.sees(DivisionCode::GUIZHOU)
}
