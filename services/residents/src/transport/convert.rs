//! Requests → what the app takes. What is wrong with the fields is told all at once.

use minzheng_chassis::civil::PartialDate;
use minzheng_chassis::convert::{self, FromWire, WireError};
use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::identity::Sex;
use minzheng_chassis::problem::{Problem, Violations};
use minzheng_proto::common::v1 as common;
use minzheng_proto::residents::v1 as pb;
use uuid::Uuid;

use crate::app::decide_match::Verdict;
use crate::domain::document::IdType;
use crate::domain::errors::{FieldProblem, take};
use crate::domain::identity::IdentityInput;
use crate::domain::kinship::Relation;
use crate::domain::masking::PersonalField;
use crate::domain::place::place_if_given;
use crate::domain::registration::MAX_REASON;
use crate::domain::text::free_text;

/// Collects what is wrong with a message's form.
#[derive(Debug, Default)]
pub struct Form(Violations);

impl Form {
    /// A required id; nil where it is wrong.
    pub fn id(&mut self, field: &'static str, text: &str) -> Uuid {
        self.take(field, convert::uuid(field, text))
            .unwrap_or_default()
    }

    /// An id that may be empty.
    pub fn id_if_given(&mut self, field: &'static str, text: &str) -> Option<Uuid> {
        (!text.is_empty()).then(|| self.id(field, text))
    }

    /// Several ids.
    pub fn ids(&mut self, field: &'static str, texts: &[String]) -> Vec<Uuid> {
        texts.iter().map(|text| self.id(field, text)).collect()
    }

    /// A date; unknown where it is absent or wrong.
    pub fn date(&mut self, field: &'static str, date: Option<&common::PartialDate>) -> PartialDate {
        self.take(field, convert::partial_date(field, date))
            .unwrap_or(PartialDate::UNKNOWN)
    }

    /// An enum's value; the zero value is given as it is.
    pub fn value<E: TryFrom<i32>>(&mut self, field: &'static str, number: i32) -> Option<E> {
        let read = E::try_from(number).map_err(|_| WireError::Malformed(field));
        self.take(field, read)
    }

    /// Notes that a field must be given.
    pub fn required(&mut self, field: &'static str) {
        self.take::<()>(field, Err(WireError::Missing(field)));
    }

    /// Sex, if given.
    pub fn sex(&mut self, number: i32) -> Option<Sex> {
        match self.value("sex", number)? {
            pb::Sex::Unspecified => None,
            pb::Sex::Male => Some(Sex::Male),
            pb::Sex::Female => Some(Sex::Female),
        }
    }

    /// Fields to reveal.
    pub fn reveal(&mut self, numbers: &[i32]) -> Vec<PersonalField> {
        let mut fields = Vec::new();
        for number in numbers {
            match self.value("reveal", *number) {
                Some(pb::PersonalField::Name) => fields.push(PersonalField::Name),
                Some(pb::PersonalField::IdNumber) => fields.push(PersonalField::IdNumber),
                Some(pb::PersonalField::Phone) => fields.push(PersonalField::Phone),
                Some(pb::PersonalField::Unspecified) => self.required("reveal"),
                None => {}
            }
        }
        fields
    }

    /// A relation, which must be given; spouse where it is wrong.
    pub fn relation(&mut self, number: i32) -> Relation {
        match self.value("relation", number) {
            Some(pb::KinRelation::Spouse) | None => Relation::Spouse,
            Some(pb::KinRelation::Parent) => Relation::Parent,
            Some(pb::KinRelation::Child) => Relation::Child,
            Some(pb::KinRelation::Guardian) => Relation::Guardian,
            Some(pb::KinRelation::Sibling) => Relation::Sibling,
            Some(pb::KinRelation::Grandparent) => Relation::Grandparent,
            Some(pb::KinRelation::Unspecified) => {
                self.required("relation");
                Relation::Spouse
            }
        }
    }

