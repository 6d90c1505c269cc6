//! Reads requests; everything that is wrong with one is told at once.

use jiff::civil::Date;
use minzheng_chassis::civil::Month;
use minzheng_chassis::convert::{self, WireError};
use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::problem::{Problem, Violations};
use minzheng_proto::child_welfare::v1 as pb;
use minzheng_proto::common::v1::PartialDate;
use uuid::Uuid;

use crate::app::command::OfChild;
use crate::domain::{Carer, GuardianBasis, ParentSituationKind, Situation};

/// Longest legal basis, in characters.
const LEGAL_BASIS_CHARS: usize = 200;

/// The fields of one request. A field that is wrong gives `None` and is remembered; [`Fields::all`]
/// tells all of them.
#[derive(Default)]
pub(super) struct Fields(Violations);

impl Fields {
    /// A required id.
    pub(super) fn id(&mut self, field: &'static str, text: &str) -> Option<Uuid> {
        self.take(field, convert::uuid(field, text))
    }

    /// The child, and the version that the request is based on.
    pub(super) fn child(&mut self, child_id: &str, etag: &str) -> Option<OfChild> {
        let child_id = self.id("child_id", child_id);
        let etag = match etag {
            "" => self.required("etag"),
            etag => Some(etag.to_owned()),
        };
        Some(OfChild {
            child_id: child_id?,
            etag: etag?,
        })
    }

    /// A required date that is known to the day.
    pub(super) fn day(&mut self, field: &'static str, date: Option<&PartialDate>) -> Option<Date> {
        match self.day_opt(field, date)? {
            Some(day) => Some(day),
            None => self.required(field),
        }
    }

    /// A date that is known to the day, if one is given.
    pub(super) fn day_opt(
        &mut self,
        field: &'static str,
        date: Option<&PartialDate>,
    ) -> Option<Option<Date>> {
        let Some(date) = self.take(field, convert::partial_date_opt(field, date))? else {
            return Some(None);
        };
        let day = date.day();
        if day.is_none() {
            let message = "must be known to the day";
            self.0.add(field, "DAY_REQUIRED", message, "日期须精确到日");
            return None;
        }
        Some(day)
    }

    /// A month, if one is given.
    pub(super) fn month(&mut self, field: &'static str, text: &str) -> Option<Option<Month>> {
        if text.is_empty() {
            return Some(None);
        }
        let month = text.parse();
        self.take(field, month.map_err(|_| WireError::Malformed(field)))
            .map(Some)
    }

    /// A division, if one is given.
    pub(super) fn division(
        &mut self,
        field: &'static str,
        text: &str,
    ) -> Option<Option<DivisionCode>> {
        if text.is_empty() {
            return Some(None);
        }
        let parsed = text.parse::<DivisionCode>();
        self.0
            .take(field, parsed, |error| {
                let chinese = error.chinese().to_owned();
                (error.reason(), error.to_string(), chinese)
            })
            .map(Some)
    }

    /// What a decision rests on.
    pub(super) fn legal_basis(&mut self, text: &str) -> Option<String> {
        let text = text.trim();
        if text.is_empty() {
            return self.required("legal_basis");
        }
        if text.chars().count() > LEGAL_BASIS_CHARS {
            self.0.add(
                "legal_basis",
                "LEGAL_BASIS_TOO_LONG",
                format!("must have at most {LEGAL_BASIS_CHARS} characters"),
                format!("依据不能超过{LEGAL_BASIS_CHARS}个字符"),
            );
            return None;
        }
        Some(text.to_owned())
    }

