//! A full date in serde, written `YYYY-MM-DD`.

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use minzheng_chassis::civil::PartialDate;

pub(super) fn serialize<S: Serializer>(day: &Date, serializer: S) -> Result<S::Ok, S::Error> {
    PartialDate::of_day(*day)
        .map_err(ser::Error::custom)?
        .serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
    PartialDate::deserialize(deserializer)?
        .day()
        .ok_or_else(|| de::Error::custom("the date lacks its day"))
}
