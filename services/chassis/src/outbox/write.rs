//! Writing the events of one unit of work: sequences first, sorted, then the rows.

use std::collections::BTreeMap;

use jiff::Timestamp;
use minzheng_proto::catalogue::EventType;
use minzheng_proto::topics::MAX_RECORD_BYTES;
use sea_orm::DbBackend;
use uuid::Uuid;

use crate::bus::Envelope;
use crate::civil::micros;
use crate::db::writes::{Write, written};
use crate::db::{Insert, opt, rows_of, val};
use crate::division::DivisionCode;
use crate::seam::{Cause, Failure};
use crate::telemetry;

/// An event that waits for the flush.
pub(crate) struct PendingEvent {
    topic: &'static str,
    key: String,
    id: Uuid,
    event_type: &'static str,
    time: Timestamp,
    division: Option<DivisionCode>,
    cause: Cause,
    traceparent: Option<String>,
    value: Vec<u8>,
}

impl PendingEvent {
    /// Takes an event as its codec writes it; its size is checked here, before the commit.
    pub(crate) fn of<E: EventType>(
        event: &E,
        division: Option<DivisionCode>,
        id: Uuid,
        time: Timestamp,
        cause: Cause,
    ) -> Result<Self, Failure> {
        let pending = Self {
            topic: E::TOPIC.name,
            key: event.key().to_owned(),
            id,
            event_type: E::TYPE,
            time,
            division,
            cause,
            traceparent: telemetry::kept_traceparent(),
            value: event.encode_to_vec(),
        };
        if pending.key.is_empty() {
            return Err(Failure::internal(format!("{} without a key", E::TYPE)));
        }
        // As in `Envelope::is_too_large`: a small one need not be made into an envelope.
        if pending.value.len() > MAX_RECORD_BYTES / 2 {
            let longest = pending.envelope(i64::MAX, "a-service-with-a-long-name");
            if longest.is_too_large() {
                return Err(Failure::internal(format!(
                    "{} of {} bytes is larger than a topic takes",
                    E::TYPE,
                    longest.size()
                )));
            }
        }
        Ok(pending)
    }

    /// Makes it larger than `of` would let pass, as an older version with another limit might have.
    #[cfg(test)]
    pub(super) fn enlarge(&mut self, size: usize) {
        self.value.resize(size, 0);
    }

    fn envelope(&self, sequence: i64, source: &str) -> Envelope {
        Envelope {
            id: self.id,
            source: source.to_owned(),
            topic: self.topic.to_owned(),
            key: self.key.clone(),
            sequence,
            event_type: self.event_type.to_owned(),
            time: self.time,
            division: self.division,
            causation_id: self.cause.causation_id,
            correlation_id: self.cause.correlation_id,
            traceparent: self.traceparent.clone(),
            value: self.value.clone(),
        }
    }
}

const COLUMNS: &str = "event_id, topic, key, sequence, type, time, division, causation_id, correlation_id, \
                       traceparent, value";

/// The events of one unit of work: every (topic, key) raises its sequence at once, then come the rows. The
/// sequence's row lock lasts to the commit, so outbox order is sequence order.
pub(crate) fn write(backend: DbBackend, events: &[PendingEvent]) -> Vec<Write> {
    if events.is_empty() {
        return Vec::new();
    }
    let mut counts: Counts<'_> = BTreeMap::new();
    for event in events {
        *counts.entry((event.topic, &event.key)).or_default() += 1;
    }
    vec![
        raise_sequences(backend, &counts),
        insert(backend, events, counts),
    ]
}

/// How many events of each (topic, key).
type Counts<'e> = BTreeMap<(&'static str, &'e str), i64>;

const SEQUENCES: &str = "stream_sequence";

/// Sorted, so that two units cannot wait for each other crosswise.
fn raise_sequences(backend: DbBackend, counts: &Counts<'_>) -> Write {
    let insert = Insert {
        table: SEQUENCES,
        columns: &["topic", "key", "sequence"],
        tail: "ON CONFLICT (topic, key) DO UPDATE SET sequence = stream_sequence.sequence + excluded.sequence",
    };
    let (text, values) = insert.rows(
        backend,
        counts
            .iter()
            .map(|((topic, key), count)| vec![val(*topic), val(*key), val(*count)]),
    );
    Write::new(insert.table, text, values, counts.len()).returning("topic, key, sequence")
}

/// Each row with its place among those of its key: the last has the raised sequence.
fn insert<'e>(backend: DbBackend, events: &'e [PendingEvent], mut behind: Counts<'e>) -> Write {
    let rows = events.iter().enumerate().map(|(place, event)| {
        let key = (event.topic, event.key.as_str());
        let behind = behind.entry(key).or_default();
        *behind -= 1;
        vec![
            val(event.id),
            val(event.topic),
            val(event.key.clone()),
            val(*behind),
            val(event.event_type),
            val(micros(event.time)),
            opt(event.division.as_ref()),
            val(event.cause.causation_id),
            val(event.cause.correlation_id),
            val(event.traceparent.clone()),
            val(event.value.clone()),
            val(i64::try_from(place).unwrap_or(i64::MAX)),
        ]
    });
    let (rows, values) = rows_of(backend, rows);
    let text = format!(
        "INSERT INTO outbox ({COLUMNS}) SELECT e.column1, e.column2, e.column3, s.sequence - e.column4, \
         e.column5, e.column6, e.column7, e.column8, e.column9, e.column10, e.column11 FROM ({rows}) AS e \
         JOIN {} AS s ON s.topic = e.column2 AND s.key = e.column3 ORDER BY e.column12",
        written(backend, SEQUENCES)
    );
    Write::new("outbox", text, values, events.len())
}
