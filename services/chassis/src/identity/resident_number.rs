//! Citizen identification numbers 公民身份号码, GB 11643.

use std::fmt;

use jiff::civil::Date;
use zeroize::Zeroizing;

use super::{ResidentNumberError, normalise};
use crate::{
    crypto::Secret,
    division::{DivisionCode, Divisions, is_province},
};

const LENGTH: usize = 18;
const ARCHIVE_LENGTH: usize = 15;
/// Weights of the 17 digits before the check character (ISO 7064, MOD 11-2).
const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECK_CHARACTERS: &[u8; 11] = b"10X98765432";
/// The oldest birth a living person's or an archived number can hold; typing errors lie before.
const FIRST_YEAR: i16 = 1800;
/// The prefix of demo numbers: it belongs to no division and to nobody.
const DEMO_PREFIX: u32 = 529_900;
/// In 15-digit numbers these sequences, and all above, were for births before 1900.
const FIRST_CENTENARIAN_SEQUENCE: u32 = 996;

/// The sex a number tells: an odd sequence is male.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sex {
    /// 男.
    Male,
    /// 女.
    Female,
}

/// Who a number was given to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NumberKind {
    /// A citizen, by the division of first registration.
    Citizen,
    /// A resident of Hong Kong, Macao or Taiwan 港澳台居民居住证 (prefixes 810000, 820000, 830000).
    HongKongMacaoTaiwan,
    /// A foreigner with a permanent residence card 外国人永久居留身份证 (starts with 9).
    ForeignPermanentResident,
    /// Nobody: demo data.
    Demo,
}

/// A valid resident number of 18 characters.
///
/// It prints `***`; equal numbers are equal whatever blanks, widths or case they were read with.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ResidentNumber(Secret<String>);

impl ResidentNumber {
    /// Reads a number of 18 characters; blanks, full-width digits and a small x are normalised.
    ///
    /// Any prefix ever in force is accepted, whether before or after the birth, since numbers are
    /// given late: for Guizhou those of the shipped history, elsewhere every province's.
    pub fn parse(input: &str) -> Result<Self, ResidentNumberError> {
        let text = normalise(input);
        Self::validate(&text)?;
        Ok(Self(Secret::new(text.to_string())))
    }

    /// Like [`ResidentNumber::parse`], and refuses births after `today`.
    pub fn parse_on(input: &str, today: Date) -> Result<Self, ResidentNumberError> {
        let number = Self::parse(input)?;
        if number.birth_date() > today {
            return Err(ResidentNumberError::BirthInFuture);
        }
        Ok(number)
    }