    /// An identity as given; what is absent is found to be missing by the domain.
    pub fn identity<'a>(&mut self, identity: Option<&'a common::Identity>) -> IdentityInput<'a> {
        let Some(identity) = identity else {
            return IdentityInput {
                id_type: None,
                id_number: "",
                name: "",
            };
        };
        IdentityInput {
            id_type: self.id_type(identity.id_type),
            id_number: &identity.id_number,
            name: &identity.name,
        }
    }

    fn id_type(&mut self, number: i32) -> Option<IdType> {
        match self.value("identity.id_type", number)? {
            common::IdType::Unspecified => None,
            common::IdType::ResidentId => Some(IdType::ResidentId),
            common::IdType::PermanentResidenceCard => Some(IdType::PermanentResidenceCard),
            common::IdType::Passport => Some(IdType::Passport),
            common::IdType::None => Some(IdType::None),
        }
    }

    /// A division of any level, if given.
    pub fn division(&mut self, field: &'static str, code: &str) -> Option<DivisionCode> {
        self.take(field, DivisionCode::from_wire(field, code))
            .flatten()
    }

    /// A place, if given.
    pub fn place(&mut self, field: &'static str, code: &str) -> Option<DivisionCode> {
        take(&mut self.0, field, place_if_given(code)).flatten()
    }

    /// A reason, which must be given.
    pub fn reason(&mut self, text: &str) -> String {
        take(&mut self.0, "reason", free_text(text, MAX_REASON)).unwrap_or_default()
    }

    /// States to list; established and provisional where none is given.
    pub fn states(&mut self, number: i32) -> Vec<&'static str> {
        match self.value("state", number) {
            Some(pb::RecordState::Unspecified) | None => vec!["established", "provisional"],
            Some(pb::RecordState::Established) => vec!["established"],
            Some(pb::RecordState::Provisional) => vec!["provisional"],
            Some(pb::RecordState::Merged) => vec!["merged"],
            Some(pb::RecordState::Rejected) => vec!["rejected"],
        }
    }

    /// A decision, which must be given; only "is person" names one.
    pub fn verdict(&mut self, number: i32, into: &str) -> Verdict {
        let decision = self.value("decision", number);
        if decision == Some(pb::MatchDecision::IsPerson) {
            return Verdict::IsPerson(self.id("into_person_id", into));
        }
        if !into.is_empty() {
            let problem = Err::<(), _>(FieldProblem::NotAllowed);
            take(&mut self.0, "into_person_id", problem);
        }
        match decision {
            Some(pb::MatchDecision::NewPerson) => Verdict::NewPerson,
            Some(pb::MatchDecision::Reject | pb::MatchDecision::IsPerson) | None => Verdict::Reject,
            Some(pb::MatchDecision::Unspecified) => {
                self.required("decision");
                Verdict::Reject
            }
        }
    }

    /// Takes a value, or notes what is wrong with the field.
    pub fn take<T>(
        &mut self,
        field: &'static str,
        read: Result<T, impl Into<Problem>>,
    ) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(error) => {
                let Problem {
                    reason,
                    message,
                    chinese,
                    mut fields,
                    ..
                } = error.into();
                // A problem of fields says what is wrong of each; any other is about this one.
                if fields.is_empty() {
                    self.0.add(field, reason, message, chinese);
                }
                for field in fields.drain(..) {
                    self.0
                        .add(field.field, field.reason, field.message, field.chinese);
                }
                None
            }
        }
    }

    /// The value that was read by the domain, once nothing is wrong with either.
    ///
    /// # Errors
    /// Everything that was found.
    pub fn with<T>(mut self, read: Result<T, Problem>) -> Result<T, Problem> {
        let read = self.take("", read);
        self.check()?;
        read.ok_or_else(Problem::internal)
    }

    /// # Errors
    /// What was found, if anything.
    pub fn check(self) -> Result<(), Problem> {
        self.0.check()
    }
}
