//! Texts that people and organisations write: reasons, references.

use minzheng_chassis::problem::FieldViolation;

/// Longest source organisation, reference and document number, in characters.
pub const MAX_REFERENCE: usize = 100;

/// Longest reason or note, in characters.
pub const MAX_REASON: usize = 500;

/// So many digits in a row are a telephone or an ID number.
const TELLING_DIGITS: usize = 11;

/// Why a text is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// It is empty.
    #[error("is required")]
    Required,
    /// It is longer than this.
    #[error("must have at most {0} characters")]
    TooLong(usize),
    /// It contains a control character.
    #[error("must not contain control characters")]
    ControlCharacter,
    /// It contains what may be a telephone or an ID number.
    #[error("must not contain personal data")]
    PersonalData,
}

impl TextError {
    /// As a violation of a field.
    pub fn of_field(self, field: &str) -> FieldViolation {
        let (reason, chinese) = match self {
            Self::Required => ("REQUIRED", "必填".to_owned()),
            Self::TooLong(most) => ("TOO_LONG", format!("不能超过{most}个字符")),
            Self::ControlCharacter => ("CONTROL_CHARACTER", "不能含有控制字符".to_owned()),
            Self::PersonalData => ("PERSONAL_DATA_IN_TEXT", "不能填写电话或证件号码".to_owned()),
        };
        FieldViolation {
            field: field.to_owned(),
            reason,
            message: self.to_string(),
            chinese,
        }
    }
}

/// A name or number given by an organisation.
///
/// # Errors
/// Empty, too long, or with control characters.
pub fn short_text(text: &str, most: usize) -> Result<String, TextError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(TextError::Required);
    }
    if text.chars().any(char::is_control) {
        return Err(TextError::ControlCharacter);
    }
    if text.chars().count() > most {
        return Err(TextError::TooLong(most));
    }
    Ok(text.to_owned())
}

/// A reason or note that is kept in audit records and must therefore name nobody.
///
/// # Errors
/// As [`short_text`], or eleven digits in a row.
pub fn free_text(text: &str) -> Result<String, TextError> {
    let text = short_text(text, MAX_REASON)?;
    if longest_run_of_digits(&text) >= TELLING_DIGITS {
        return Err(TextError::PersonalData);
    }
    Ok(text)
}

/// Blanks do not end a run: numbers are written in groups.
fn longest_run_of_digits(text: &str) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for character in text.chars().filter(|character| !character.is_whitespace()) {
        run = if character.is_numeric() { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_names_nobody() {
        let rows = [
            (" 核对户口底册 ", Ok("核对户口底册")),
            ("", Err(TextError::Required)),
            ("来电 138 0000 0000", Err(TextError::PersonalData)),
            ("2026-07-01 第12号", Ok("2026-07-01 第12号")),
            ("一\u{7}", Err(TextError::ControlCharacter)),
        ];
        for (text, expected) in rows {
            assert_eq!(free_text(text).as_deref().map_err(|error| *error), expected);
        }
        assert_eq!(free_text(&"长".repeat(501)), Err(TextError::TooLong(500)));
    }
}
