//! Requests → what the app takes. What is wrong with the fields is told all at once.

use jiff::civil::Date;
use minzheng_chassis::civil::PartialDate;
use minzheng_chassis::convert;
use minzheng_chassis::division::{DivisionCode, DivisionCodeError, Divisions};
use minzheng_chassis::problem::{Problem, Violations};
use minzheng_proto::common::v1 as common;
use minzheng_proto::life_events::v1 as pb;
use uuid::Uuid;

use crate::app::decide_review::Decision;
use crate::app::desk::Target;
use crate::app::names::{phase_of, source_of};
use crate::domain::death::{CorrectionCause, Phase, Source};
use crate::domain::text::{MAX_REFERENCE, TextError, free_text, short_text};

/// Collects what is wrong with a message's form. A field that is wrong gives a value that nobody
/// sees, since [`Form::check`] refuses the whole.
#[derive(Debug, Default)]
pub struct Form(Violations);

impl Form {
    /// Notes what is wrong with a field.
    pub fn add(&mut self, field: &str, reason: &'static str, message: &str, chinese: &str) {
        self.0.add(field, reason, message, chinese);
    }

    fn required(&mut self, field: &str) {
        self.add(field, "REQUIRED", "is required", "必填");
    }

    fn malformed(&mut self, field: &str) {
        self.add(field, "MALFORMED", "is malformed", "格式不正确");
    }

    /// A required id.
    pub fn id(&mut self, field: &'static str, text: &str) -> Uuid {
        if text.is_empty() {
            self.required(field);
            return Uuid::nil();
        }
        Uuid::parse_str(text).unwrap_or_else(|_| {
            self.malformed(field);
            Uuid::nil()
        })
    }

    /// An id that may be empty.
    pub fn id_if_given(&mut self, field: &'static str, text: &str) -> Option<Uuid> {
        (!text.is_empty()).then(|| self.id(field, text))
    }

    /// The case of a command. A missing etag is told with the rest.
    pub fn target(&mut self, case_id: &str, etag: &str) -> Target {
        if etag.is_empty() {
            self.required("etag");
        }
        Target {
            case_id: self.id("case_id", case_id),
            etag: etag.to_owned(),
        }
    }

    /// A date that may be absent, and must not lie in the future.
    pub fn past(
        &mut self,
        field: &'static str,
        date: Option<&common::PartialDate>,
        today: Date,
    ) -> Option<PartialDate> {
        let Ok(read) = convert::partial_date_opt(field, date) else {
            self.malformed(field);
            return None;
        };
        if read
            .and_then(PartialDate::earliest)
            .is_some_and(|earliest| earliest > today)
        {
            self.add(
                field,
                "DATE_IN_FUTURE",
                "lies in the future",
                "日期不能晚于今天",
            );
        }
        read
    }

    /// A date that must be given, in whichever precision.
    pub fn required_date(&mut self, field: &str, read: Option<PartialDate>) -> PartialDate {
        read.unwrap_or_else(|| {
            self.required(field);
            PartialDate::UNKNOWN
        })
    }

    /// A name or number given by an organisation.
    pub fn short(&mut self, field: &str, text: &str) -> String {
        self.text(field, short_text(text, MAX_REFERENCE))
    }

    /// A reason, which must be given.
    pub fn reason(&mut self, text: &str) -> String {
        self.text("reason", free_text(text))
    }

    /// A note, which may be empty.
    pub fn note(&mut self, text: &str) -> String {
        if text.is_empty() {
            return String::new();
        }
        self.text("note", free_text(text))
    }

    fn text(&mut self, field: &str, read: Result<String, TextError>) -> String {
        match read {
            Ok(text) => text,
            Err(error) => {
                let found = error.of_field(field);
                self.0
                    .add(found.field, found.reason, found.message, found.chinese);
                String::new()
            }
        }
    }