    /// A required situation of a parent.
    pub(super) fn kind(&mut self, number: i32) -> Option<ParentSituationKind> {
        use pb::ParentSituationKind as Wire;
        let kind = match Wire::try_from(number) {
            Ok(Wire::Unspecified) => return self.required("kind"),
            Err(_) => return self.malformed("kind"),
            Ok(Wire::DeclaredMissing) => ParentSituationKind::DeclaredMissing,
            Ok(Wire::OutOfContact) => ParentSituationKind::OutOfContact,
            Ok(Wire::Imprisoned) => ParentSituationKind::Imprisoned,
            Ok(Wire::CompulsoryRehabilitation) => ParentSituationKind::CompulsoryRehabilitation,
            Ok(Wire::LibertyRestricted) => ParentSituationKind::LibertyRestricted,
            Ok(Wire::SeverelyDisabled) => ParentSituationKind::SeverelyDisabled,
            Ok(Wire::SeverelyIll) => ParentSituationKind::SeverelyIll,
            Ok(Wire::GuardianshipRevoked) => ParentSituationKind::GuardianshipRevoked,
            Ok(Wire::Deported) => ParentSituationKind::Deported,
        };
        Some(kind)
    }

    /// What makes somebody a guardian; required.
    pub(super) fn basis(&mut self, number: i32) -> Option<GuardianBasis> {
        use pb::GuardianBasis as Wire;
        let basis = match Wire::try_from(number) {
            Ok(Wire::Unspecified) => return self.required("basis"),
            Err(_) => return self.malformed("basis"),
            Ok(Wire::Will) => GuardianBasis::Will,
            Ok(Wire::Agreement) => GuardianBasis::Agreement,
            Ok(Wire::Committee) => GuardianBasis::Committee,
            Ok(Wire::CivilAffairs) => GuardianBasis::CivilAffairs,
            Ok(Wire::Court) => GuardianBasis::Court,
        };
        Some(basis)
    }

    /// A child's situation, if one is given.
    pub(super) fn situation(&mut self, number: i32) -> Option<Option<Situation>> {
        use pb::Situation as Wire;
        let situation = match Wire::try_from(number) {
            Ok(Wire::Unspecified) => return Some(None),
            Err(_) => return self.malformed("situation"),
            Ok(Wire::TwoParents) => Situation::TwoParents,
            Ok(Wire::OneParent) => Situation::OneParent,
            Ok(Wire::DeFactoUnsupported) => Situation::DeFactoUnsupported,
            Ok(Wire::Orphan) => Situation::Orphan,
            Ok(Wire::Closed) => Situation::Closed,
            Ok(Wire::Grown) => Situation::Grown,
            Ok(Wire::Unknown) => Situation::Unknown,
        };
        Some(Some(situation))
    }

    /// Who is left to care, if it is given.
    pub(super) fn carer(&mut self, number: i32) -> Option<Option<Carer>> {
        use pb::Carer as Wire;
        let carer = match Wire::try_from(number) {
            Ok(Wire::Unspecified) => return Some(None),
            Err(_) => return self.malformed("carer"),
            Ok(Wire::Parent) => Carer::Parent,
            Ok(Wire::Guardian) => Carer::Guardian,
            Ok(Wire::Grandparent) => Carer::Grandparent,
            Ok(Wire::AdultSibling) => Carer::AdultSibling,
            Ok(Wire::Nobody) => Carer::Nobody,
        };
        Some(Some(carer))
    }

    /// What was read, if all of it could be.
    ///
    /// # Errors
    /// Everything that was wrong.
    pub(super) fn all<T>(self, read: Option<T>) -> Result<T, Problem> {
        self.0.check()?;
        // A field that reads to nothing has left a violation.
        read.ok_or_else(Problem::internal)
    }

    fn take<T>(&mut self, field: &'static str, read: Result<T, WireError>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(WireError::Missing(_)) => self.required(field),
            Err(WireError::Malformed(_) | WireError::Decode(_)) => self.malformed(field),
        }
    }

    fn required<T>(&mut self, field: &'static str) -> Option<T> {
        self.0.add(field, "REQUIRED", "is required", "必填");
        None
    }

    fn malformed<T>(&mut self, field: &'static str) -> Option<T> {
        self.0.add(field, "MALFORMED", "is malformed", "格式不正确");
        None
    }
}
