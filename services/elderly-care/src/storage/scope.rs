//! Which rows a caller sees: those of facilities in the caller's divisions.

use minzheng_chassis::authz::Caller;
use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::problem::{Kind, Problem};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition};

/// A row is seen where its division lies in the caller's.
pub(super) fn seen_in<C: ColumnTrait>(caller: &Caller, division: C) -> Condition {
    let scope = caller.scope();
    if scope.is_empty() {
        return nothing();
    }
    let subtrees = scope.iter();
    let subtrees = subtrees.map(|(first, last)| division.between(first.as_str(), last.as_str()));
    subtrees.fold(Condition::any(), Condition::add)
}

/// A row whose division lies in this one.
pub(super) fn lies_in<C: ColumnTrait>(column: C, division: DivisionCode) -> Condition {
    let (first, last) = division.bounds();
    Condition::all().add(column.between(first.as_str(), last.as_str()))
}

/// # Errors
/// DIVISION_OUT_OF_SCOPE: the caller may create nothing there.
pub fn expect_own(caller: &Caller, division: DivisionCode) -> Result<(), Problem> {
    if caller.sees(division) {
        return Ok(());
    }
    Err(Problem::new(
        Kind::PermissionDenied,
        "DIVISION_OUT_OF_SCOPE",
        "the division is not the caller's",
        "该行政区划不在您的管辖范围内",
    ))
}

fn nothing() -> Condition {
    Condition::all().add(ExprTrait::eq(Expr::val(1), 0))
}
