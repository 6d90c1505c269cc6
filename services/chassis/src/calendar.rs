//! The State Council's working calendar, and the legal periods counted by it.
//!
//! The calendar of a year is published late in the year before. Years that are not covered count
//! weekends only, and every date that rests on such a year is [`Deadline::provisional`].

use std::{collections::BTreeSet, sync::OnceLock};

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, Weekday},
};

use crate::civil::instant_at_start_of;

const PUBLISHED: &str = include_str!("../data/working_calendar.csv");

/// A date computed by the working calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Deadline {
    /// The last day.
    pub date: Date,
    /// Whether a year the calendar does not cover had a part in it: holidays may still move it.
    pub provisional: bool,
}

impl Deadline {
    /// The end of the last day: the first instant at which it is over.
    pub fn over_at(self) -> Timestamp {
        instant_at_start_of(self.date.saturating_add(1.day()))
    }
}

/// What the calendar knows of a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Coverage {
    /// The State Council has published its days off and make-up workdays.
    Published,
    /// Nothing is published: only Saturdays and Sundays are days off.
    WeekendsOnly,
}

/// Why a calendar cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CalendarError {
    /// A line is not `date,kind,festival` with a known kind.
    #[error("line {line} of the working calendar is not date,kind,festival")]
    Line {
        /// The number of the line, from 1.
        line: usize,
    },
}

/// Days off and make-up workdays, as the State Council published them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkingCalendar {
    days_off: BTreeSet<Date>,
    make_up_workdays: BTreeSet<Date>,
    years: BTreeSet<i16>,
}

impl WorkingCalendar {
    /// The calendar shipped with the platform.
    pub fn shipped() -> &'static Self {
        static SHIPPED: OnceLock<WorkingCalendar> = OnceLock::new();
        // The file is part of the binary and a test parses it, so this cannot fail in the field;
        // a silent fallback would move deadlines.
        SHIPPED.get_or_init(|| Self::from_csv(PUBLISHED).expect("the embedded calendar parses"))
    }

    /// Reads `date,kind,festival` lines under a heading; the kind is `day_off` or
    /// `make_up_workday`. A year is covered once it has a line.
    pub fn from_csv(text: &str) -> Result<Self, CalendarError> {
        let mut calendar = Self::default();
        for (index, line) in text.lines().enumerate().skip(1) {
            let bad_line = CalendarError::Line { line: index + 1 };
            let mut cells = line.split(',');
            let (Some(date), Some(kind)) = (cells.next(), cells.next()) else {
                return Err(bad_line);
            };
            let Ok(date) = date.parse::<Date>() else {
                return Err(bad_line);
            };
            match kind {
                "day_off" => calendar.days_off.insert(date),
                "make_up_workday" => calendar.make_up_workdays.insert(date),
                _ => return Err(bad_line),
            };
            calendar.years.insert(date.year());
        }
        Ok(calendar)
    }

    /// What is known of a year.
    pub fn covers(&self, year: i16) -> Coverage {
        if self.years.contains(&year) {
            Coverage::Published
        } else {
            Coverage::WeekendsOnly
        }
    }

    /// Whether work is done on a day: weekdays but for days off, and make-up Saturdays and Sundays.
    /// In a year that is not covered ([`WorkingCalendar::covers`]) it is every weekday.
    pub fn is_working_day(&self, date: Date) -> bool {
        if self.make_up_workdays.contains(&date) {
            return true;
        }
        let weekend = matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday);
        !weekend && !self.days_off.contains(&date)
    }

    /// The day itself when work is done on it, else the next working day (民法典 Art. 203).
    pub fn next_working_day(&self, date: Date) -> Deadline {
        let mut walk = Walk::from(self, date);
        while !self.is_working_day(walk.date) && walk.step() {}
        walk.deadline()
    }

    /// The last of `days` working days; the starting day is not counted (民法典 Art. 201).
    ///
    /// Zero days end on the starting day. A period past the year 9999 ends with it, provisionally.
    pub fn add_working_days(&self, start: Date, days: u32) -> Deadline {
        let mut walk = Walk::from(self, start);
        let mut left = days;
        while left > 0 && walk.step() {
            if self.is_working_day(walk.date) {
                left -= 1;
            }
        }
        walk.deadline()
    }

    /// The last day of a legal period of calendar days: the starting day is not counted (民法典
    /// Art. 201), and a last day on a day off moves to the next working day (Art. 203).
    pub fn legal_deadline(&self, start: Date, days: u32) -> Deadline {
        self.next_working_day(start.saturating_add(i64::from(days).days()))
    }

    /// The last day of a legal period of months: the day of the month that corresponds to the
    /// starting day, the month's last day where there is none (民法典 Art. 202), moved to the next
    /// working day (Art. 203).
    pub fn legal_deadline_months(&self, start: Date, months: u16) -> Deadline {
        self.next_working_day(start.saturating_add(i64::from(months).months()))
    }
}

