//! What came of some events, with names in the place of ids: so that two groups of events that were
//! delivered in different ways can be compared.

use std::collections::BTreeMap;

use minzheng_proto::catalogue::EventType;
use minzheng_proto::life_events::v1::ReceiptIssued;
use prost::Message;
use uuid::Uuid;

use super::TestNode;
use crate::bus::{Envelope, TopicPartition};
use crate::db::{Row, Sql};

/// The events of a group, and the names of all ids that matter in it.
pub struct Group {
    /// What is told, in this order.
    pub events: Vec<Envelope>,
    names: BTreeMap<Uuid, String>,
}

impl Group {
    /// Of these events; ids of persons, cases and whatever else are named in `names`.
    pub fn of(events: Vec<Envelope>, names: impl IntoIterator<Item = (Uuid, String)>) -> Self {
        let mut names: BTreeMap<Uuid, String> = names.into_iter().collect();
        let told = (0..).zip(&events);
        names.extend(told.map(|(n, event)| (event.id, format!("event {n}"))));
        Self { events, names }
    }

    /// A text with names in the place of ids.
    pub fn masked(&self, text: &str) -> String {
        const LENGTH: usize = uuid::fmt::Hyphenated::LENGTH;
        let mut masked = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            let id = rest.get(..LENGTH).and_then(|id| Uuid::try_parse(id).ok());
            let Some(id) = id else {
                masked.push(next);
                rest = &rest[next.len_utf8()..];
                continue;
            };
            masked.push_str(self.names.get(&id).map_or("(id)", String::as_str));
            rest = &rest[LENGTH..];
        }
        masked
    }

    /// The receipts on persons of the group with division, cause and case; those on one person in
    /// their order.
    ///
    /// # Panics
    /// The bus does not answer.
    pub async fn receipts(&self, node: &TestNode) -> Vec<String> {
        let topic = ReceiptIssued::TOPIC.name;
        let marks = node.bus().watermarks(topic).await.expect("the topic");
        let mut receipts = Vec::new();
        for (partition, _) in (0..).zip(marks) {
            let at = TopicPartition::new(topic, partition);
            let records = node.bus().read(&at, 0, 10_000).await.expect("read");
            let envelopes = records.into_iter().filter_map(|it| it.envelope.ok());
            receipts.extend(envelopes.filter_map(|envelope| self.receipt(&envelope)));
        }
        receipts.sort_by(|one, other| one.0.cmp(&other.0));
        receipts.into_iter().map(|(_, line)| line).collect()
    }

    /// Whose receipt it is, and all that it says.
    fn receipt(&self, envelope: &Envelope) -> Option<(String, String)> {
        let person = self.names.get(&envelope.key.parse().ok()?)?.clone();
        if envelope.event_type != ReceiptIssued::TYPE {
            return None;
        }
        let receipt = ReceiptIssued::decode(envelope.value.as_slice()).expect("a receipt");
        let Envelope {
            sequence,
            division,
            causation_id,
            correlation_id,
            ..
        } = envelope;
        let line =
            format!("{sequence} {division:?} {causation_id:?} {correlation_id:?} {receipt:?}");
        Some((person, self.masked(&line)))
    }

    /// The audit records of which an event of the group is the cause, sorted.
    ///
    /// # Panics
    /// The database does not answer.
    pub async fn audit(&self, node: &TestNode, service: &str) -> Vec<String> {
        let text =
            "SELECT action, aggregate, aggregate_id, division, causation_id, record FROM audit";
        let rows = node.context(service).db().reader().all(text, []).await;
        let rows = rows.expect("the audit records");
        let mut lines: Vec<String> = rows.iter().filter_map(|row| self.record(row)).collect();
        lines.sort();
        lines
    }

    fn record(&self, row: &Row) -> Option<String> {
        let cause: Option<Uuid> = row.get("causation_id").expect("an id");
        if !self.events.iter().any(|event| Some(event.id) == cause) {
            return None;
        }
        let text = |name| row.get::<Option<String>>(name).expect("a text");
        let aggregate: Uuid = row.get("aggregate_id").expect("an id");
        let [action, kind, division, record] =
            ["action", "aggregate", "division", "record"].map(text);
        Some(self.masked(&format!(
            "{cause:?} {action:?} {kind:?} {aggregate} {division:?} {record:?}"
        )))
    }
}
