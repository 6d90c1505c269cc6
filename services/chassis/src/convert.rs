//! Reading what arrives on the wire into our own types, and writing them back. For requests the
//! errors become field violations, for events they make the event undecodable.

use jiff::Timestamp;
use minzheng_proto::common::v1 as pb;
use uuid::Uuid;

use crate::civil::{Month, PartialDate};
use crate::division::DivisionCode;
use crate::problem::Problem;

/// What is wrong with a message.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// Not a protobuf of that type.
    #[error("not a message of that type: {0}")]
    Decode(#[from] prost::DecodeError),
    /// A required field is absent.
    #[error("field {0} is missing")]
    Missing(&'static str),
    /// A field cannot be read.
    #[error("field {0} is malformed")]
    Malformed(&'static str),
}

impl From<WireError> for Problem {
    fn from(error: WireError) -> Self {
        match error {
            WireError::Decode(_) => {
                Problem::field("", "MALFORMED", "malformed message", "消息格式不正确")
            }
            WireError::Missing(field) => Problem::field(field, "REQUIRED", "is required", "必填"),
            WireError::Malformed(field) => {
                Problem::field(field, "MALFORMED", "is malformed", "格式不正确")
            }
        }
    }
}

impl From<WireError> for crate::seam::Failure {
    fn from(error: WireError) -> Self {
        crate::seam::Failure::Undecodable(error.to_string())
    }
}

/// A value that may be absent on the wire as an empty text.
pub trait FromWire: Sized {
    /// # Errors
    /// The text is not empty and malformed.
    fn from_wire(field: &'static str, text: &str) -> Result<Option<Self>, WireError>;
}

impl<T: std::str::FromStr> FromWire for T {
    fn from_wire(field: &'static str, text: &str) -> Result<Option<Self>, WireError> {
        if text.is_empty() {
            return Ok(None);
        }
        text.parse()
            .map(Some)
            .map_err(|_| WireError::Malformed(field))
    }
}

/// A required id.
///
/// # Errors
/// It is absent or no UUID.
pub fn uuid(field: &'static str, text: &str) -> Result<Uuid, WireError> {
    Uuid::from_wire(field, text)?.ok_or(WireError::Missing(field))
}

/// A required division.
///
/// # Errors
/// It is absent or malformed.
pub fn division(field: &'static str, text: &str) -> Result<DivisionCode, WireError> {
    DivisionCode::from_wire(field, text)?.ok_or(WireError::Missing(field))
}

/// A date with its precision; absent means unknown.
///
/// # Errors
/// It is no date.
pub fn partial_date(
    field: &'static str,
    date: Option<&pb::PartialDate>,
) -> Result<PartialDate, WireError> {
    Ok(partial_date_opt(field, date)?.unwrap_or(PartialDate::UNKNOWN))
}

/// A date with its precision, if given.
///
/// # Errors
/// It is no date.
pub fn partial_date_opt(
    field: &'static str,
    date: Option<&pb::PartialDate>,
) -> Result<Option<PartialDate>, WireError> {
    let Some(date) = date else { return Ok(None) };
    let malformed = || WireError::Malformed(field);
    let year = i16::try_from(date.year).map_err(|_| malformed())?;
    let month = i8::try_from(date.month).map_err(|_| malformed())?;
    let day = i8::try_from(date.day).map_err(|_| malformed())?;
    let parsed = match (year, month, day) {
        (0, 0, 0) => return Ok(None),
        (year, 0, 0) => PartialDate::of_year(year),
        (year, month, 0) => Month::new(year, month).map(PartialDate::of_month),
        (year, month, day) => PartialDate::ymd(year, month, day),
    };
    parsed.map(Some).map_err(|_| malformed())
}

/// A date for the wire.
pub fn date_to_wire(date: PartialDate) -> pb::PartialDate {
    let day = date.day();
    let month = date.month();
    pb::PartialDate {
        year: date.year().map_or(0, i32::from),
        month: month.map_or(0, |month| i32::from(month.month())),
        day: day.map_or(0, |day| i32::from(day.day())),
    }
}

/// An instant for the wire.
pub fn instant_to_wire(instant: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: instant.as_second(),
        nanos: instant.subsec_nanosecond(),
    }
}
