//! Why a text is no resident number.

/// The first rule that a text breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResidentNumberError {
    /// It has not 18 characters (or 15, of archives).
    #[error("a resident number has 18 characters")]
    Length,
    /// It is not digits with a digit or X at the end.
    #[error("a resident number has 17 digits and a digit or X")]
    Character,
    /// The first six digits are no division that could ever stand there.
    #[error("the first six digits are no known division")]
    Division,
    /// The digits of the birth are no day of the calendar since 1800.
    #[error("the date of birth is no day of the calendar")]
    BirthDate,
    /// The birth lies in the future.
    #[error("the date of birth lies in the future")]
    BirthInFuture,
    /// The sequence has more than three digits.
    #[error("the sequence has more than three digits")]
    Sequence,
    /// The last character is not the check character of the others.
    #[error("the check character does not fit")]
    CheckCharacter,
}

impl ResidentNumberError {
    /// A stable reason for machines.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Length => "ID_NUMBER_LENGTH",
            Self::Character => "ID_NUMBER_CHARACTER",
            Self::Division => "ID_NUMBER_DIVISION_UNKNOWN",
            Self::BirthDate => "ID_NUMBER_BIRTH_DATE_INVALID",
            Self::BirthInFuture => "ID_NUMBER_BIRTH_DATE_IN_FUTURE",
            Self::Sequence => "ID_NUMBER_SEQUENCE",
            Self::CheckCharacter => "ID_NUMBER_CHECK_CHARACTER",
        }
    }

    /// The same for people, in Chinese.
    pub fn chinese(&self) -> &'static str {
        match self {
            Self::Length => "身份证号码应为18位",
            Self::Character => "身份证号码应由17位数字和末位数字或X组成",
            Self::Division => "身份证号码前六位不是有效的行政区划代码",
            Self::BirthDate => "身份证号码中的出生日期不存在",
            Self::BirthInFuture => "身份证号码中的出生日期晚于今天",
            Self::Sequence => "顺序码超过三位",
            Self::CheckCharacter => "身份证号码校验码错误",
        }
    }
}
