//! Masking: what a caller sees of names and numbers.

use minzheng_chassis::identity::PersonName;
use minzheng_chassis::problem::{Problem, Violations};

use super::document::Document;
use super::errors::{FieldProblem, take};
use super::identity::Identity;
use super::person::Person;
use super::text::free_text;

/// Longest purpose, in characters.
pub const MAX_PURPOSE: usize = 200;

/// A field that is masked unless it is asked for with a purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PersonalField {
    /// Full name, also of former identities.
    Name,
    /// Number of the document, also of former identities.
    IdNumber,
    /// Telephone number.
    Phone,
}

impl PersonalField {
    /// Stable name, for the audit record.
    pub fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::IdNumber => "id_number",
            Self::Phone => "phone",
        }
    }
}

/// What a caller wants in full, and what for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reveal {
    fields: Vec<PersonalField>,
    purpose: String,
}

impl Reveal {
    /// Nothing in full.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// These fields, for this purpose.
    ///
    /// Errors: fields without a purpose; a purpose that is too long or holds a number of a person.
    pub fn read(fields: &[PersonalField], purpose: &str) -> Result<Self, Problem> {
        if fields.is_empty() && purpose.trim().is_empty() {
            return Ok(Self::nothing());
        }
        let mut violations = Violations::new();
        let purpose = free_text(purpose, MAX_PURPOSE).map_err(|problem| match problem {
            FieldProblem::Required => FieldProblem::PurposeRequired,
            other => other,
        });
        let purpose = take(&mut violations, "purpose", purpose);
        violations.check()?;
        let mut fields = fields.to_vec();
        fields.sort_unstable();
        fields.dedup();
        let purpose = purpose.unwrap_or_default();
        Ok(Self { fields, purpose })
    }

    /// The fields, each once.
    pub fn fields(&self) -> &[PersonalField] {
        &self.fields
    }

    /// What for.
    pub fn purpose(&self) -> &str {
        &self.purpose
    }

    /// Whether anything leaves in full, and so must be audited.
    pub fn anything(&self) -> bool {
        !self.fields.is_empty()
    }

    fn shows(&self, field: PersonalField) -> bool {
        self.fields.contains(&field)
    }
}

/// Name and number as a caller sees them. Not `Debug`: it may hold them in full.
#[derive(Clone, PartialEq, Eq)]
pub struct ShownIdentity {
    /// Name; empty where there is none.
    pub name: String,
    /// Number; empty where there is none.
    pub id_number: String,
}

/// The personal fields of a record as a caller sees them. Not `Debug`: it may hold them in full.
#[derive(Clone, PartialEq, Eq)]
pub struct Shown {
    /// Name and number.
    pub identity: ShownIdentity,
    /// Telephone; empty where there is none.
    pub phone: String,
    /// Former names and numbers, oldest first, one for each of the record's.
    pub former: Vec<ShownIdentity>,
}

/// What a caller sees of a record.
pub fn show(person: &Person, reveal: &Reveal) -> Shown {
    let phone = person.phone.as_ref().map_or("", |phone| phone.expose());
    let phone_shown = if reveal.shows(PersonalField::Phone) {
        phone.to_owned()
    } else {
        masked(phone, 3, 4)
    };
    Shown {
        identity: show_identity(&person.identity, reveal),
        phone: phone_shown,
        former: person
            .former
            .iter()
            .map(|former| show_identity(&former.identity, reveal))
            .collect(),
    }
}

fn show_identity(identity: &Identity, reveal: &Reveal) -> ShownIdentity {
    let name = identity.name.as_ref();
    let number = &identity.document;
    ShownIdentity {
        name: if reveal.shows(PersonalField::Name) {
            name.map_or("", PersonName::expose).to_owned()
        } else {
            name.map(mask_name).unwrap_or_default()
        },
        id_number: if reveal.shows(PersonalField::IdNumber) {
            number.expose_number().unwrap_or_default().to_owned()
        } else {
            mask_number(number)
        },
    }
}

