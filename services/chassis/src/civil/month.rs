//! A calendar month, the unit in which entitlements run and are paid.

use std::{fmt, str::FromStr};

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{CivilError, digits, valid_year};

/// A month of the years 0001–9999, written `YYYY-MM`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: i16,
    month: i8,
}

impl Month {
    /// The first month that can be written.
    pub const MIN: Month = Month { year: 1, month: 1 };
    /// The last month that can be written.
    pub const MAX: Month = Month {
        year: 9999,
        month: 12,
    };

    /// A month by its year (1–9999) and number (1–12).
    pub fn new(year: i16, month: i8) -> Result<Self, CivilError> {
        let year = valid_year(year)?;
        if !(1..=12).contains(&month) {
            return Err(CivilError::Month);
        }
        Ok(Self { year, month })
    }

    /// The month in which a day falls; days outside the years 1–9999 are in the nearest month.
    pub fn of(date: Date) -> Self {
        if date.year() < 1 {
            return Self::MIN;
        }
        Self {
            year: date.year(),
            month: date.month(),
        }
    }

    /// The year, 1–9999.
    pub fn year(self) -> i16 {
        self.year
    }

    /// The number of the month, 1–12.
    pub fn month(self) -> i8 {
        self.month
    }

    /// The month after this one; [`Month::MAX`] is its own successor.
    #[must_use]
    pub fn next(self) -> Self {
        self.plus(1)
    }

    /// The month before this one; [`Month::MIN`] is its own predecessor.
    #[must_use]
    pub fn previous(self) -> Self {
        self.plus(-1)
    }

    /// The month `months` later (earlier when negative), kept within [`Month::MIN`]–[`Month::MAX`].
    #[must_use]
    pub fn plus(self, months: i32) -> Self {
        let index = self.index().saturating_add(months);
        let index = index.clamp(Self::MIN.index(), Self::MAX.index());
        // The clamp keeps the year within 1–9999 and the remainder within 0–11.
        Self {
            year: index.div_euclid(12) as i16,
            month: index.rem_euclid(12) as i8 + 1,
        }
    }

    /// How many months `later` lies after this one; negative when it lies before.
    pub fn months_until(self, later: Self) -> i32 {
        later.index() - self.index()
    }

    /// Every month from this one to `last`, both included; none when `last` lies before.
    pub fn through(self, last: Self) -> impl Iterator<Item = Month> {
        (0..=self.months_until(last)).map(move |offset| self.plus(offset))
    }

    /// The first day.
    pub fn first_day(self) -> Date {
        // Valid by construction of the month; the fallback cannot be reached.
        Date::new(self.year, self.month, 1).unwrap_or(Date::MIN)
    }

    /// The last day.
    pub fn last_day(self) -> Date {
        self.first_day().last_of_month()
    }

    /// Whether the day falls in this month.
    pub fn contains(self, date: Date) -> bool {
        date.year() == self.year && date.month() == self.month
    }

    fn index(self) -> i32 {
        i32::from(self.year) * 12 + i32::from(self.month) - 1
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// `YYYY-MM`: `None` when the text has another shape.
pub(super) fn parse_month(text: &str) -> Option<Result<Month, CivilError>> {
    let (year, month) = text.split_at_checked(4)?;
    let month = month.strip_prefix('-').filter(|rest| rest.len() == 2)?;
    // Four and two digits always fit.
    Some(Month::new(digits(year)? as i16, digits(month)? as i8))
}

impl FromStr for Month {
    type Err = CivilError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_month(text).unwrap_or(Err(CivilError::MonthText))
    }
}

impl Serialize for Month {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Month {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}