/// A walk over days that remembers whether it met a year nobody has published.
struct Walk<'a> {
    calendar: &'a WorkingCalendar,
    date: Date,
    provisional: bool,
}

impl<'a> Walk<'a> {
    fn from(calendar: &'a WorkingCalendar, date: Date) -> Self {
        let mut walk = Self {
            calendar,
            date,
            provisional: false,
        };
        walk.look();
        walk
    }

    /// Goes on by a day; false at the end of the calendar.
    fn step(&mut self) -> bool {
        match self.date.tomorrow() {
            Ok(date) => self.date = date,
            Err(_) => return false,
        }
        self.look();
        true
    }

    fn look(&mut self) {
        self.provisional |= self.calendar.covers(self.date.year()) == Coverage::WeekendsOnly;
    }

    fn deadline(self) -> Deadline {
        Deadline {
            date: self.date,
            provisional: self.provisional,
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn firm(date: Date) -> Deadline {
        Deadline {
            date,
            provisional: false,
        }
    }

    #[test]
    fn the_embedded_calendar_is_whole() {
        let parsed = WorkingCalendar::from_csv(PUBLISHED).unwrap();
        assert_eq!(&parsed, WorkingCalendar::shipped());
        assert_eq!(parsed.days_off.len(), 471);
        assert_eq!(parsed.make_up_workdays.len(), 112);
        for year in 2010..=2026 {
            assert_eq!(parsed.covers(year), Coverage::Published);
        }
        assert_eq!(parsed.covers(2009), Coverage::WeekendsOnly);
        assert_eq!(parsed.covers(2027), Coverage::WeekendsOnly);
    }

    #[test]
    fn working_days_of_2026() {
        let cases = [
            (date(2026, 2, 13), true),  // Friday
            (date(2026, 2, 14), true),  // Saturday, make-up workday
            (date(2026, 2, 16), false), // Monday, Spring Festival
            (date(2026, 2, 28), true),  // Saturday, make-up workday
            (date(2026, 3, 7), false),  // Saturday
            (date(2026, 9, 20), true),  // Sunday, make-up workday
            (date(2026, 10, 1), false), // National Day
        ];
        for (day, working) in cases {
            assert_eq!(
                WorkingCalendar::shipped().is_working_day(day),
                working,
                "{day}"
            );
        }
    }

    #[test]
    fn working_days_are_added_without_the_first() {
        let cases = [
            (date(2026, 3, 4), 0, date(2026, 3, 4)),
            (date(2026, 3, 4), 1, date(2026, 3, 5)),
            (date(2026, 3, 6), 1, date(2026, 3, 9)), // over a weekend
            (date(2026, 2, 13), 1, date(2026, 2, 14)), // the make-up Saturday counts
            (date(2026, 2, 14), 1, date(2026, 2, 24)), // over Spring Festival
            (date(2026, 9, 24), 15, date(2026, 10, 22)),
        ];
        for (start, days, last) in cases {
            let deadline = WorkingCalendar::shipped().add_working_days(start, days);
            assert_eq!(deadline, firm(last), "{start} + {days}");
        }
    }

    #[test]
    fn legal_periods_end_on_a_working_day() {
        let cases = [
            (date(2026, 3, 4), 5, date(2026, 3, 9)),
            (date(2026, 3, 4), 3, date(2026, 3, 9)), // 7 March is a Saturday
            (date(2026, 2, 13), 1, date(2026, 2, 14)), // a make-up Saturday stays
            (date(2026, 2, 13), 3, date(2026, 2, 24)), // into Spring Festival
            (date(2026, 9, 1), 30, date(2026, 10, 8)), // 1 October
        ];
        for (start, days, last) in cases {
            let deadline = WorkingCalendar::shipped().legal_deadline(start, days);
            assert_eq!(deadline, firm(last), "{start} + {days}");
        }
    }

    #[test]
    fn periods_of_months_end_on_the_corresponding_day() {
        let calendar = WorkingCalendar::shipped();
        let half_year = calendar.legal_deadline_months(date(2026, 2, 5), 6);
        assert_eq!(half_year, firm(date(2026, 8, 5)));
        // No 31 June: the month's last day.
        let to_june = calendar.legal_deadline_months(date(2025, 12, 31), 6);
        assert_eq!(to_june, firm(date(2026, 6, 30)));
        // 28 February 2026 is a make-up Saturday.
        let to_february = calendar.legal_deadline_months(date(2026, 1, 31), 1);
        assert_eq!(to_february, firm(date(2026, 2, 28)));
    }

    #[test]
    fn unpublished_years_are_provisional() {
        let calendar = WorkingCalendar::shipped();
        let deadline = calendar.add_working_days(date(2026, 12, 31), 1);
        assert_eq!(deadline.date, date(2027, 1, 1));
        assert!(deadline.provisional);
        assert!(calendar.legal_deadline(date(2026, 12, 20), 30).provisional);
        assert!(!calendar.legal_deadline(date(2026, 12, 1), 30).provisional);
        let end = calendar.add_working_days(date(9999, 12, 30), 100);
        assert_eq!(
            end,
            Deadline {
                date: Date::MAX,
                provisional: true
            }
        );
    }

    #[test]
    fn bad_lines_are_named() {
        let text = "date,kind,festival\n2026-01-01,day_off,x\n2026-01-02,holiday,x\n";
        assert_eq!(
            WorkingCalendar::from_csv(text),
            Err(CalendarError::Line { line: 3 })
        );
        assert!(WorkingCalendar::from_csv("h\n2026-13-01,day_off,x").is_err());
        assert!(WorkingCalendar::from_csv("h\n2026-01-01").is_err());
    }

    proptest! {
        #[test]
        fn exactly_so_many_working_days_lie_within(offset in 0i64..5800, days in 1u32..60) {
            let calendar = WorkingCalendar::shipped();
            let start = date(2010, 1, 1).saturating_add(offset.days());
            let last = calendar.add_working_days(start, days).date;
            let mut counted = 0;
            let mut day = start;
            while day < last {
                day = day.tomorrow().unwrap();
                counted += u32::from(calendar.is_working_day(day));
            }
            prop_assert_eq!(counted, days);
            prop_assert!(calendar.is_working_day(last));
        }

        #[test]
        fn legal_deadlines_never_come_early(offset in 0i64..5800, days in 0u32..400) {
            let calendar = WorkingCalendar::shipped();
            let start = date(2010, 1, 1).saturating_add(offset.days());
            let plain = start.saturating_add(i64::from(days).days());
            let last = calendar.legal_deadline(start, days).date;
            prop_assert!(last >= plain && calendar.is_working_day(last));
            prop_assert!(last <= plain.saturating_add(10.days()));
        }
    }
}
