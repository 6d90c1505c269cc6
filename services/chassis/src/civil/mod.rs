//! Civil time of the platform: dates in Asia/Shanghai, dates that lack their day or month,
//! months, ages, and the instants the databases hold.
//!
//! Nothing here reads a clock: callers pass the instant they act at.

mod age;
mod month;
mod partial;
mod shanghai;

pub use age::{age_on, birthday};
pub use month::Month;
pub use partial::{PartialDate, Precision};
pub use shanghai::{SHANGHAI, from_micros, instant_at_start_of, micros, today};

/// Why a text or a number is no civil date, month or instant.
///
/// The messages never repeat the input: a date of birth is personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CivilError {
    /// The year is not one of 0001–9999.
    #[error("the year is not between 0001 and 9999")]
    Year,
    /// The month is not one of 01–12.
    #[error("the month is not between 01 and 12")]
    Month,
    /// The calendar has no such day.
    #[error("the calendar has no such day")]
    Day,
    /// The text is neither `YYYY-MM-DD`, `YYYY-MM`, `YYYY` nor `unknown`.
    #[error("a date is written YYYY-MM-DD, YYYY-MM, YYYY or unknown")]
    DateText,
    /// The text is not `YYYY-MM`.
    #[error("a month is written YYYY-MM")]
    MonthText,
    /// The number of microseconds is outside the years an instant can have.
    #[error("the instant is out of range")]
    Instant,
}

/// Years that four digits can write.
pub(crate) fn valid_year(year: i16) -> Result<i16, CivilError> {
    if (1..=9999).contains(&year) {
        Ok(year)
    } else {
        Err(CivilError::Year)
    }
}

/// A number of exactly `text.len()` ASCII digits; `None` for signs, blanks and other digits.
pub(crate) fn digits(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// `YYYY-MM-DD` written with exactly ten characters.
pub(crate) fn parse_day(text: &str) -> Option<Result<jiff::civil::Date, CivilError>> {
    let (month_text, day_text) = text.split_at_checked(7)?;
    let day = digits(day_text.strip_prefix('-').filter(|rest| rest.len() == 2)?)?;
    let month = match month::parse_month(month_text)? {
        Ok(month) => month,
        Err(error) => return Some(Err(error)),
    };
    let first = month.first_day();
    // Two digits always fit an i8.
    Some(
        jiff::civil::Date::new(first.year(), first.month(), day as i8).map_err(|_| CivilError::Day),
    )
}

#[cfg(test)]
mod tests;
