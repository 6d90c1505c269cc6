//! Texts and instants of columns, read back into what they stand for.

use std::fmt::Display;
use std::str::FromStr;

use jiff::Timestamp;
use minzheng_chassis::civil::from_micros;
use minzheng_chassis::seam::Failure;

/// A named value.
///
/// # Errors
/// This program knows no such name: a newer one wrote it.
pub(super) fn named<T>(
    column: &str,
    text: &str,
    from_name: impl Fn(&str) -> Option<T>,
) -> Result<T, Failure> {
    from_name(text).ok_or_else(|| Failure::internal(format!("column {column}: unknown {text}")))
}

/// A text that is parsed.
///
/// # Errors
/// It cannot be.
pub(super) fn parsed<T>(column: &str, text: &str) -> Result<T, Failure>
where
    T: FromStr,
    T::Err: Display,
{
    text.parse()
        .map_err(|error| Failure::internal(format!("column {column}: {error}")))
}

/// A text that may be absent, parsed.
///
/// # Errors
/// It cannot be.
pub(super) fn parsed_opt<T>(column: &str, text: Option<&String>) -> Result<Option<T>, Failure>
where
    T: FromStr,
    T::Err: Display,
{
    text.map(|text| parsed(column, text)).transpose()
}

/// An instant.
///
/// # Errors
/// It is none.
pub(super) fn instant(micros: i64) -> Result<Timestamp, Failure> {
    from_micros(micros).map_err(Failure::internal)
}

/// An instant that may be absent.
///
/// # Errors
/// It is none.
pub(super) fn instant_opt(micros: Option<i64>) -> Result<Option<Timestamp>, Failure> {
    micros.map(instant).transpose()
}

/// A text for a column that may be absent.
pub(super) fn text<T: Display>(value: Option<T>) -> Option<String> {
    value.map(|value| value.to_string())
}
