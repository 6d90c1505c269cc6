//! Identities: resident numbers, unified social credit codes, and the names of persons.
//!
//! Every type here prints `***`; the text is reached by `expose()` only, and the errors never
//! repeat it.

mod credit_code;
mod person_name;
mod resident_number;
mod resident_number_error;

pub use credit_code::{CreditCode, CreditCodeError, OrganisationKind};
pub use person_name::{PersonName, PersonNameError};
pub use resident_number::{NumberKind, ResidentNumber, Sex};
pub use resident_number_error::ResidentNumberError;

/// Takes blanks away everywhere, and makes full-width letters and digits and small letters the
/// plain capital ones: what people type, and spreadsheets hold, for the same number.
fn normalise(input: &str) -> zeroize::Zeroizing<String> {
    // Never longer than the input, so no copy is left behind by a reallocation.
    let mut text = zeroize::Zeroizing::new(String::with_capacity(input.len()));
    text.extend(
        input
            .chars()
            .filter(|character| !character.is_whitespace())
            .map(half_width)
            .map(|character| character.to_ascii_uppercase()),
    );
    text
}

/// U+FF01–U+FF5E are the ASCII characters at full width, in the same order.
fn half_width(character: char) -> char {
    const FULL_WIDTH: u32 = 0xFEE0;
    match character {
        '！'..='～' => char::from_u32(u32::from(character) - FULL_WIDTH).unwrap_or(character),
        _ => character,
    }
}

#[cfg(test)]
mod tests;