    /// Reads a number of an archive: of 18 characters, or of 15 digits as given until 1999, which
    /// becomes the 18 characters of the same person.
    ///
    /// The year of 15 digits lies in 1900–1999, but for the sequences 996–999, which were kept for
    /// people born before.
    pub fn parse_archive(input: &str) -> Result<Self, ResidentNumberError> {
        let text = normalise(input);
        if text.chars().count() != ARCHIVE_LENGTH {
            return Self::parse(&text);
        }
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ResidentNumberError::Character);
        }
        let (prefix, birth_and_sequence) = text.split_at(6);
        let sequence = number(birth_and_sequence.as_bytes().get(6..).unwrap_or_default());
        let century = if sequence >= FIRST_CENTENARIAN_SEQUENCE {
            "18"
        } else {
            "19"
        };
        Self::with_check(&Zeroizing::new(
            [prefix, century, birth_and_sequence].concat(),
        ))
    }

    /// The demo number of a birth and a sequence of 0–999 (odd: male); it belongs to nobody.
    ///
    /// Errors: a birth before 1800 or after 9999, a sequence above 999.
    pub fn demo(birth: Date, sequence: u16) -> Result<Self, ResidentNumberError> {
        if sequence > 999 {
            return Err(ResidentNumberError::Sequence);
        }
        if birth.year() < FIRST_YEAR {
            return Err(ResidentNumberError::BirthDate);
        }
        let (year, month, day) = (birth.year(), birth.month(), birth.day());
        Self::with_check(&format!(
            "{DEMO_PREFIX}{year:04}{month:02}{day:02}{sequence:03}"
        ))
    }

    /// The 18 characters.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The six digits of the division of first registration, which may be long gone.
    pub fn prefix(&self) -> u32 {
        number(self.slice(0, 6))
    }

    /// The date of birth.
    pub fn birth_date(&self) -> Date {
        // Validated when the number was made; the fallback cannot be reached.
        birth_date(self.slice(6, 14)).unwrap_or(Date::MIN)
    }

    /// The sex, from the sequence.
    pub fn sex(&self) -> Sex {
        if number(self.slice(14, 17)) % 2 == 1 {
            Sex::Male
        } else {
            Sex::Female
        }
    }

    /// Who it was given to.
    pub fn kind(&self) -> NumberKind {
        match self.prefix() {
            DEMO_PREFIX => NumberKind::Demo,
            810_000 | 820_000 | 830_000 => NumberKind::HongKongMacaoTaiwan,
            900_000.. => NumberKind::ForeignPermanentResident,
            _ => NumberKind::Citizen,
        }
    }

    fn slice(&self, from: usize, to: usize) -> &[u8] {
        self.expose().as_bytes().get(from..to).unwrap_or_default()
    }

    fn with_check(digits: &str) -> Result<Self, ResidentNumberError> {
        let mut text = Zeroizing::new(String::with_capacity(LENGTH));
        text.push_str(digits);
        text.push(char::from(check_character(digits.as_bytes())));
        Self::validate(&text)?;
        Ok(Self(Secret::new(text.to_string())))
    }

    fn validate(text: &str) -> Result<(), ResidentNumberError> {
        if text.chars().count() != LENGTH {
            return Err(ResidentNumberError::Length);
        }
        let Some((digits, &[check])) = text.as_bytes().split_last_chunk() else {
            return Err(ResidentNumberError::Length);
        };
        let last_fits = check.is_ascii_digit() || check == b'X';
        if !last_fits || !digits.iter().all(u8::is_ascii_digit) {
            return Err(ResidentNumberError::Character);
        }
        if !known_prefix(number(digits.get(..6).unwrap_or_default())) {
            return Err(ResidentNumberError::Division);
        }
        birth_date(digits.get(6..14).unwrap_or_default()).ok_or(ResidentNumberError::BirthDate)?;
        if check_character(digits) != check {
            return Err(ResidentNumberError::CheckCharacter);
        }
        Ok(())
    }
}

impl fmt::Debug for ResidentNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for ResidentNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Whether a number of anybody can begin with these six digits.
fn known_prefix(prefix: u32) -> bool {
    // At most 99.
    let province = (prefix / 10_000) as u8;
    match province {
        // Permanent residence cards: 9, the province that issued it, the country of origin.
        90..=99 => is_province((prefix / 1_000 % 100) as u8),
        // Residents of Hong Kong, Macao and Taiwan have one prefix each.
        81..=83 => prefix.is_multiple_of(10_000),
        52 if prefix == DEMO_PREFIX => true,
        52 => DivisionCode::from_number(u64::from(prefix) * 1_000_000)
            .is_ok_and(|code| Divisions::guizhou().ever_in_force(code)),
        _ => is_province(province),
    }
}

fn birth_date(digits: &[u8]) -> Option<Date> {
    let number = number(digits);
    // Eight digits: at most 9999, 99 and 99.
    let (year, month, day) = (number / 10_000, number / 100 % 100, number % 100);
    let date = Date::new(year as i16, month as i8, day as i8).ok()?;
    (date.year() >= FIRST_YEAR).then_some(date)
}

fn check_character(digits: &[u8]) -> u8 {
    let sum: u32 = WEIGHTS
        .into_iter()
        .zip(digits)
        .map(|(weight, digit)| weight * u32::from(digit - b'0'))
        .sum();
    // The remainder is below the number of characters.
    CHECK_CHARACTERS[(sum % 11) as usize]
}

/// The value of at most nine ASCII digits.
fn number(digits: &[u8]) -> u32 {
    digits
        .iter()
        .fold(0, |value, digit| value * 10 + u32::from(digit - b'0'))
}