/// 张三 → 张*: the first character and one star, whatever the length.
pub fn mask_name(name: &PersonName) -> String {
    let mut characters = name.expose().chars();
    match (characters.next(), characters.next()) {
        (Some(first), Some(_)) => format!("{first}*"),
        _ => "*".to_owned(),
    }
}

/// 529900…1234 → 5299**********1234; a passport's first and last two; empty without a document.
pub fn mask_number(document: &Document) -> String {
    let number = document.expose_number().unwrap_or_default();
    match document {
        Document::ResidentId(_) | Document::PermanentResidenceCard(_) => masked(number, 4, 4),
        Document::Passport(_) => masked(number, 1, 2),
        Document::None => String::new(),
    }
}

/// Keeps `head` and `tail` characters; everything is hidden where that would leave less than four
/// hidden.
fn masked(text: &str, head: usize, tail: usize) -> String {
    let length = text.chars().count();
    let (head, tail) = if length < head + tail + 4 {
        (0, 0)
    } else {
        (head, tail)
    };
    text.chars()
        .enumerate()
        .map(|(index, character)| {
            let shown = index < head || index >= length - tail;
            if shown { character } else { '*' }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::domain::document::{IdType, PassportNumber};
    use crate::domain::phone::Phone;
    use crate::domain::samples::established;

    #[test]
    fn names_and_numbers_are_masked() {
        for (name, expected) in [
            ("张三", "张*"),
            ("欧阳锋", "欧*"),
            ("买买提·吐尔逊", "买*"),
            ("㼆𬭎", "㼆*"),
            ("丁", "*"),
        ] {
            assert_eq!(mask_name(&PersonName::parse(name).unwrap()), expected);
        }
        let number =
            Document::parse(IdType::ResidentId, "11010519491231002X", date(2026, 1, 1)).unwrap();
        assert_eq!(mask_number(&number), "1101**********002X");
        assert_eq!(
            mask_number(&Document::Passport(
                PassportNumber::parse("E12345678").unwrap()
            )),
            "E******78"
        );
        assert_eq!(
            mask_number(&Document::Passport(
                PassportNumber::parse("E12345").unwrap()
            )),
            "******"
        );
        assert_eq!(mask_number(&Document::None), "");
        assert_eq!(masked("13800001234", 3, 4), "138****1234");
        assert_eq!(masked("8688000", 3, 4), "*******");
    }

    #[test]
    fn fields_are_shown_one_by_one_and_for_a_purpose() {
        let mut person = established(1, 1, "张三");
        person.phone = Phone::parse("13800001234").ok();
        let number = person.identity.document.expose_number().unwrap().to_owned();
        let hidden = show(&person, &Reveal::nothing());
        assert!(hidden.identity.name == "张*" && hidden.phone == "138****1234");
        assert!(hidden.identity.id_number.starts_with("5299**********"));
        let name = Reveal::read(&[PersonalField::Name, PersonalField::Name], "核实身份").unwrap();
        assert_eq!(name.fields(), [PersonalField::Name]);
        let shown = show(&person, &name);
        assert!(shown.identity.name == "张三" && shown.phone == "138****1234");
        let all = [
            PersonalField::Phone,
            PersonalField::Name,
            PersonalField::IdNumber,
        ];
        let shown = show(&person, &Reveal::read(&all, "核实身份").unwrap());
        assert!(shown.identity.id_number == number && shown.phone == "13800001234");
        assert!(!Reveal::read(&[], "").unwrap().anything());
        let reason = |purpose: &str| Reveal::read(&all, purpose).unwrap_err().reason;
        assert_eq!(reason(" "), "PURPOSE_REQUIRED");
        assert_eq!(reason("查13800001234"), "PERSONAL_DATA_IN_TEXT");
    }
}
