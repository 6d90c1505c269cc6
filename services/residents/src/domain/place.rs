//! Where a person or a household may stand.

use minzheng_chassis::division::{DivisionCode, Divisions, Level};

use super::errors::FieldProblem;

/// A division for domicile, residence, a household or a reporter.
///
/// Counties act, so a county at least. In Guizhou it must be in force; of other provinces only
/// the form of the code is known.
///
/// Errors: empty, malformed, unknown, or coarser than a county.
pub fn place(code: &str) -> Result<DivisionCode, FieldProblem> {
    let code = code.trim();
    if code.is_empty() {
        return Err(FieldProblem::Required);
    }
    let code: DivisionCode = code.parse()?;
    if code.level() < Level::County {
        return Err(FieldProblem::DivisionTooCoarse);
    }
    if DivisionCode::GUIZHOU.contains(code) && !Divisions::guizhou().exists(code) {
        return Err(FieldProblem::DivisionUnknown);
    }
    Ok(code)
}

/// Like [`place`], for a field that may be empty.
pub fn place_if_given(code: &str) -> Result<Option<DivisionCode>, FieldProblem> {
    if code.trim().is_empty() {
        return Ok(None);
    }
    place(code).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_county_or_finer() {
        let rows = [
            ("520102000000", Ok(520_102_000_000)),
            ("520102", Ok(520_102_000_000)),
            ("510104000000", Ok(510_104_000_000)),
            ("520100000000", Err("DIVISION_TOO_COARSE")),
            ("520522000000", Err("DIVISION_UNKNOWN")),
            ("520199000000", Err("DIVISION_UNKNOWN")),
            ("5201", Err("DIVISION_TOO_COARSE")),
            ("52010", Err("DIVISION_CODE_LENGTH")),
            ("", Err("REQUIRED")),
        ];
        for (code, expected) in rows {
            let read = place(code).map(DivisionCode::number);
            assert_eq!(read.map_err(|problem| problem.reason()), expected, "{code}");
        }
        assert_eq!(place_if_given(" "), Ok(None));
    }
}
