//! Twelve-digit division codes: province 2, prefecture 2, county 2, township 3, village 3.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::is_province;

/// The levels of administration, the coarsest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// 省级.
    Province,
    /// 地级.
    Prefecture,
    /// 县级.
    County,
    /// 乡级.
    Township,
    /// 村级.
    Village,
}

impl Level {
    /// Every level, the coarsest first.
    pub const ALL: [Level; 5] = [
        Level::Province,
        Level::Prefecture,
        Level::County,
        Level::Township,
        Level::Village,
    ];

    /// How many of the twelve digits a code of this level uses.
    pub fn digits(self) -> usize {
        match self {
            Level::Province => 2,
            Level::Prefecture => 4,
            Level::County => 6,
            Level::Township => 9,
            Level::Village => 12,
        }
    }

    /// The next finer level; none below the village.
    pub fn finer(self) -> Option<Level> {
        match self {
            Level::Province => Some(Level::Prefecture),
            Level::Prefecture => Some(Level::County),
            Level::County => Some(Level::Township),
            Level::Township => Some(Level::Village),
            Level::Village => None,
        }
    }

    /// How many twelve-digit numbers share the digits of a code of this level.
    pub(super) fn span(self) -> u64 {
        match self {
            Level::Province => 10_000_000_000,
            Level::Prefecture => 100_000_000,
            Level::County => 1_000_000,
            Level::Township => 1_000,
            Level::Village => 1,
        }
    }
}

/// Why a text is no division code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DivisionCodeError {
    /// It has not 2, 4, 6, 9 or 12 digits.
    #[error("a division code has 2, 4, 6, 9 or 12 digits")]
    Length,
    /// It contains something that is no digit.
    #[error("a division code consists of digits")]
    Character,
    /// The first two digits are no province of GB/T 2260.
    #[error("the first two digits are no province")]
    Province,
    /// A finer part is given below a part that is zero.
    #[error("a part of the code is zero above one that is not")]
    Gap,
}

impl DivisionCodeError {
    /// A stable reason for machines.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Length => "DIVISION_CODE_LENGTH",
            Self::Character => "DIVISION_CODE_CHARACTER",
            Self::Province => "DIVISION_CODE_PROVINCE_UNKNOWN",
            Self::Gap => "DIVISION_CODE_GAP",
        }
    }

    /// The same for people, in Chinese.
    pub fn chinese(&self) -> &'static str {
        match self {
            Self::Length => "行政区划代码应为2、4、6、9或12位",
            Self::Character => "行政区划代码只能由数字组成",
            Self::Province => "行政区划代码的省级代码不存在",
            Self::Gap => "行政区划代码上级为零而下级不为零",
        }
    }
}

/// The code of a division of any level, at any time: well formed, not necessarily in force.
///
/// Read from 2, 4, 6, 9 or 12 digits, written (in text and in serde) with 12. Codes sort so that
/// a division comes right before all it contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DivisionCode(u64);

impl DivisionCode {
    /// Guizhou Province 贵州省.
    pub const GUIZHOU: DivisionCode = DivisionCode(520_000_000_000);

    /// A code by its twelve digits as a number.
    pub fn from_number(number: u64) -> Result<Self, DivisionCodeError> {
        let province = number / Level::Province.span();
        if province > 99 {
            return Err(DivisionCodeError::Length);
        }
        // At most 99, as just seen.
        if !is_province(province as u8) {
            return Err(DivisionCodeError::Province);
        }
        let code = Self(number);
        let prefecture = code.part(Level::Prefecture);
        let below_prefecture = number % Level::Prefecture.span();
        let village = code.part(Level::Village);
        // A county part of zero is allowed: some prefectures (Dongguan) have townships directly.
        let gap = (prefecture == 0 && below_prefecture != 0)
            || (code.part(Level::Township) == 0 && village != 0);
        if gap {
            return Err(DivisionCodeError::Gap);
        }
        Ok(code)
    }

    /// A code known to be well formed: of the shipped tables, or cut from another code.
    pub(super) fn trusted(number: u64) -> Self {
        Self(number)
    }

    /// The twelve digits as a number.
    pub fn number(self) -> u64 {
        self.0
    }

    /// The first six digits, as in a resident number.
    pub fn county_digits(self) -> u32 {
        // At most 999,999.
        (self.0 / Level::County.span()) as u32
    }

    /// The level: that of the last part that is not zero.
    pub fn level(self) -> Level {
        for level in [
            Level::Village,
            Level::Township,
            Level::County,
            Level::Prefecture,
        ] {
            if self.part(level) != 0 {
                return level;
            }
        }
        Level::Province
    }

    /// The division it lies in; none for a province.
    pub fn parent(self) -> Option<Self> {
        let cut = Self(self.0 - self.0 % self.outer_span()?);
        Some(cut)
    }

    /// The division of a coarser (or its own) level it lies in; none where it has none.
    pub fn ancestor(self, level: Level) -> Option<Self> {
        let cut = Self(self.0 - self.0 % level.span());
        (cut.level() == level).then_some(cut)
    }

    /// Whether the other division is this one or lies in it.
    pub fn contains(self, other: Self) -> bool {
        (self.0..self.0 + self.level().span()).contains(&other.0)
    }

    /// The digits of the code's own level: `52`, `5201`, `520102`, `520102016`, `520102016001`.
    ///
    /// The paths of exactly the contained divisions begin with them: a caller's scope.
    pub fn path_prefix(self) -> String {
        let mut text = self.to_string();
        text.truncate(self.level().digits());
        text
    }

    /// The lowest and the highest twelve digits of anything this division contains, for a
    /// condition `BETWEEN` that an ordinary index serves on every database.
    pub fn bounds(self) -> (String, String) {
        let highest = self.0 + self.level().span() - 1;
        (self.to_string(), format!("{highest:012}"))
    }

    fn part(self, level: Level) -> u64 {
        let outer = match level {
            Level::Province => return self.0 / level.span(),
            Level::Prefecture => Level::Province.span(),
            Level::County => Level::Prefecture.span(),
            Level::Township => Level::County.span(),
            Level::Village => Level::Township.span(),
        };
        self.0 % outer / level.span()
    }

    fn outer_span(self) -> Option<u64> {
        match self.level() {
            Level::Province => None,
            Level::Prefecture => Some(Level::Province.span()),
            Level::County => Some(Level::Prefecture.span()),
            Level::Township => Some(Level::County.span()),
            Level::Village => Some(Level::Township.span()),
        }
    }
}

impl fmt::Display for DivisionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012}", self.0)
    }
}

impl FromStr for DivisionCode {
    type Err = DivisionCodeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(DivisionCodeError::Character);
        }
        let span = Level::ALL
            .into_iter()
            .find(|level| level.digits() == text.len())
            .ok_or(DivisionCodeError::Length)?
            .span();
        // At most twelve digits, so neither step can overflow.
        let digits: u64 = text.parse().map_err(|_| DivisionCodeError::Length)?;
        Self::from_number(digits * span)
    }
}

impl Serialize for DivisionCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DivisionCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}
