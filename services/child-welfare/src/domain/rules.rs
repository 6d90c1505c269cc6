//! The numbers that the rules need, and the moment at which they are applied.

use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date};
use minzheng_chassis::civil;

/// Full years at which a child comes of age (民法典 Art. 17).
pub const ADULT_AGE: i16 = 18;

/// Numbers that differ by place or change by year; read from rule rows by the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Months from which imprisonment, compulsory rehabilitation, another restriction of liberty or
    /// being out of contact counts (民发〔2019〕62号, 民发〔2020〕125号).
    pub separation_months: i32,
    /// Hours within which a child left alone is visited.
    pub visit_hours: i64,
    /// Days within which the month of a beginning is determined by a person.
    pub month_days: i64,
}

/// When something is decided, and by which rules.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// The instant.
    pub now: Timestamp,
    /// The numbers in force at that instant.
    pub rules: Rules,
}

impl Moment {
    /// The civil date in Asia/Shanghai.
    pub fn today(&self) -> Date {
        civil::today(self.now)
    }

    /// When a visit that is asked for now is due.
    pub(super) fn visit_due(&self) -> Timestamp {
        self.after_hours(self.rules.visit_hours)
    }

    /// When a month that is asked for now is due.
    pub(super) fn month_due(&self) -> Timestamp {
        self.after_hours(self.rules.month_days.saturating_mul(24))
    }

    fn after_hours(&self, hours: i64) -> Timestamp {
        // A rule row with an absurd number ends at the calendar's last instant.
        let duration = SignedDuration::from_secs(hours.saturating_mul(3600));
        self.now.checked_add(duration).unwrap_or(Timestamp::MAX)
    }
}

impl Rules {
    /// The day on which something that began on `since` has lasted long enough to count.
    pub(super) fn counts_from(&self, since: Date) -> Date {
        since
            .checked_add(self.separation_months.months())
            .unwrap_or(Date::MAX)
    }
}
