//! Texts that people write: reasons, purposes, references.

use super::errors::FieldProblem;

/// A free text that is kept in audit records and must therefore name nobody.
///
/// It cannot be seen whether a word is a name, but eleven digits in a row are a telephone or an
/// ID number.
///
/// Errors: empty, more than `max` characters, control characters, eleven digits in a row.
pub fn free_text(text: &str, max: usize) -> Result<String, FieldProblem> {
    let text = short_text(text, max)?;
    if has_digit_run(&text, 11) {
        return Err(FieldProblem::PersonalData);
    }
    Ok(text)
}

/// A name or number given by an organisation.
///
/// Errors: empty, more than `max` characters, control characters.
pub fn short_text(text: &str, max: usize) -> Result<String, FieldProblem> {
    let text = text.trim();
    if text.is_empty() {
        return Err(FieldProblem::Required);
    }
    if text.chars().any(char::is_control) {
        return Err(FieldProblem::ControlCharacter);
    }
    if text.chars().count() > max {
        return Err(FieldProblem::TooLong(max));
    }
    Ok(text.to_owned())
}

fn has_digit_run(text: &str, length: usize) -> bool {
    let mut run = 0;
    for character in text.chars().filter(|character| !character.is_whitespace()) {
        run = if character.is_numeric() { run + 1 } else { 0 };
        if run >= length {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_text_names_nobody() {
        let rows = [
            (" 核对户口底册 ", Ok("核对户口底册")),
            ("", Err("REQUIRED")),
            (
                "核对身份证 529900 19800101 001X",
                Err("PERSONAL_DATA_IN_TEXT"),
            ),
            ("来电13800000000", Err("PERSONAL_DATA_IN_TEXT")),
            ("2026-07-01 第12号", Ok("2026-07-01 第12号")),
            ("一\u{7}", Err("CONTROL_CHARACTER")),
            (
                "一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一",
                Err("TOO_LONG"),
            ),
        ];
        for (text, expected) in rows {
            let read = free_text(text, 30);
            assert_eq!(read.as_deref().map_err(FieldProblem::reason), expected);
        }
    }
}
