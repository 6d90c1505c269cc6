use jiff::civil::{Date, date};
use proptest::prelude::*;

use super::*;

fn partial(text: &str) -> PartialDate {
    text.parse().unwrap()
}

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

fn any_day() -> impl Strategy<Value = Date> {
    (1i16..=9999, 1i8..=12, 1i8..=31).prop_filter_map("no such day", |(year, month, day)| {
        Date::new(year, month, day).ok()
    })
}

fn any_partial() -> impl Strategy<Value = PartialDate> {
    // Few years and months, so that dates often contain each other.
    let day = (2024i16..=2025, 1i8..=3, 1i8..=3);
    (day, 0u8..4).prop_map(|((year, month, day), precision)| match precision {
        0 => PartialDate::ymd(year, month, day).unwrap(),
        1 => PartialDate::of_month(Month::new(year, month).unwrap()),
        2 => PartialDate::of_year(year).unwrap(),
        _ => PartialDate::UNKNOWN,
    })
}

#[test]
fn texts_of_every_precision() {
    let cases = [
        (
            "2026-03-04",
            Precision::Day,
            Some("2026-03-04"),
            Some("2026-03-04"),
        ),
        (
            "2024-02",
            Precision::Month,
            Some("2024-02-01"),
            Some("2024-02-29"),
        ),
        (
            "1931",
            Precision::Year,
            Some("1931-01-01"),
            Some("1931-12-31"),
        ),
        ("unknown", Precision::Unknown, None, None),
    ];
    for (text, precision, earliest, latest) in cases {
        let parsed = partial(text);
        assert_eq!(parsed.to_string(), text);
        assert_eq!(parsed.precision(), precision);
        assert_eq!(
            parsed.earliest().map(|d| d.to_string()).as_deref(),
            earliest
        );
        assert_eq!(parsed.latest().map(|d| d.to_string()).as_deref(), latest);
        let json = serde_json::to_string(&parsed).unwrap();
        assert_eq!(json, format!("\"{text}\""));
        assert_eq!(serde_json::from_str::<PartialDate>(&json).unwrap(), parsed);
    }
}

#[test]
fn bad_texts_are_refused_with_their_reason() {
    let cases = [
        ("", CivilError::DateText),
        ("Unknown", CivilError::DateText),
        ("2026-3-4", CivilError::DateText),
        ("2026/03/04", CivilError::DateText),
        ("+026-03-04", CivilError::DateText),
        ("2026-03-04 ", CivilError::DateText),
        ("２０２６", CivilError::DateText),
        ("20260304", CivilError::DateText),
        ("2026-02-29", CivilError::Day),
        ("2026-04-00", CivilError::Day),
        ("2026-13-01", CivilError::Month),
        ("2026-00", CivilError::Month),
        ("0000", CivilError::Year),
        ("0000-01-01", CivilError::Year),
    ];
    for (text, error) in cases {
        assert_eq!(text.parse::<PartialDate>(), Err(error), "{text}");
    }
    assert!(serde_json::from_str::<PartialDate>("\"2026-02-30\"").is_err());
    assert_eq!("2026".parse::<Month>(), Err(CivilError::MonthText));
    assert_eq!("2026-13".parse::<Month>(), Err(CivilError::Month));
    assert_eq!(PartialDate::ymd(2025, 2, 29), Err(CivilError::Day));
    assert_eq!(PartialDate::of_year(0), Err(CivilError::Year));
    assert_eq!(PartialDate::of_day(date(-1, 1, 1)), Err(CivilError::Year));
}

#[test]
fn coarser_dates_corroborate_and_others_conflict() {
    let cases = [
        ("2026-03", "2026-03-04", Some("2026-03-04")),
        ("2026", "2026-03-04", Some("2026-03-04")),
        ("2026", "2026-03", Some("2026-03")),
        ("unknown", "2026", Some("2026")),
        ("unknown", "unknown", Some("unknown")),
        ("2026-03-04", "2026-03-04", Some("2026-03-04")),
        ("2026-03-04", "2026-03-05", None),
        ("2026-03", "2026-04", None),
        ("2026-03", "2026-04-01", None),
        ("2025", "2026-01-01", None),
        ("2025", "2026", None),
    ];
    for (left, right, finer) in cases {
        let (left, right) = (partial(left), partial(right));
        let finer = finer.map(partial);
        assert_eq!(left.finer(right), finer, "{left} {right}");
        assert_eq!(right.finer(left), finer, "{right} {left}");
        assert_eq!(left.compatible(right), finer.is_some());
    }
}

