//! When those of a story died, seen from the day on which it is told.

use jiff::ToSpan;
use jiff::civil::Date;

/// The dates of the deaths.
#[derive(Clone, Copy, Debug)]
pub(super) struct Days {
    /// The father's.
    pub(super) father: Date,
    /// The mother's, as reported first.
    pub(super) mother: Date,
    /// The mother's, as corrected: a month later, so that the children's month is another one on
    /// whatever day the story is told. Thirty days may stay in a month of 31.
    pub(super) corrected: Date,
    /// The grandmother's.
    pub(super) grandmother: Date,
}

impl Days {
    /// Of a story told on that day.
    pub(super) fn before(today: Date) -> Self {
        let mother = today.saturating_sub(65.days());
        Self {
            father: today.saturating_sub(100.days()),
            mother,
            corrected: mother.saturating_add(1.month()),
            grandmother: today.saturating_sub(1.day()),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use minzheng_chassis::civil::Month;

    use super::*;

    /// A leap year is among them.
    #[test]
    fn on_every_day_the_correction_is_another_month_between_the_other_deaths() {
        let first = date(2027, 1, 1);
        let days_of_two_years = 365 + 366;
        for today in first.series(1.day()).take(days_of_two_years) {
            let days = Days::before(today);
            assert!(days.father < days.mother, "{today}: {days:?}");
            assert!(days.mother < days.corrected, "{today}: {days:?}");
            assert!(days.corrected < days.grandmother, "{today}: {days:?}");
            assert!(days.grandmother < today, "{today}: {days:?}");
            let (reported, corrected) = (Month::of(days.mother), Month::of(days.corrected));
            assert_eq!(reported.next(), corrected, "{today}: {days:?}");
            assert!(corrected.next() <= Month::of(today), "{today}: {days:?}");
        }
    }
}
