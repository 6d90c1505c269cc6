//! A date of which the day, the month or everything may be unknown.

use std::{fmt, str::FromStr};

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{CivilError, Month, digits, month::parse_month, parse_day, valid_year};

/// How much of a date is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// Year, month and day.
    Day,
    /// Year and month.
    Month,
    /// The year only.
    Year,
    /// Nothing.
    Unknown,
}

/// A civil date in Asia/Shanghai that may lack its day, its month or its year.
///
/// Written `2026-03-04`, `2026-03`, `2026` or `unknown`, in text and in serde alike. It has no
/// order: of `2026-03` and `2026-03-04` neither comes first. Compare with [`PartialDate::compatible`],
/// or sort by [`PartialDate::earliest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PartialDate(Known);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Known {
    Day(Date),
    Month(Month),
    Year(i16),
    Nothing,
}

impl PartialDate {
    /// A date of which nothing is known.
    pub const UNKNOWN: PartialDate = PartialDate(Known::Nothing);

    /// A full date.
    ///
    /// Errors: the year is not one of 1–9999.
    pub fn of_day(date: Date) -> Result<Self, CivilError> {
        valid_year(date.year())?;
        Ok(Self(Known::Day(date)))
    }

    /// A full date by its parts.
    ///
    /// Errors: no such year, month or day.
    pub fn ymd(year: i16, month: i8, day: i8) -> Result<Self, CivilError> {
        let month = Month::new(year, month)?;
        let date = Date::new(month.year(), month.month(), day).map_err(|_| CivilError::Day)?;
        Ok(Self(Known::Day(date)))
    }

    /// A date of which only year and month are known.
    pub fn of_month(month: Month) -> Self {
        Self(Known::Month(month))
    }

    /// A date of which only the year is known.
    ///
    /// Errors: the year is not one of 1–9999.
    pub fn of_year(year: i16) -> Result<Self, CivilError> {
        valid_year(year).map(|year| Self(Known::Year(year)))
    }

    /// How much is known.
    pub fn precision(self) -> Precision {
        match self.0 {
            Known::Day(_) => Precision::Day,
            Known::Month(_) => Precision::Month,
            Known::Year(_) => Precision::Year,
            Known::Nothing => Precision::Unknown,
        }
    }

    /// The full date, when it is known to the day.
    pub fn day(self) -> Option<Date> {
        match self.0 {
            Known::Day(date) => Some(date),
            Known::Month(_) | Known::Year(_) | Known::Nothing => None,
        }
    }

    /// The month, when it is known.
    pub fn month(self) -> Option<Month> {
        match self.0 {
            Known::Day(date) => Some(Month::of(date)),
            Known::Month(month) => Some(month),
            Known::Year(_) | Known::Nothing => None,
        }
    }

    /// The year, when it is known.
    pub fn year(self) -> Option<i16> {
        match self.0 {
            Known::Day(date) => Some(date.year()),
            Known::Month(month) => Some(month.year()),
            Known::Year(year) => Some(year),
            Known::Nothing => None,
        }
    }

    /// The first day it can be; `None` when nothing is known.
    pub fn earliest(self) -> Option<Date> {
        match self.0 {
            Known::Day(date) => Some(date),
            Known::Month(month) => Some(month.first_day()),
            Known::Year(year) => Date::new(year, 1, 1).ok(),
            Known::Nothing => None,
        }
    }

    /// The last day it can be; `None` when nothing is known.
    pub fn latest(self) -> Option<Date> {
        match self.0 {
            Known::Day(date) => Some(date),
            Known::Month(month) => Some(month.last_day()),
            Known::Year(year) => Date::new(year, 12, 31).ok(),
            Known::Nothing => None,
        }
    }

    /// Whether every day `finer` can be is one this date can be: an equal or coarser date that
    /// contains it.
    pub fn contains(self, finer: Self) -> bool {
        match self.0 {
            Known::Nothing => true,
            Known::Year(year) => finer.year() == Some(year),
            Known::Month(month) => finer.month() == Some(month),
            Known::Day(date) => finer.day() == Some(date),
        }
    }

    /// Whether two reports of one date corroborate each other: the coarser contains the finer.
    /// Another month, or another day at equal precision, conflicts.
    pub fn compatible(self, other: Self) -> bool {
        self.contains(other) || other.contains(self)
    }

    /// The finer of two dates that corroborate each other; `None` when they conflict.
    pub fn finer(self, other: Self) -> Option<Self> {
        if self.contains(other) {
            return Some(other);
        }
        other.contains(self).then_some(self)
    }
}

impl From<Month> for PartialDate {
    fn from(month: Month) -> Self {
        Self::of_month(month)
    }
}

impl TryFrom<Date> for PartialDate {
    type Error = CivilError;

    fn try_from(date: Date) -> Result<Self, Self::Error> {
        Self::of_day(date)
    }
}

impl fmt::Display for PartialDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Known::Day(date) => write!(f, "{date}"),
            Known::Month(month) => write!(f, "{month}"),
            Known::Year(year) => write!(f, "{year:04}"),
            Known::Nothing => f.write_str("unknown"),
        }
    }
}

impl FromStr for PartialDate {
    type Err = CivilError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "unknown" {
            return Ok(Self::UNKNOWN);
        }
        let parsed = match text.len() {
            10 => parse_day(text).map(|day| day.and_then(Self::of_day)),
            7 => parse_month(text).map(|month| month.map(Self::of_month)),
            // Four digits always fit.
            4 => digits(text).map(|year| Self::of_year(year as i16)),
            _ => None,
        };
        parsed.unwrap_or(Err(CivilError::DateText))
    }
}

impl Serialize for PartialDate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PartialDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}
