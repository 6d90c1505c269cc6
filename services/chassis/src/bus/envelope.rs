//! The envelope: one event with everything that travels beside its payload.
//!
//! CloudEvents 1.0 in the Kafka protocol binding, binary mode: the value is the protobuf, the
//! attributes are headers. Outbox rows, the embedded log, Kafka records and stopped events are
//! codecs of this one struct.

use std::fmt::{self, Write as _};

use jiff::Timestamp;
use minzheng_proto::topics::MAX_RECORD_BYTES;
use uuid::Uuid;

use crate::division::DivisionCode;

/// Header names, in the order in which they are written.
pub mod header {
    /// Event id, a UUIDv7.
    pub const ID: &str = "ce_id";
    /// The service that published it.
    pub const SOURCE: &str = "ce_source";
    /// The event's type string, from the catalogue.
    pub const TYPE: &str = "ce_type";
    /// Always `1.0`.
    pub const SPEC_VERSION: &str = "ce_specversion";
    /// When it was decided, RFC 3339 UTC.
    pub const TIME: &str = "ce_time";
    /// The key again.
    pub const SUBJECT: &str = "ce_subject";
    /// Rises by one per (source, topic, key).
    pub const SEQUENCE: &str = "ce_sequence";
    /// The division it concerns, 12 digits.
    pub const DIVISION: &str = "ce_division";
    /// The event or request that caused it.
    pub const CAUSATION_ID: &str = "ce_causationid";
    /// The case it belongs to.
    pub const CORRELATION_ID: &str = "ce_correlationid";
    /// `application/protobuf`.
    pub const CONTENT_TYPE: &str = "content-type";
    /// W3C trace context.
    pub const TRACEPARENT: &str = "traceparent";
}

/// The only content type.
pub const PROTOBUF: &str = "application/protobuf";

/// One event on its way. No field holds personal data: `key` is an opaque id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Event id; the only thing by which duplicates are known.
    pub id: Uuid,
    /// Name of the publishing service.
    pub source: String,
    /// Topic name without the deployment's prefix.
    pub topic: String,
    /// Opaque id of what the event is about; orders the stream.
    pub key: String,
    /// Number of this event among those of its (source, topic, key), from 1.
    pub sequence: i64,
    /// Type string from the catalogue, e.g. `minzheng.life_events.v1.DeathConfirmed`.
    pub event_type: String,
    /// When it was decided.
    pub time: Timestamp,
    /// The division it concerns, if one.
    pub division: Option<DivisionCode>,
    /// The event or request that caused it.
    pub causation_id: Option<Uuid>,
    /// The case it belongs to.
    pub correlation_id: Option<Uuid>,
    /// W3C trace context of the work that published it.
    pub traceparent: Option<String>,
    /// The protobuf.
    pub value: Vec<u8>,
}