    /// The division of a place of death, of any level, if given. In Guizhou it must be in force; of
    /// other provinces only the form of the code is known.
    pub fn place(&mut self, field: &'static str, code: &str) -> Option<DivisionCode> {
        let code = code.trim();
        if code.is_empty() {
            return None;
        }
        match code.parse::<DivisionCode>() {
            Ok(code) if is_known(code) => Some(code),
            Ok(_) => {
                self.add(
                    field,
                    "DIVISION_UNKNOWN",
                    "no such division",
                    "行政区划代码不存在",
                );
                None
            }
            Err(error) => {
                let error: DivisionCodeError = error;
                self.add(field, error.reason(), &error.to_string(), error.chinese());
                None
            }
        }
    }

    /// A kind of source, which must be given.
    pub fn source(&mut self, number: i32) -> Source {
        let read = pb::EvidenceSource::try_from(number)
            .ok()
            .and_then(source_of);
        read.unwrap_or_else(|| {
            self.of_enum("source", number);
            Source::DataHint
        })
    }

    /// A phase, if given.
    pub fn phase(&mut self, number: i32) -> Option<Phase> {
        let Ok(read) = pb::Phase::try_from(number) else {
            self.malformed("phase");
            return None;
        };
        phase_of(read)
    }

    /// Why a date was wrong: one of the corrections.
    pub fn correction(&mut self, number: i32) -> CorrectionCause {
        match pb::Cause::try_from(number) {
            Ok(pb::Cause::FormalCorrection) => CorrectionCause::Formal,
            Ok(pb::Cause::QualityAssurance) => CorrectionCause::QualityAssurance,
            Ok(pb::Cause::Typographical) => CorrectionCause::Typographical,
            Ok(pb::Cause::Cancelled | pb::Cause::CancellationRemoved) => {
                let chinese = "更正原因不能是撤销";
                self.add(
                    "cause",
                    "CAUSE_NOT_A_CORRECTION",
                    "must be a correction",
                    chinese,
                );
                CorrectionCause::QualityAssurance
            }
            Ok(pb::Cause::Unspecified) | Err(_) => {
                self.of_enum("cause", number);
                CorrectionCause::QualityAssurance
            }
        }
    }

    /// What becomes of a case in review; only "is person" names one.
    pub fn review(&mut self, number: i32, person_id: &str) -> Decision {
        let decision = pb::ReviewDecision::try_from(number);
        if decision == Ok(pb::ReviewDecision::IsPerson) {
            return Decision::IsPerson(self.id("person_id", person_id));
        }
        if !person_id.is_empty() {
            let chinese = "仅在归到已知人员时填写";
            self.add(
                "person_id",
                "NOT_ALLOWED",
                "belongs to another decision",
                chinese,
            );
        }
        match decision {
            Ok(pb::ReviewDecision::NewPerson) => Decision::Counts,
            Ok(pb::ReviewDecision::Reject | pb::ReviewDecision::IsPerson) => Decision::Refused,
            Ok(pb::ReviewDecision::Unspecified) | Err(_) => {
                self.of_enum("decision", number);
                Decision::Refused
            }
        }
    }

    /// An enum's value that is missing or unknown.
    pub fn of_enum(&mut self, field: &str, number: i32) {
        match number {
            0 => self.required(field),
            _ => self.malformed(field),
        }
    }

    /// Takes what was read elsewhere, or notes what is wrong.
    pub fn take<T>(&mut self, read: Result<T, Problem>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(problem) => {
                for found in problem.fields {
                    self.0
                        .add(found.field, found.reason, found.message, found.chinese);
                }
                None
            }
        }
    }

    /// # Errors
    /// What was found, if anything.
    pub fn check(self) -> Result<(), Problem> {
        self.0.check()
    }
}

fn is_known(code: DivisionCode) -> bool {
    !DivisionCode::GUIZHOU.contains(code) || Divisions::guizhou().exists(code)
}
