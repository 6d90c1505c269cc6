//! Dates and instants as commands print them: JSON in UTC, tables in Asia/Shanghai.

use jiff::Timestamp;
use minzheng_chassis::civil::{PartialDate, SHANGHAI};
use minzheng_chassis::convert;
use minzheng_proto::common::v1 as pb;
use serde::{Serialize, Serializer};

/// An instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(pub Timestamp);

impl Instant {
    /// From the wire; nothing where it is absent or out of range.
    pub fn from_wire(instant: Option<&prost_types::Timestamp>) -> Option<Self> {
        let instant = instant?;
        Timestamp::new(instant.seconds, instant.nanos)
            .ok()
            .map(Self)
    }

    /// For people in Guizhou: `2026-03-04 09:30`.
    pub fn local(self) -> String {
        SHANGHAI
            .to_datetime(self.0)
            .strftime("%Y-%m-%d %H:%M")
            .to_string()
    }

    /// For people who watch: `09:30:07`.
    pub fn local_second(self) -> String {
        SHANGHAI
            .to_datetime(self.0)
            .strftime("%H:%M:%S")
            .to_string()
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// An instant for people, or a dash.
pub fn local(instant: Option<Instant>) -> String {
    instant.map_or_else(|| "-".to_owned(), Instant::local)
}

/// A date with its precision, as text: `2026-03-04`, `2026-03`, `2026` or `unknown`; nothing where
/// there is none.
pub fn date(date: Option<&pb::PartialDate>) -> Option<String> {
    date?;
    // What the platform sends is a date; anything else is shown as unknown rather than hidden.
    let date = convert::partial_date("", date).unwrap_or(PartialDate::UNKNOWN);
    Some(date.to_string())
}

/// A date for the wire.
pub fn to_wire(date: PartialDate) -> Option<pb::PartialDate> {
    Some(convert::date_to_wire(date))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_utc_for_programs_and_local_for_people() {
        let wire = prost_types::Timestamp {
            seconds: 1_772_587_800,
            nanos: 0,
        };
        let instant = Instant::from_wire(Some(&wire)).unwrap();
        assert_eq!(
            serde_json::to_string(&instant).unwrap(),
            "\"2026-03-04T01:30:00Z\""
        );
        assert_eq!(instant.local(), "2026-03-04 09:30");
        assert_eq!(instant.local_second(), "09:30:00");
        assert_eq!(local(None), "-");
    }

    #[test]
    fn dates_keep_their_precision() {
        for text in ["2026-03-04", "2026-03", "2026"] {
            assert_eq!(
                date(to_wire(text.parse().unwrap()).as_ref()).as_deref(),
                Some(text)
            );
        }
        assert_eq!(
            date(Some(&pb::PartialDate::default())).as_deref(),
            Some("unknown")
        );
        assert_eq!(date(None), None);
    }
}
