//! Receipts as they lie on their topic: what an answer that was taken is held against.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use minzheng_proto::catalogue::EventType as _;
use minzheng_proto::life_events::v1::ReceiptIssued;
use prost::Message as _;
use uuid::Uuid;

use crate::bus::Envelope;

/// An answer that was taken so shortly before the topic was read may have come after: clocks of replicas differ.
const MARGIN: Duration = Duration::from_secs(60);

/// What one receipt says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// The service that published it.
    pub department: String,
    /// The case.
    pub case_id: Uuid,
    /// The fact that it answers.
    pub fact_version: i64,
    /// Codes of the actions that it answers.
    pub actions: Vec<String>,
}

impl Issued {
    /// Of an event that is a receipt and can be read.
    pub(crate) fn of(envelope: &Envelope) -> Option<Self> {
        if envelope.event_type != ReceiptIssued::TYPE {
            return None;
        }
        // One that cannot be read is stopped where it is heard: a dead letter.
        let receipt = ReceiptIssued::decode(envelope.value.as_slice()).ok()?;
        Some(Self {
            department: envelope.source.clone(),
            case_id: receipt.case_id.parse().ok()?,
            fact_version: receipt.fact_version,
            actions: receipt.answers.into_iter().map(|one| one.action).collect(),
        })
    }
}

/// An answer that a case has taken.
#[derive(Clone, Copy, Debug)]
pub struct Taken<'a> {
    /// The receipt's event id.
    pub receipt: Uuid,
    /// Who was asked.
    pub department: &'a str,
    /// Code of the action that was asked for.
    pub action: &'a str,
    /// The fact that asks.
    pub fact_version: i64,
    /// When it was taken.
    pub taken_at: Timestamp,
}

/// All receipts, as the topic had them at one moment.
#[derive(Debug)]
pub struct Receipts {
    issued: HashMap<Uuid, Arc<Issued>>,
    /// Nothing was forgotten yet.
    whole: bool,
    began: Timestamp,
}

impl Receipts {
    /// What was read from `began` on; `whole` if the topic has forgotten nothing.
    pub fn read(
        issued: impl IntoIterator<Item = (Uuid, Arc<Issued>)>,
        whole: bool,
        began: Timestamp,
    ) -> Self {
        Self {
            issued: issued.into_iter().collect(),
            whole,
            began,
        }
    }

    /// Whether the receipt of an answer answers something else, comes from somebody else, or is not there though
    /// nothing was forgotten.
    pub fn lack(&self, answer: &Taken<'_>) -> bool {
        match self.issued.get(&answer.receipt) {
            Some(issued) => {
                issued.department != answer.department
                    || issued.fact_version != answer.fact_version
                    || !issued.actions.iter().any(|action| action == answer.action)
            }
            None => self.whole && answer.taken_at + MARGIN < self.began,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECEIPT: Uuid = Uuid::from_u128(1);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a second")
    }

    fn read(whole: bool) -> Receipts {
        let issued = Issued {
            department: "residents".to_owned(),
            case_id: Uuid::nil(),
            fact_version: 2,
            actions: vec!["23".to_owned(), "24".to_owned()],
        };
        Receipts::read([(RECEIPT, Arc::new(issued))], whole, at(1_000))
    }

    const ANSWER: Taken<'static> = Taken {
        receipt: RECEIPT,
        department: "residents",
        action: "24",
        fact_version: 2,
        taken_at: Timestamp::UNIX_EPOCH,
    };

    #[test]
    fn an_answer_needs_a_receipt_of_whom_was_asked_for_what_was_asked() {
        let receipts = read(true);
        assert!(!receipts.lack(&ANSWER));
        let (department, action) = ("elderly-care", "25");
        for other in [
            Taken {
                department,
                ..ANSWER
            },
            Taken { action, ..ANSWER },
            Taken {
                fact_version: 1,
                ..ANSWER
            },
            Taken {
                receipt: Uuid::from_u128(2),
                ..ANSWER
            },
        ] {
            assert!(receipts.lack(&other), "{other:?}");
        }
    }

    #[test]
    fn what_was_forgotten_or_came_while_the_topic_was_read_is_not_missed() {
        let unknown = |second: i64| Taken {
            receipt: Uuid::from_u128(2),
            taken_at: at(second),
            ..ANSWER
        };
        assert!(read(true).lack(&unknown(939)));
        assert!(!read(true).lack(&unknown(940)), "it may have come after");
        assert!(!read(false).lack(&unknown(0)), "the topic has forgotten it");
    }
}
