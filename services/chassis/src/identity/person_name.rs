//! Names of persons, as in the register: any character of GB 18030-2022.

use std::fmt;

use crate::crypto::Secret;

/// Longest name, counted as characters.
const MAX_CHARACTERS: usize = 50;
/// The separator of names of several parts: 买买提·吐尔逊.
const SEPARATOR: char = '·';

/// The first rule that a text breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PersonNameError {
    /// Nothing is left when blanks are taken away.
    #[error("the name is empty")]
    Empty,
    /// It has more than 50 characters.
    #[error("the name has more than 50 characters")]
    TooLong,
    /// It contains a control character or an invisible mark.
    #[error("the name contains control characters")]
    ControlCharacter,
    /// The separator stands at an end, or twice in a row.
    #[error("the separator does not stand between two parts of the name")]
    Separator,
}

impl PersonNameError {
    /// A stable reason for machines.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Empty => "NAME_EMPTY",
            Self::TooLong => "NAME_TOO_LONG",
            Self::ControlCharacter => "NAME_CONTROL_CHARACTER",
            Self::Separator => "NAME_SEPARATOR",
        }
    }

    /// The same for people, in Chinese.
    pub fn chinese(&self) -> &'static str {
        match self {
            Self::Empty => "姓名不能为空",
            Self::TooLong => "姓名不能超过50个字",
            Self::ControlCharacter => "姓名中含有控制字符",
            Self::Separator => "姓名中的间隔号应在两部分之间",
        }
    }
}

/// A person's name of 1–50 characters. It prints `***`.
///
/// Look-alikes of the separator become `·` (U+00B7), blanks around the name and the separator go,
/// and several blanks within count as one, so that equal names are equal.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PersonName(Secret<String>);

impl PersonName {
    /// Reads a name.
    pub fn parse(input: &str) -> Result<Self, PersonNameError> {
        let input = input.trim();
        if input.is_empty() {
            return Err(PersonNameError::Empty);
        }
        if input.chars().any(is_invisible) {
            return Err(PersonNameError::ControlCharacter);
        }
        let name = Secret::new(normalise(input));
        let text = name.expose();
        if text.split(SEPARATOR).any(str::is_empty) {
            return Err(PersonNameError::Separator);
        }
        if text.chars().count() > MAX_CHARACTERS {
            return Err(PersonNameError::TooLong);
        }
        Ok(Self(name))
    }

    /// The name.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

fn normalise(input: &str) -> String {
    // Never longer in characters; the separator has two bytes, its look-alikes two or three.
    let mut name = String::with_capacity(input.len());
    let mut blank_before = false;
    for character in input.chars().map(separator) {
        if character.is_whitespace() {
            blank_before = true;
            continue;
        }
        let beside_separator = character == SEPARATOR || name.ends_with(SEPARATOR);
        if blank_before && !beside_separator {
            name.push(' ');
        }
        blank_before = false;
        name.push(character);
    }
    name
}

/// The separator for the characters that input methods and old systems write in its place.
fn separator(character: char) -> char {
    match character {
        '•' | '‧' | '∙' | '⋅' | '・' | '･' => SEPARATOR,
        other => other,
    }
}

/// Control characters, and the marks nobody sees: zero-width characters and direction marks, by
/// which two names that look alike would differ.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
                | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFD}'
        )
}
