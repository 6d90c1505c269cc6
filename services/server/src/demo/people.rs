//! Invented people. Their numbers carry the prefix 529900, which belongs to nobody.

use jiff::civil::Date;
use jiff::{Span, ToSpan};
use minzheng_chassis::identity::{ResidentNumber, ResidentNumberError};
use minzheng_proto::common::v1 as pb;
use rand::RngExt;

/// Family names, common and rare ones of the province.
pub const FAMILY_NAMES: [&str; 16] = [
    "岑", "韦", "罗", "班", "吴", "龙", "杨", "石", "潘", "陆", "蒙", "覃", "安", "陇", "卯",
    "欧阳",
];

/// Given names of men.
pub const MEN: [&str; 16] = [
    "禾生", "远山", "守田", "云峰", "启明", "石林", "青松", "望川", "德润", "庆丰", "家和", "立春",
    "松涛", "永宁", "仲谷", "向阳",
];

/// Given names of women.
pub const WOMEN: [&str; 16] = [
    "阿彩", "秋月", "兰香", "素梅", "晓棠", "春燕", "玉竹", "锦华", "银花", "若溪", "采薇", "月明",
    "桂枝", "冬青", "如意", "小满",
];

/// Sex, as the number's sequence tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sex {
    /// Odd sequences.
    Male,
    /// Even sequences.
    Female,
}

/// An identity with a demo number.
///
/// # Errors
/// A birth before 1800, or a sequence above 999.
pub fn identity(
    name: String,
    birth: Date,
    sequence: u16,
) -> Result<pb::Identity, ResidentNumberError> {
    let number = ResidentNumber::demo(birth, sequence)?;
    Ok(pb::Identity {
        id_type: pb::IdType::ResidentId.into(),
        id_number: number.expose().to_owned(),
        name,
    })
}

/// Somebody of that age today, with a number that probably nobody has yet.
///
/// # Errors
/// An age that lies before 1800.
pub fn invent(
    family_name: &str,
    sex: Sex,
    age: i16,
    today: Date,
) -> Result<pb::Identity, ResidentNumberError> {
    let mut dice = rand::rng();
    // Between the last birthday and the one before it, but a day: still of that age.
    let days: Span = dice.random_range(1..=360).days();
    let birth = today.saturating_sub(age.years()).saturating_sub(days);
    let pair = dice.random_range(0..500_u16);
    let (given, sequence) = match sex {
        Sex::Male => (MEN, pair * 2 + 1),
        Sex::Female => (WOMEN, pair * 2),
    };
    let name = format!("{family_name}{}", given[dice.random_range(0..given.len())]);
    identity(name, birth, sequence)
}

/// A family name.
pub fn family_name() -> &'static str {
    FAMILY_NAMES[rand::rng().random_range(0..FAMILY_NAMES.len())]
}

#[cfg(test)]
mod tests {
    use minzheng_chassis::civil::age_on;
    use minzheng_chassis::identity::{NumberKind, PersonName};

    use super::*;

    #[test]
    fn invented_people_are_valid_and_of_their_age() {
        let today = jiff::civil::date(2026, 3, 1);
        for age in [9, 15, 38, 78] {
            for sex in [Sex::Male, Sex::Female] {
                let identity = invent(family_name(), sex, age, today).unwrap();
                let number = ResidentNumber::parse(&identity.id_number).unwrap();
                assert_eq!(number.kind(), NumberKind::Demo);
                assert_eq!(age_on(number.birth_date(), today), age);
                assert!(PersonName::parse(&identity.name).is_ok());
            }
        }
    }
}
