//! Telephone numbers.

use std::fmt;

use minzheng_chassis::crypto::Secret;

use super::errors::FieldProblem;

/// A telephone number: digits, a `+` before them for other countries. It prints `***`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Phone(Secret<String>);

impl Phone {
    /// Reads a number; blanks, hyphens, brackets and China's own +86 are taken away.
    ///
    /// Errors: not 7 to 15 digits (ITU-T E.164 allows 15).
    pub fn parse(input: &str) -> Result<Self, FieldProblem> {
        let plain: Secret<String> = Secret::new(
            input
                .chars()
                .filter(|character| {
                    !character.is_whitespace() && !matches!(character, '-' | '(' | ')')
                })
                .collect(),
        );
        let text = plain.expose();
        let text = text.strip_prefix("+86").unwrap_or(text);
        let digits = text.strip_prefix('+').unwrap_or(text);
        let fits =
            (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        if fits {
            Ok(Self(Secret::new(text.to_owned())))
        } else {
            Err(FieldProblem::Phone)
        }
    }

    /// The number.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_normalised() {
        let rows = [
            ("138 0000 1234", Some("13800001234")),
            ("+86-138-0000-1234", Some("13800001234")),
            ("(0851) 8688-0000", Some("085186880000")),
            ("+44 20 7946 0000", Some("+442079460000")),
            ("12345", None),
            ("1380000123a", None),
            ("", None),
        ];
        for (input, expected) in rows {
            let read = Phone::parse(input).ok();
            assert_eq!(read.as_ref().map(Phone::expose), expected);
            assert!(!format!("{read:?}").contains("1234"));
        }
    }
}