#[test]
fn months_count_on() {
    assert_eq!(month("2026-12").next(), month("2027-01"));
    assert_eq!(month("2026-01").previous(), month("2025-12"));
    assert_eq!(month("2026-03").plus(-15), month("2024-12"));
    assert_eq!(Month::MAX.next(), Month::MAX);
    assert_eq!(Month::MIN.previous(), Month::MIN);
    assert_eq!(Month::of(date(2026, 3, 31)), month("2026-03"));
    assert_eq!(month("2024-02").last_day(), date(2024, 2, 29));
    assert!(month("2024-02").contains(date(2024, 2, 29)));
    assert!(!month("2024-02").contains(date(2025, 2, 1)));
    let months: Vec<String> = month("2025-11")
        .through(month("2026-02"))
        .map(|month| month.to_string())
        .collect();
    assert_eq!(months, ["2025-11", "2025-12", "2026-01", "2026-02"]);
    assert_eq!(month("2026-02").through(month("2026-01")).count(), 0);
    assert_eq!(
        serde_json::to_string(&month("2026-02")).unwrap(),
        "\"2026-02\""
    );
}

#[test]
fn ages_are_reached_on_the_birthday() {
    let cases = [
        (date(2008, 3, 4), date(2026, 3, 3), 17),
        (date(2008, 3, 4), date(2026, 3, 4), 18),
        (date(2008, 2, 29), date(2026, 2, 28), 17),
        (date(2008, 2, 29), date(2026, 3, 1), 18),
        (date(2008, 2, 29), date(2024, 2, 29), 16),
        (date(2026, 1, 1), date(2026, 1, 1), 0),
        (date(2026, 1, 1), date(2025, 12, 31), -1),
    ];
    for (birth, day, age) in cases {
        assert_eq!(age_on(birth, day), age, "{birth} {day}");
    }
    assert_eq!(birthday(date(2008, 2, 29), 18), date(2026, 3, 1));
    assert_eq!(birthday(date(1946, 5, 6), 80), date(2026, 5, 6));
}

#[test]
fn the_day_begins_in_shanghai() {
    let before_midnight: jiff::Timestamp = "2026-03-04T15:59:59.999999Z".parse().unwrap();
    let midnight: jiff::Timestamp = "2026-03-04T16:00:00Z".parse().unwrap();
    assert_eq!(today(before_midnight), date(2026, 3, 4));
    assert_eq!(today(midnight), date(2026, 3, 5));
    assert_eq!(instant_at_start_of(date(2026, 3, 5)), midnight);
    assert_eq!(micros(midnight), 1_772_640_000_000_000);
    assert_eq!(from_micros(micros(before_midnight)), Ok(before_midnight));
    assert_eq!(from_micros(i64::MAX), Err(CivilError::Instant));
    assert_eq!(instant_at_start_of(Date::MIN), jiff::Timestamp::MIN);
}

proptest! {
    #[test]
    fn text_round_trips(date in any_partial()) {
        prop_assert_eq!(date.to_string().parse::<PartialDate>(), Ok(date));
    }

    #[test]
    fn any_text_is_parsed_or_refused(text in "\\PC{0,12}") {
        if let Ok(date) = text.parse::<PartialDate>() {
            prop_assert_eq!(date.to_string(), text);
        }
    }

    #[test]
    fn containing_is_a_wider_span(a in any_partial(), b in any_partial()) {
        let spans = |date: PartialDate| (
            date.earliest().unwrap_or(Date::MIN),
            date.latest().unwrap_or(Date::MAX),
        );
        let ((a_first, a_last), (b_first, b_last)) = (spans(a), spans(b));
        prop_assert_eq!(a.contains(b), a_first <= b_first && b_last <= a_last);
        prop_assert_eq!(a.compatible(b), b.compatible(a));
        prop_assert_eq!(a.finer(b).is_some(), a_first <= b_last && b_first <= a_last);
    }

    #[test]
    fn a_day_survives_the_database(day in any_day()) {
        let instant = instant_at_start_of(day);
        prop_assert_eq!(today(from_micros(micros(instant)).unwrap()), day);
    }

    #[test]
    fn birthdays_are_the_first_day_of_an_age(birth in any_day(), age in 0i16..120) {
        let day = birthday(birth, age);
        prop_assume!(day != Date::MAX);
        prop_assert_eq!(age_on(birth, day), age);
        prop_assert_eq!(age_on(birth, day.yesterday().unwrap()), age - 1);
    }

    #[test]
    fn months_add_up(year in 1i16..=9999, number in 1i8..=12, offset in -500i32..500) {
        let start = Month::new(year, number).unwrap();
        let moved = start.plus(offset);
        prop_assume!(moved != Month::MIN && moved != Month::MAX);
        prop_assert_eq!(start.months_until(moved), offset);
        prop_assert_eq!(moved.plus(-offset), start);
        prop_assert_eq!(moved > start, offset > 0);
    }
}
