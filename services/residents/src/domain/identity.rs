//! An identity: a document and a name.

use jiff::Timestamp;
use jiff::civil::Date;
use minzheng_chassis::crypto::Secret;
use minzheng_chassis::identity::PersonName;
use minzheng_chassis::problem::Violations;

use super::document::{Document, IdType};
use super::errors::{FieldProblem, take};

/// An identity as somebody gave it, not yet checked.
#[derive(Clone, Copy)]
pub struct IdentityInput<'a> {
    /// Kind of document; none if it was not given.
    pub id_type: Option<IdType>,
    /// Number.
    pub id_number: &'a str,
    /// Full name.
    pub name: &'a str,
}

/// A document and a name. It prints neither.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The document.
    pub document: Document,
    /// Full name; only a body without any ID may lack it.
    pub name: Option<PersonName>,
}

impl Identity {
    /// Checks what was given; what is wrong is added to `violations`, under `identity.…`.
    pub fn read(
        input: IdentityInput<'_>,
        today: Date,
        violations: &mut Violations,
    ) -> Option<Self> {
        let id_type = take(
            violations,
            "identity.id_type",
            input.id_type.ok_or(FieldProblem::Required),
        )?;
        let document = Document::parse(id_type, input.id_number, today);
        let document = take(violations, "identity.id_number", document);
        let name = take(violations, "identity.name", read_name(id_type, input.name));
        Some(Self {
            document: document?,
            name: name?,
        })
    }

    /// What the blind index of the whole identity is made of: the same text for the same kind,
    /// number and name.
    pub fn index_text(&self) -> Secret<String> {
        let number = self.document.expose_number().unwrap_or_default();
        let name = self.name.as_ref().map_or("", PersonName::expose);
        Secret::new(format!(
            "{}:{number}:{name}",
            self.document.id_type().name()
        ))
    }
}

fn read_name(id_type: IdType, name: &str) -> Result<Option<PersonName>, FieldProblem> {
    if id_type == IdType::None && name.trim().is_empty() {
        return Ok(None);
    }
    Ok(Some(PersonName::parse(name)?))
}

/// An identity that was corrected; it still finds the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormerIdentity {
    /// What stood before.
    pub identity: Identity,
    /// When it was replaced.
    pub replaced_at: Timestamp,
    /// Why, without personal data.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use minzheng_chassis::problem::Problem;

    use super::*;

    fn read(
        id_type: Option<IdType>,
        id_number: &str,
        name: &str,
    ) -> Result<Option<Identity>, Problem> {
        let mut violations = Violations::new();
        let identity = Identity::read(
            IdentityInput {
                id_type,
                id_number,
                name,
            },
            date(2026, 7, 1),
            &mut violations,
        );
        violations.check().map(|()| identity)
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let problem = read(Some(IdType::ResidentId), "123", " ").unwrap_err();
        let told: Vec<_> = problem
            .fields
            .iter()
            .map(|field| (field.field.as_str(), field.reason))
            .collect();
        assert_eq!(
            told,
            [
                ("identity.id_number", "ID_NUMBER_LENGTH"),
                ("identity.name", "NAME_EMPTY")
            ]
        );
        let problem = read(None, "", "").unwrap_err();
        assert_eq!(problem.reason, "REQUIRED");
    }

    #[test]
    fn a_body_without_any_id_may_lack_a_name() {
        let body = read(Some(IdType::None), "", "").unwrap().unwrap();
        assert_eq!(
            body,
            Identity {
                document: Document::None,
                name: None
            }
        );
    }

    #[test]
    fn an_identity_is_indexed_with_its_name_and_prints_nothing() {
        let one = read(Some(IdType::ResidentId), "11010519491231002x", "张三")
            .unwrap()
            .unwrap();
        let same = read(Some(IdType::ResidentId), "11010519491231002X", " 张三")
            .unwrap()
            .unwrap();
        let other = read(Some(IdType::ResidentId), "11010519491231002X", "张山")
            .unwrap()
            .unwrap();
        assert_eq!(one.index_text(), same.index_text());
        assert_ne!(one.index_text(), other.index_text());
        let printed = format!("{one:?}");
        assert!(!printed.contains("张三") && !printed.contains("1949"));
    }
}
