//! Resident numbers (GB 11643), unified social credit codes (GB 32100, GB 11714), names.

use std::fmt::Display;

use minzheng_chassis::identity::{CreditCode, PersonName, ResidentNumber};

/// The alphabet of GB 32100.
const CREDIT_ALPHABET: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";

/// What a resident number may end with.
const CHECK_CHARACTERS: &str = "0123456789X";

/// A text as a number, a code, a name, and as the beginning of one.
pub fn numbers(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(number) = ResidentNumber::parse(text) {
        resident(&number);
    }
    if let Ok(number) = ResidentNumber::parse_archive(text) {
        resident(&number);
    }
    if let Ok(code) = CreditCode::parse(text) {
        credit(&code);
    }
    if let Ok(name) = PersonName::parse(text) {
        is_masked(&name, name.expose());
        assert_eq!(PersonName::parse(name.expose()).as_ref(), Ok(&name));
        assert!((1..=50).contains(&name.expose().chars().count()));
        assert!(!name.expose().contains(char::is_control));
    }
    one_end_fits(text);
}

fn resident(number: &ResidentNumber) {
    let text = number.expose();
    is_masked(number, text);
    assert_eq!(ResidentNumber::parse(text).as_ref(), Ok(number));
    assert_eq!(ResidentNumber::parse_archive(text).as_ref(), Ok(number));
    assert_eq!(text[..6].parse(), Ok(number.prefix()));
    let birth = number.birth_date();
    let written = format!("{:04}{:02}{:02}", birth.year(), birth.month(), birth.day());
    assert_eq!(&text[6..14], written);
    no_other_character_fits(text, "0123456789", 17, |text| {
        ResidentNumber::parse(text).is_ok()
    });
}

fn credit(code: &CreditCode) {
    let text = code.expose();
    is_masked(code, text);
    assert_eq!(CreditCode::parse(text).as_ref(), Ok(code));
    assert_eq!(&text[8..17], code.organisation_code());
    no_other_character_fits(text, CREDIT_ALPHABET, 18, |text| {
        CreditCode::parse(text).is_ok()
    });
}

/// A check character finds each single wrong character: that is what it is for.
fn no_other_character_fits(
    text: &str,
    alphabet: &str,
    length: usize,
    is_valid: impl Fn(&str) -> bool,
) {
    for at in 0..length {
        for other in alphabet
            .chars()
            .filter(|other| !text[at..].starts_with(*other))
        {
            let mut wrong = text.to_owned();
            wrong.replace_range(at..=at, other.encode_utf8(&mut [0; 4]));
            assert!(!is_valid(&wrong), "{other} fits at {at} too");
        }
    }
}

/// Behind 17 characters at most one check character fits.
fn one_end_fits(text: &str) {
    if text.len() != 17 || !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return;
    }
    let ends = |alphabet: &str, is_valid: &dyn Fn(&str) -> bool| {
        let whole = |end: char| format!("{text}{end}");
        alphabet
            .chars()
            .filter(|end| is_valid(&whole(*end)))
            .count()
    };
    assert!(
        ends(CHECK_CHARACTERS, &|text| ResidentNumber::parse(text)
            .is_ok())
            <= 1
    );
    assert!(ends(CREDIT_ALPHABET, &|text| CreditCode::parse(text).is_ok()) <= 1);
}

/// Nothing of it shows where it is printed.
fn is_masked<T: Display + std::fmt::Debug>(value: &T, text: &str) {
    for printed in [format!("{value}"), format!("{value:?}")] {
        assert!(printed.chars().all(|printed| printed == '*') || !printed.contains(text));
    }
}
