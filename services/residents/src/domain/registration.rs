//! What a clerk gives to record or correct a person, checked.

use std::fmt;

use jiff::civil::Date;
use minzheng_chassis::civil::PartialDate;
use minzheng_chassis::identity::Sex;
use minzheng_chassis::problem::{Problem, Violations};

use super::document::Document;
use super::effect::Places;
use super::errors::{FieldProblem, take};
use super::identity::{Identity, IdentityInput};
use super::phone::Phone;
use super::place::{place, place_if_given};
use super::text::free_text;

/// Longest reason, in characters.
pub const MAX_REASON: usize = 500;

/// A person to record, as given.
#[derive(Clone, Copy)]
pub struct RegistrationInput<'a> {
    /// Document and name.
    pub identity: IdentityInput<'a>,
    /// Date of birth; unknown: taken from the number.
    pub birth_date: PartialDate,
    /// Sex; none: taken from the number.
    pub sex: Option<Sex>,
    /// Domicile.
    pub domicile: &'a str,
    /// Residence; empty: the domicile.
    pub residence: &'a str,
    /// Telephone; empty if unknown.
    pub phone: &'a str,
    /// The number is known to be another person's too.
    pub shared_number: bool,
}

/// A person to record, checked.
#[derive(Clone, PartialEq, Eq)]
pub struct Registration {
    /// Document and name.
    pub identity: Identity,
    /// Date of birth.
    pub birth_date: PartialDate,
    /// Sex, if known.
    pub sex: Option<Sex>,
    /// Domicile and residence.
    pub places: Places,
    /// Telephone, if known.
    pub phone: Option<Phone>,
    /// The number is known to be another person's too 重号.
    pub shared_number: bool,
}

impl fmt::Debug for Registration {
    /// Without the date of birth.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration")
            .field("places", &self.places)
            .field("shared_number", &self.shared_number)
            .finish_non_exhaustive()
    }
}

impl Registration {
    /// Checks what was given.
    ///
    /// Errors: every field that is wrong. A person known for certain has a document.
    pub fn read(input: RegistrationInput<'_>, today: Date) -> Result<Self, Problem> {
        let mut violations = Violations::new();
        let found = &mut violations;
        let identity = Identity::read(input.identity, today, found);
        let domicile = take(found, "domicile_division", place(input.domicile));
        let residence = take(found, "residence_division", place_if_given(input.residence));
        let phone = take(found, "phone", phone_if_given(input.phone));
        let told = identity
            .as_ref()
            .and_then(|identity| told(identity, input.birth_date, input.sex, today, found));
        if identity
            .as_ref()
            .is_some_and(|identity| identity.document == Document::None)
        {
            take(
                found,
                "identity.id_type",
                Err::<(), _>(FieldProblem::Required),
            );
        }
        violations.check()?;
        let read = identity.zip(domicile).zip(residence).zip(phone).zip(told);
        // Nothing is missing where nothing was found wrong.
        let ((((identity, domicile), residence), phone), (birth_date, sex)) =
            read.ok_or_else(Problem::internal)?;
        let places = Places {
            domicile,
            residence: residence.unwrap_or(domicile),
        };
        let shared_number = input.shared_number;
        Ok(Self {
            identity,
            birth_date,
            sex,
            places,
            phone,
            shared_number,
        })
    }
}

/// A corrected identity, as given.
#[derive(Clone, Copy)]
pub struct CorrectionInput<'a> {
    /// The right document and name.
    pub identity: IdentityInput<'a>,
    /// The right date of birth; unknown: the number's, or as it was.
    pub birth_date: PartialDate,
    /// The right sex; none: the number's, or as it was.
    pub sex: Option<Sex>,
    /// Why.
    pub reason: &'a str,
    /// The right number is known to be another person's too.
    pub shared_number: bool,
}

/// A corrected identity, checked.
#[derive(Clone, PartialEq, Eq)]
pub struct Correction {
    /// The right document and name.
    pub identity: Identity,
    /// The right date of birth; none: as it was.
    pub birth_date: Option<PartialDate>,
    /// The right sex; none: as it was.
    pub sex: Option<Sex>,
    /// Why, without personal data.
    pub reason: String,
    /// The right number is known to be another person's too.
    pub shared_number: bool,
}

impl fmt::Debug for Correction {
    /// Without the date of birth.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Correction")
            .field("reason", &self.reason)
            .field("shared_number", &self.shared_number)
            .finish_non_exhaustive()
    }
}

impl Correction {
    /// Checks what was given.
    ///
    /// Errors: every field that is wrong.
    pub fn read(input: CorrectionInput<'_>, today: Date) -> Result<Self, Problem> {
        let mut violations = Violations::new();
        let found = &mut violations;
        let identity = Identity::read(input.identity, today, found);
        let reason = take(found, "reason", free_text(input.reason, MAX_REASON));
        let told = identity
            .as_ref()
            .and_then(|identity| told(identity, input.birth_date, input.sex, today, found));
        violations.check()?;
        let read = identity.zip(reason).zip(told);
        // Nothing is missing where nothing was found wrong.
        let ((identity, reason), (birth_date, sex)) = read.ok_or_else(Problem::internal)?;
        let birth_date = (birth_date != PartialDate::UNKNOWN).then_some(birth_date);
        let shared_number = input.shared_number;
        Ok(Self {
            identity,
            birth_date,
            sex,
            reason,
            shared_number,
        })
    }
}

/// The date of birth that a document's number tells.
pub(super) fn told_birth(document: &Document) -> PartialDate {
    // A number's birth is a day since 1800, so it always is a date that can be held.
    let told = document
        .birth_date()
        .and_then(|date| PartialDate::of_day(date).ok());
    told.unwrap_or(PartialDate::UNKNOWN)
}

