//! Texts that people write, and the values that are written as texts.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use minzheng_chassis::civil::{Month, PartialDate};
use minzheng_chassis::division::DivisionCode;
use minzheng_life_events::domain::text as life_events;
use minzheng_residents::domain::text as residents;

/// Longest reference, in characters.
const LONGEST: usize = 40;

/// A text in every field that takes one.
pub fn texts(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    is_clean(residents::short_text(text, LONGEST).ok(), LONGEST);
    is_clean(life_events::short_text(text, LONGEST).ok(), LONGEST);
    names_nobody(residents::free_text(text, LONGEST).ok(), LONGEST);
    names_nobody(life_events::free_text(text).ok(), life_events::MAX_REASON);
    // Both services take the same texts.
    assert_eq!(
        residents::short_text(text, LONGEST).ok(),
        life_events::short_text(text, LONGEST).ok()
    );
    prints_back::<DivisionCode>(text);
    prints_back::<Month>(text);
    prints_back::<PartialDate>(text);
}

fn is_clean(taken: Option<String>, longest: usize) {
    let Some(taken) = taken else { return };
    assert!((1..=longest).contains(&taken.chars().count()));
    assert_eq!(taken.trim(), taken);
    assert!(!taken.contains(char::is_control));
    assert_eq!(residents::short_text(&taken, longest).as_ref(), Ok(&taken));
}

fn names_nobody(taken: Option<String>, longest: usize) {
    is_clean(taken.clone(), longest);
    let Some(taken) = taken else { return };
    let dense: String = taken.chars().filter(|c| !c.is_whitespace()).collect();
    let longest_run = dense
        .split(|c: char| !c.is_numeric())
        .map(|run| run.chars().count());
    assert!(
        longest_run.max() < Some(11),
        "digits of a telephone are left"
    );
}

/// What parses prints a text that parses as the same.
fn prints_back<T: FromStr + Display + Debug + PartialEq>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        let printed = value.to_string();
        let again = printed.parse::<T>().ok();
        assert_eq!(again.as_ref(), Some(&value), "{printed}");
    }
}
