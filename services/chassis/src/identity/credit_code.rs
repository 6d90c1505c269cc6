//! Unified social credit codes 统一社会信用代码, GB 32100, with the organisation code 组织机构代码
//! of GB 11714 inside.

use std::fmt;

use super::normalise;
use crate::crypto::Secret;

const LENGTH: usize = 18;
/// Digits and capital letters without I, O, S, V and Z.
const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
/// 3^i mod 31.
const WEIGHTS: [u32; 17] = [
    1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28,
];
const ORGANISATION_WEIGHTS: [u32; 8] = [3, 7, 9, 10, 5, 8, 4, 2];

/// What the first two characters say of organisations registered by civil affairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrganisationKind {
    /// 51, social group 社会团体.
    SocialGroup,
    /// 52, private non-enterprise 民办非企业单位 (社会服务机构).
    PrivateNonEnterprise,
    /// 53, foundation 基金会.
    Foundation,
    /// Registered by another department, or another kind.
    Other,
}

/// The first rule that a text breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CreditCodeError {
    /// It has not 18 characters.
    #[error("a unified social credit code has 18 characters")]
    Length,
    /// It contains a character outside the alphabet of GB 32100.
    #[error("a unified social credit code has digits and capital letters without I, O, S, V, Z")]
    Character,
    /// Positions 3–8 are not digits.
    #[error("positions 3 to 8 are a division and have digits")]
    Division,
    /// Position 17 is not the check character of positions 9–16 (GB 11714).
    #[error("the check character of the organisation code does not fit")]
    OrganisationCheck,
    /// Position 18 is not the check character of the others.
    #[error("the check character does not fit")]
    CheckCharacter,
}

impl CreditCodeError {
    /// A stable reason for machines.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Length => "CREDIT_CODE_LENGTH",
            Self::Character => "CREDIT_CODE_CHARACTER",
            Self::Division => "CREDIT_CODE_DIVISION",
            Self::OrganisationCheck => "CREDIT_CODE_ORGANISATION_CHECK_CHARACTER",
            Self::CheckCharacter => "CREDIT_CODE_CHECK_CHARACTER",
        }
    }

    /// The same for people, in Chinese.
    pub fn chinese(&self) -> &'static str {
        match self {
            Self::Length => "统一社会信用代码应为18位",
            Self::Character => "统一社会信用代码只能由数字和大写字母(不含I、O、S、V、Z)组成",
            Self::Division => "统一社会信用代码第3至8位应为数字",
            Self::OrganisationCheck => "统一社会信用代码中的组织机构代码校验码错误",
            Self::CheckCharacter => "统一社会信用代码校验码错误",
        }
    }
}

/// A valid unified social credit code. It prints `***`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CreditCode(Secret<String>);

impl CreditCode {
    /// Reads a code; blanks, full-width characters and small letters are normalised.
    pub fn parse(input: &str) -> Result<Self, CreditCodeError> {
        let text = normalise(input);
        validate(&text)?;
        Ok(Self(Secret::new(text.to_string())))
    }

    /// The 18 characters.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The kind of organisation.
    pub fn kind(&self) -> OrganisationKind {
        match self.expose().get(..2) {
            Some("51") => OrganisationKind::SocialGroup,
            Some("52") => OrganisationKind::PrivateNonEnterprise,
            Some("53") => OrganisationKind::Foundation,
            Some(_) | None => OrganisationKind::Other,
        }
    }

    /// The organisation code of GB 11714, positions 9–17, without a hyphen.
    pub fn organisation_code(&self) -> &str {
        self.expose().get(8..17).unwrap_or_default()
    }
}

impl fmt::Debug for CreditCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for CreditCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

fn validate(text: &str) -> Result<(), CreditCodeError> {
    if text.chars().count() != LENGTH {
        return Err(CreditCodeError::Length);
    }
    let values: Vec<u32> = text.bytes().filter_map(value).collect();
    let Ok(values) = <[u32; LENGTH]>::try_from(values) else {
        return Err(CreditCodeError::Character);
    };
    let (before, &[check]) = values.split_last_chunk().ok_or(CreditCodeError::Length)?;
    let bytes = text.as_bytes();
    if !bytes
        .get(2..8)
        .is_some_and(|cells| cells.iter().all(u8::is_ascii_digit))
    {
        return Err(CreditCodeError::Division);
    }
    let organisation = bytes.get(8..16).unwrap_or_default();
    if bytes.get(16) != Some(&organisation_check(organisation)) {
        return Err(CreditCodeError::OrganisationCheck);
    }
    let sum: u32 = WEIGHTS
        .iter()
        .zip(before)
        .map(|(weight, value)| weight * value)
        .sum();
    if (31 - sum % 31) % 31 != check {
        return Err(CreditCodeError::CheckCharacter);
    }
    Ok(())
}

/// The place of a character in the alphabet of GB 32100.
fn value(character: u8) -> Option<u32> {
    let place = ALPHABET.iter().position(|letter| *letter == character)?;
    // Below 31.
    Some(place as u32)
}

/// GB 11714 counts letters from A = 10 to Z = 35, those GB 32100 leaves out included.
fn organisation_check(characters: &[u8]) -> u8 {
    let sum: u32 = ORGANISATION_WEIGHTS
        .iter()
        .zip(characters)
        .map(|(weight, character)| weight * char::from(*character).to_digit(36).unwrap_or(0))
        .sum();
    match 11 - sum % 11 {
        10 => b'X',
        11 => b'0',
        // 1 to 9.
        digit => b'0' + digit as u8,
    }
}