/// Date of birth and sex, as given and as the number tells them, which must agree.
fn told(
    identity: &Identity,
    birth_date: PartialDate,
    sex: Option<Sex>,
    today: Date,
    violations: &mut Violations,
) -> Option<(PartialDate, Option<Sex>)> {
    let birth_date = take(
        violations,
        "birth_date",
        agreed_birth(&identity.document, birth_date, today),
    );
    let sex = take(violations, "sex", agreed_sex(&identity.document, sex));
    birth_date.zip(sex)
}

fn agreed_birth(
    document: &Document,
    given: PartialDate,
    today: Date,
) -> Result<PartialDate, FieldProblem> {
    if given.earliest().is_some_and(|earliest| earliest > today) {
        return Err(FieldProblem::DateInFuture);
    }
    let told = told_birth(document);
    told.finer(given).ok_or(FieldProblem::BirthDateContradicts)
}

fn agreed_sex(document: &Document, given: Option<Sex>) -> Result<Option<Sex>, FieldProblem> {
    match (document.sex(), given) {
        (Some(told), Some(given)) if told != given => Err(FieldProblem::SexContradicts),
        (told, given) => Ok(told.or(given)),
    }
}

fn phone_if_given(phone: &str) -> Result<Option<Phone>, FieldProblem> {
    if phone.trim().is_empty() {
        return Ok(None);
    }
    Phone::parse(phone).map(Some)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::domain::document::IdType;

    const TODAY: Date = date(2026, 7, 1);
    const WOMAN_OF_1949: &str = "11010519491231002X";

    fn input() -> RegistrationInput<'static> {
        RegistrationInput {
            identity: IdentityInput {
                id_type: Some(IdType::ResidentId),
                id_number: WOMAN_OF_1949,
                name: "张三",
            },
            birth_date: PartialDate::UNKNOWN,
            sex: None,
            domicile: "520102000000",
            residence: "",
            phone: "",
            shared_number: false,
        }
    }

    fn reasons(input: RegistrationInput<'_>) -> Vec<(String, &'static str)> {
        let problem = Registration::read(input, TODAY).unwrap_err();
        problem
            .fields
            .into_iter()
            .map(|field| (field.field, field.reason))
            .collect()
    }

    #[test]
    fn what_is_not_given_comes_from_the_number_and_the_domicile() {
        let read = Registration::read(input(), TODAY).unwrap();
        assert_eq!(read.birth_date.to_string(), "1949-12-31");
        assert_eq!(read.sex, Some(Sex::Female));
        assert_eq!(read.places.residence, read.places.domicile);
        let coarse = RegistrationInput {
            birth_date: "1949-12".parse().unwrap(),
            ..input()
        };
        assert_eq!(Registration::read(coarse, TODAY).unwrap(), read);
        assert!(!format!("{read:?}").contains("1949"));
    }

    #[test]
    fn what_contradicts_the_number_is_refused() {
        let born = |text: &str| RegistrationInput {
            birth_date: text.parse().unwrap(),
            ..input()
        };
        let field = |field: &str, reason| vec![(field.to_owned(), reason)];
        assert_eq!(
            reasons(born("1950")),
            field("birth_date", "BIRTH_DATE_CONTRADICTS_NUMBER")
        );
        assert_eq!(
            reasons(born("2026-07-02")),
            field("birth_date", "DATE_IN_FUTURE")
        );
        let man = RegistrationInput {
            sex: Some(Sex::Male),
            ..input()
        };
        assert_eq!(reasons(man), field("sex", "SEX_CONTRADICTS_NUMBER"));
    }

    #[test]
    fn every_wrong_field_is_told() {
        let wrong = RegistrationInput {
            identity: IdentityInput {
                id_type: Some(IdType::ResidentId),
                id_number: "1",
                name: "",
            },
            domicile: "520199000000",
            residence: "52",
            phone: "1",
            ..input()
        };
        let fields: Vec<String> = reasons(wrong).into_iter().map(|(field, _)| field).collect();
        assert_eq!(
            fields,
            [
                "identity.id_number",
                "identity.name",
                "domicile_division",
                "residence_division",
                "phone"
            ]
        );
        let body = IdentityInput {
            id_type: Some(IdType::None),
            id_number: "",
            name: "张三",
        };
        let told = reasons(RegistrationInput {
            identity: body,
            ..input()
        });
        assert_eq!(told, [("identity.id_type".to_owned(), "REQUIRED")]);
    }

    #[test]
    fn a_passport_tells_neither_birth_nor_sex() {
        let identity = IdentityInput {
            id_type: Some(IdType::Passport),
            id_number: "E12345678",
            name: "李四",
        };
        let given = RegistrationInput {
            identity,
            birth_date: "1980".parse().unwrap(),
            sex: Some(Sex::Male),
            ..input()
        };
        let read = Registration::read(given, TODAY).unwrap();
        assert_eq!(
            (read.birth_date.to_string(), read.sex),
            ("1980".to_owned(), Some(Sex::Male))
        );
        let correction = CorrectionInput {
            identity,
            birth_date: PartialDate::UNKNOWN,
            sex: None,
            reason: "换发护照",
            shared_number: false,
        };
        let read = Correction::read(correction, TODAY).unwrap();
        assert_eq!((read.birth_date, read.sex), (None, None));
        let unexplained = CorrectionInput {
            reason: "",
            ..correction
        };
        assert_eq!(
            Correction::read(unexplained, TODAY).unwrap_err().reason,
            "REQUIRED"
        );
    }
}
