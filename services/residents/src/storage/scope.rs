//! Which records a caller sees.

use minzheng_chassis::authz::Caller;
use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::problem::{Kind, Problem};
use sea_orm::{ColumnTrait, Condition};

/// A record is seen where one of these columns lies in the caller's divisions. Who sees the whole
/// province also sees those who have left it.
pub fn seen_in<C: ColumnTrait>(caller: &Caller, columns: &[C]) -> Condition {
    if sees_all(caller) {
        return Condition::all();
    }
    let scope = caller.scope();
    if scope.is_empty() {
        return nothing();
    }
    let pairs = scope.iter().flat_map(|(first, last)| {
        columns
            .iter()
            .map(move |column| column.between(first.as_str(), last.as_str()))
    });
    pairs.fold(Condition::any(), Condition::add)
}

/// The same rule for a record at hand.
pub fn sees(caller: &Caller, divisions: &[DivisionCode]) -> bool {
    sees_all(caller) || divisions.iter().any(|code| caller.sees(*code))
}

/// # Errors
/// DIVISION_OUT_OF_SCOPE: the caller may record nothing in any of these divisions.
pub fn expect_own(caller: &Caller, divisions: &[DivisionCode]) -> Result<(), Problem> {
    if sees(caller, divisions) {
        return Ok(());
    }
    Err(Problem::new(
        Kind::PermissionDenied,
        "DIVISION_OUT_OF_SCOPE",
        "the division is not the caller's",
        "该行政区划不在您的管辖范围内",
    ))
}

fn sees_all(caller: &Caller) -> bool {
    caller.sees(DivisionCode::GUIZHOU)
}

fn nothing() -> Condition {
    use sea_orm::sea_query::{Expr, ExprTrait};
    Condition::all().add(ExprTrait::eq(Expr::val(1), 0))
}
