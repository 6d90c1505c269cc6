//! Writing the events of one unit of work: sequences first, sorted, then the rows.

use std::collections::BTreeMap;

use jiff::Timestamp;
use minzheng_proto::catalogue::EventType;
use minzheng_proto::topics::MAX_RECORD_BYTES;
use sea_orm::{ConnectionTrait, DbErr};
use uuid::Uuid;

use crate::bus::Envelope;
use crate::civil::micros;
use crate::db::dialect::Insert;
use crate::db::{Sql, opt, val};
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
            traceparent: telemetry::current_traceparent(),
            value: event.encode_to_vec(),
        };
        if pending.key.is_empty() {
            return Err(Failure::internal(format!("{} without a key", E::TYPE)));
        }
        let size = pending
            .envelope(i64::MAX, "a-service-with-a-long-name")
            .size();
        if size > MAX_RECORD_BYTES {
            return Err(Failure::internal(format!(
                "{} of {size} bytes is larger than a topic takes",
                E::TYPE
            )));
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

const COLUMNS: &[&str] = &[
    "event_id",
    "topic",
    "key",
    "sequence",
    "type",
    "time",
    "division",
    "causation_id",
    "correlation_id",
    "traceparent",
    "value",
];

/// Raises the sequence of every (topic, key) at once, then writes the rows. The sequence's row lock
/// lasts to the commit, so outbox order is sequence order.
pub(crate) async fn write(
    db: &impl ConnectionTrait,
    events: Vec<PendingEvent>,
) -> Result<(), DbErr> {
    if events.is_empty() {
        return Ok(());
    }
    let mut next = raise_sequences(db, &events).await?;
    let rows = events.iter().map(|event| {
        let sequence = next.get_mut(&(event.topic, event.key.as_str()));
        let number = sequence.map_or(0, |sequence| {
            let number = *sequence;
            *sequence += 1;
            number
        });
        vec![
            val(event.id),
            val(event.topic),
            val(event.key.clone()),
            val(number),
            val(event.event_type),
            val(micros(event.time)),
            opt(event.division.as_ref()),
            val(event.cause.causation_id),
            val(event.cause.correlation_id),
            val(event.traceparent.clone()),
            val(event.value.clone()),
        ]
    });
    let insert = Insert {
        table: "outbox",
        columns: COLUMNS,
        tail: "",
    };
    let (text, values) = insert.rows(rows);
    db.run(text, values).await?;
    Ok(())
}

/// The first sequence of this unit of work for every (topic, key).
async fn raise_sequences<'e>(
    db: &impl ConnectionTrait,
    events: &'e [PendingEvent],
) -> Result<BTreeMap<(&'static str, &'e str), i64>, DbErr> {
    let mut counts: BTreeMap<(&'static str, &'e str), i64> = BTreeMap::new();
    for event in events {
        *counts.entry((event.topic, event.key.as_str())).or_default() += 1;
    }
    let insert = Insert {
        table: "stream_sequence",
        columns: &["topic", "key", "sequence"],
        tail: "ON CONFLICT (topic, key) DO UPDATE SET sequence = stream_sequence.sequence + excluded.sequence \
               RETURNING topic, key, sequence",
    };
    let (text, values) = insert.rows(
        counts
            .iter()
            .map(|((topic, key), count)| vec![val(*topic), val(*key), val(*count)]),
    );
    let raised = db.all(text, values).await?;
    let mut first = BTreeMap::new();
    for row in &raised {
        let (topic, key): (String, String) = (row.get("topic")?, row.get("key")?);
        let last: i64 = row.get("sequence")?;
        let found = counts
            .iter()
            .find(|((of_topic, of_key), _)| *of_topic == topic && *of_key == key);
        if let Some((stream, count)) = found {
            first.insert(*stream, last - count + 1);
        }
    }
    Ok(first)
}