/// What is wrong with a record's headers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// A required header is absent.
    #[error("header {0} is missing")]
    Missing(&'static str),
    /// A header's value cannot be read.
    #[error("header {0} is malformed")]
    Malformed(&'static str),
}

impl Envelope {
    /// Topic and key: events that share them follow each other.
    pub(crate) fn stream(&self) -> (&str, &str) {
        (&self.topic, &self.key)
    }

    /// The headers of this envelope in a fixed order.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = Vec::with_capacity(MOST_HEADERS);
        self.each_header(|name, value| headers.push((name, value.to_owned())));
        headers
    }

    /// Gives every header in that order, to one who writes them elsewhere: a relay writes a dozen for each of
    /// many thousand events a second, and need not allocate each before.
    pub(crate) fn each_header(&self, mut each: impl FnMut(&'static str, &str)) {
        let mut uuid = Uuid::encode_buffer();
        let mut text = String::new();
        each(header::ID, self.id.hyphenated().encode_lower(&mut uuid));
        each(header::SOURCE, &self.source);
        each(header::TYPE, &self.event_type);
        each(header::SPEC_VERSION, "1.0");
        each(header::TIME, written(&mut text, self.time));
        each(header::SUBJECT, &self.key);
        each(header::SEQUENCE, written(&mut text, self.sequence));
        each(header::CONTENT_TYPE, PROTOBUF);
        if let Some(division) = &self.division {
            each(header::DIVISION, written(&mut text, division));
        }
        if let Some(id) = &self.causation_id {
            each(
                header::CAUSATION_ID,
                id.hyphenated().encode_lower(&mut uuid),
            );
        }
        if let Some(id) = &self.correlation_id {
            each(
                header::CORRELATION_ID,
                id.hyphenated().encode_lower(&mut uuid),
            );
        }
        if let Some(traceparent) = &self.traceparent {
            each(header::TRACEPARENT, traceparent);
        }
    }

    /// Reads an envelope back from a record.
    ///
    /// # Errors
    /// A required header missing, or any known header malformed. Unknown headers are ignored.
    pub fn from_record<'a>(
        topic: &str,
        key: &str,
        headers: impl Iterator<Item = (&'a str, &'a [u8])>,
        value: Vec<u8>,
    ) -> Result<Self, EnvelopeError> {
        let headers = Headers::collect(headers)?;
        let sequence = headers.required(header::SEQUENCE)?;
        // Nobody gives such a number; taken, it would be a gap that nothing ever fills.
        if sequence < 1 {
            return Err(EnvelopeError::Malformed(header::SEQUENCE));
        }
        Ok(Self {
            id: headers.required(header::ID)?,
            source: headers.required(header::SOURCE)?,
            topic: topic.to_owned(),
            key: key.to_owned(),
            sequence,
            event_type: headers.required(header::TYPE)?,
            time: headers.required(header::TIME)?,
            division: headers.optional(header::DIVISION)?,
            causation_id: headers.optional(header::CAUSATION_ID)?,
            correlation_id: headers.optional(header::CORRELATION_ID)?,
            traceparent: headers.optional(header::TRACEPARENT)?,
            value,
        })
    }

    /// Size on the wire in bytes, as the limit of a topic counts it.
    pub fn size(&self) -> usize {
        self.size_with(&self.headers())
    }

    /// Whether it is larger than a topic takes. Key and headers are small: most values need not be measured with them.
    pub(crate) fn is_too_large(&self) -> bool {
        self.value.len() > MAX_RECORD_BYTES / 2 && self.size() > MAX_RECORD_BYTES
    }

    /// [`Envelope::size`] for one who has written the headers already.
    pub(crate) fn size_with(&self, headers: &[(&'static str, String)]) -> usize {
        let headers: usize = headers
            .iter()
            .map(|(name, value)| name.len() + value.len() + 4)
            .sum();
        self.key.len() + self.value.len() + headers + RECORD_OVERHEAD
    }
}

/// A value's text, in place of the one before.
fn written(text: &mut String, value: impl fmt::Display) -> &str {
    text.clear();
    // Memory takes whatever is written.
    let _ = write!(text, "{value}");
    text
}

/// Headers of an event that has them all.
pub(crate) const MOST_HEADERS: usize = 12;

/// What a record costs beside key, value and headers; an upper bound of Kafka's framing.
const RECORD_OVERHEAD: usize = 96;

struct Headers<'a>(Vec<(&'static str, &'a str)>);

impl<'a> Headers<'a> {
    fn collect(headers: impl Iterator<Item = (&'a str, &'a [u8])>) -> Result<Self, EnvelopeError> {
        const KNOWN: [&str; 10] = [
            header::ID,
            header::SOURCE,
            header::TYPE,
            header::TIME,
            header::SEQUENCE,
            header::DIVISION,
            header::CAUSATION_ID,
            header::CORRELATION_ID,
            header::CONTENT_TYPE,
            header::TRACEPARENT,
        ];
        let mut found = Vec::with_capacity(KNOWN.len());
        for (name, value) in headers {
            let Some(known) = KNOWN.iter().find(|known| **known == name) else {
                continue;
            };
            let text = std::str::from_utf8(value).map_err(|_| EnvelopeError::Malformed(known))?;
            found.push((*known, text));
        }
        Ok(Self(found))
    }

    fn optional<T: std::str::FromStr>(
        &self,
        name: &'static str,
    ) -> Result<Option<T>, EnvelopeError> {
        let Some((_, text)) = self.0.iter().find(|(found, _)| *found == name) else {
            return Ok(None);
        };
        text.parse()
            .map(Some)
            .map_err(|_| EnvelopeError::Malformed(name))
    }

    fn required<T: std::str::FromStr>(&self, name: &'static str) -> Result<T, EnvelopeError> {
        self.optional(name)?.ok_or(EnvelopeError::Missing(name))
    }
}

#[cfg(test)]
mod tests {
    use proptest::option;
    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        fn envelopes()(
            ids in any::<(u128, Option<u128>, Option<u128>)>(),
            texts in ("[a-z-]{1,20}", "[a-z.-]{1,20}", ".{0,40}", "[a-zA-Z.]{1,60}"),
            (sequence, time) in (1..i64::MAX, 0..4_102_444_800_000_000_i64),
            division in option::of(Just("520102000000")),
            traceparent in option::of("[0-9a-f-]{55}"),
            value in proptest::collection::vec(any::<u8>(), 0..200),
        ) -> Envelope {
            let (source, topic, key, event_type) = texts;
            Envelope {
                id: Uuid::from_u128(ids.0), source, topic, key, sequence, event_type,
                time: Timestamp::from_microsecond(time).unwrap(),
                division: division.map(|code| code.parse().unwrap()),
                causation_id: ids.1.map(Uuid::from_u128),
                correlation_id: ids.2.map(Uuid::from_u128),
                traceparent, value,
            }
        }
    }

    fn read(
        envelope: &Envelope,
        headers: &[(&'static str, String)],
    ) -> Result<Envelope, EnvelopeError> {
        let headers = headers
            .iter()
            .map(|(name, value)| (*name, value.as_bytes()));
        Envelope::from_record(
            &envelope.topic,
            &envelope.key,
            headers,
            envelope.value.clone(),
        )
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(envelope in envelopes()) {
            prop_assert_eq!(read(&envelope, &envelope.headers()).unwrap(), envelope);
        }

        #[test]
        fn a_size_is_never_less_than_what_it_counts(envelope in envelopes()) {
            let headers: usize = envelope.headers().iter().map(|(name, value)| name.len() + value.len()).sum();
            prop_assert!(envelope.size() > headers + envelope.key.len() + envelope.value.len());
        }

        #[test]
        fn headers_of_others_are_ignored(envelope in envelopes(), value in ".*") {
            let mut headers = envelope.headers();
            headers.insert(0, ("x-other", value));
            prop_assert_eq!(read(&envelope, &headers).unwrap(), envelope);
        }
    }

    fn sample() -> Envelope {
        Envelope {
            id: Uuid::from_u128(1),
            source: "residents".to_owned(),
            topic: "residents.person".to_owned(),
            key: "key".to_owned(),
            sequence: 1,
            event_type: "minzheng.residents.v1.PersonRegistered".to_owned(),
            time: Timestamp::UNIX_EPOCH,
            division: Some("520102000000".parse().unwrap()),
            causation_id: Some(Uuid::from_u128(2)),
            correlation_id: Some(Uuid::from_u128(3)),
            traceparent: None,
            value: vec![1, 2, 3],
        }
    }

    #[test]
    fn each_required_header_is_missed_by_name() {
        for required in [
            header::ID,
            header::SOURCE,
            header::TYPE,
            header::TIME,
            header::SEQUENCE,
        ] {
            let mut headers = sample().headers();
            headers.retain(|(name, _)| *name != required);
            assert_eq!(
                read(&sample(), &headers),
                Err(EnvelopeError::Missing(required))
            );
        }
    }

    #[test]
    fn each_header_with_a_form_is_refused_without_it() {
        let formed = [
            header::ID,
            header::TIME,
            header::SEQUENCE,
            header::DIVISION,
            header::CAUSATION_ID,
            header::CORRELATION_ID,
        ];
        for formed in formed {
            let mut headers = sample().headers();
            for (name, value) in &mut headers {
                if *name == formed {
                    "neither".clone_into(value);
                }
            }
            assert_eq!(
                read(&sample(), &headers),
                Err(EnvelopeError::Malformed(formed))
            );
        }
    }

    #[test]
    fn text_that_is_no_text_is_refused() {
        let headers = [(header::SOURCE, [0xff_u8, 0xfe].as_slice())];
        let read = Envelope::from_record("t", "k", headers.into_iter(), Vec::new());
        assert_eq!(read, Err(EnvelopeError::Malformed(header::SOURCE)));
    }
}
