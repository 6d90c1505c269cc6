//! Ages in full years.

use jiff::civil::Date;

/// The age in full years on `day`, negative before the birth.
///
/// A full year is reached *on* the birthday, so a person comes of age on the eighteenth (民法典
/// Art. 17). Whoever was born on 29 February has the birthday on 1 March in other years.
pub fn age_on(birth: Date, day: Date) -> i16 {
    let years = day.year() - birth.year();
    if (day.month(), day.day()) < (birth.month(), birth.day()) {
        years - 1
    } else {
        years
    }
}

/// The day on which somebody born on `birth` reaches `age` full years.
///
/// The inverse of [`age_on`]: the first day on which that age is reached; years past 9999 end at
/// the calendar's last day.
pub fn birthday(birth: Date, age: i16) -> Date {
    let year = birth.year().saturating_add(age);
    Date::new(year, birth.month(), birth.day())
        .or_else(|_| Date::new(year, 3, 1))
        .unwrap_or(Date::MAX)
}
