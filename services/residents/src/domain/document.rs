//! Identity documents and their numbers.

use std::fmt;

use jiff::civil::Date;
use minzheng_chassis::crypto::Secret;
use minzheng_chassis::identity::{NumberKind, ResidentNumber, Sex};

use super::errors::FieldProblem;

/// Kind of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IdType {
    /// Resident identity number 居民身份证, GB 11643.
    ResidentId,
    /// Permanent residence card of a foreigner 外国人永久居留身份证.
    PermanentResidenceCard,
    /// Passport 护照.
    Passport,
    /// No document: a body without any ID.
    None,
}

impl IdType {
    /// Stable name, as stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::ResidentId => "resident-id",
            Self::PermanentResidenceCard => "permanent-residence-card",
            Self::Passport => "passport",
            Self::None => "none",
        }
    }
}

/// A document, as far as it says who somebody is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Document {
    /// Resident identity number.
    ResidentId(ResidentNumber),
    /// Permanent residence card.
    PermanentResidenceCard(ResidentNumber),
    /// Passport.
    Passport(PassportNumber),
    /// None.
    None,
}

impl Document {
    /// Reads a number of a kind. A card's number given as a resident number is read as a card's:
    /// people take the one for the other, and equal numbers must be found as equal.
    ///
    /// Errors: no such number; the birth in it lies after `today`; a number where there is no
    /// document.
    pub fn parse(id_type: IdType, number: &str, today: Date) -> Result<Self, FieldProblem> {
        let blank = number.trim().is_empty();
        match id_type {
            IdType::None if blank => Ok(Self::None),
            IdType::None => Err(FieldProblem::NotAllowed),
            _ if blank => Err(FieldProblem::Required),
            IdType::ResidentId => Ok(Self::of_number(ResidentNumber::parse_on(number, today)?)),
            IdType::PermanentResidenceCard => {
                let document = Self::of_number(ResidentNumber::parse_on(number, today)?);
                match document {
                    Self::PermanentResidenceCard(_) => Ok(document),
                    _ => Err(FieldProblem::PermanentResidenceCard),
                }
            }
            IdType::Passport => PassportNumber::parse(number).map(Self::Passport),
        }
    }

    /// Kind.
    pub fn id_type(&self) -> IdType {
        match self {
            Self::ResidentId(_) => IdType::ResidentId,
            Self::PermanentResidenceCard(_) => IdType::PermanentResidenceCard,
            Self::Passport(_) => IdType::Passport,
            Self::None => IdType::None,
        }
    }

    /// The number in its normal form; none without a document.
    pub fn expose_number(&self) -> Option<&str> {
        match self {
            Self::ResidentId(number) | Self::PermanentResidenceCard(number) => {
                Some(number.expose())
            }
            Self::Passport(number) => Some(number.expose()),
            Self::None => None,
        }
    }

    /// What the blind index of the number is made of: one form for what counts as equal. None
    /// without a document, which is never matched.
    pub fn index_text(&self) -> Option<Secret<String>> {
        let number = self.expose_number()?;
        Some(Secret::new(format!("{}:{number}", self.id_type().name())))
    }

    /// The date of birth that the number tells.
    pub fn birth_date(&self) -> Option<Date> {
        self.told().map(ResidentNumber::birth_date)
    }

    /// The sex that the number tells.
    pub fn sex(&self) -> Option<Sex> {
        self.told().map(ResidentNumber::sex)
    }

    fn told(&self) -> Option<&ResidentNumber> {
        match self {
            Self::ResidentId(number) | Self::PermanentResidenceCard(number) => Some(number),
            Self::Passport(_) | Self::None => None,
        }
    }

    fn of_number(number: ResidentNumber) -> Self {
        match number.kind() {
            NumberKind::ForeignPermanentResident => Self::PermanentResidenceCard(number),
            NumberKind::Citizen | NumberKind::HongKongMacaoTaiwan | NumberKind::Demo => {
                Self::ResidentId(number)
            }
        }
    }
}

/// A passport's number, capital letters and digits. It prints `***`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PassportNumber(Secret<String>);

impl PassportNumber {
    /// Reads a number; blanks and small letters are normalised.
    ///
    /// Errors: not 5 to 20 letters and digits.
    pub fn parse(input: &str) -> Result<Self, FieldProblem> {
        let number: Secret<String> = Secret::new(
            input
                .chars()
                .filter(|character| !character.is_whitespace())
                .map(|character| character.to_ascii_uppercase())
                .collect(),
        );
        let text = number.expose();
        let fits =
            (5..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if fits {
            Ok(Self(number))
        } else {
            Err(FieldProblem::PassportNumber)
        }
    }

    /// The number.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for PassportNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn parse(id_type: IdType, number: &str) -> Result<Document, FieldProblem> {
        Document::parse(id_type, number, date(2026, 7, 1))
    }

    #[test]
    fn numbers_are_read_by_their_kind() {
        let rows = [
            (
                IdType::ResidentId,
                "11010519491231002x",
                Ok(IdType::ResidentId),
            ),
            (
                IdType::ResidentId,
                " 440524 18800101 0014 ",
                Ok(IdType::ResidentId),
            ),
            (IdType::ResidentId, "", Err("REQUIRED")),
            (
                IdType::ResidentId,
                "110105194912310021",
                Err("ID_NUMBER_CHECK_CHARACTER"),
            ),
            (
                IdType::PermanentResidenceCard,
                "11010519491231002X",
                Err("ID_NUMBER_NOT_PERMANENT_RESIDENCE_CARD"),
            ),
            (IdType::Passport, " e12345678", Ok(IdType::Passport)),
            (IdType::Passport, "E1", Err("PASSPORT_NUMBER_INVALID")),
            (
                IdType::Passport,
                "E1234567号",
                Err("PASSPORT_NUMBER_INVALID"),
            ),
            (IdType::None, " ", Ok(IdType::None)),
            (IdType::None, "1", Err("NOT_ALLOWED")),
        ];
        for (id_type, number, expected) in rows {
            let read = parse(id_type, number).map(|document| document.id_type());
            assert_eq!(
                read.map_err(|problem| problem.reason()),
                expected,
                "{id_type:?}"
            );
        }
    }

    #[test]
    fn a_number_of_a_birth_to_come_is_refused() {
        let number = ResidentNumber::demo(date(2026, 7, 2), 1).unwrap();
        let problem = parse(IdType::ResidentId, number.expose()).unwrap_err();
        assert_eq!(problem.reason(), "ID_NUMBER_BIRTH_DATE_IN_FUTURE");
    }

    #[test]
    fn equal_numbers_have_one_index_text_and_print_nothing() {
        let one = parse(IdType::ResidentId, "11010519491231002x").unwrap();
        let other = parse(IdType::ResidentId, "110105 19491231 002X").unwrap();
        assert_eq!(one, other);
        assert_eq!(one.index_text(), other.index_text());
        assert_eq!(one.birth_date(), Some(date(1949, 12, 31)));
        assert_eq!(one.sex(), Some(Sex::Female));
        assert!(!format!("{one:?}").contains("1949"));
        assert_eq!(Document::None.index_text(), None);
        let passport = parse(IdType::Passport, "E12345678").unwrap();
        assert_eq!(format!("{passport:?}"), "Passport(***)");
    }
}
