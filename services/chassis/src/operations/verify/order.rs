//! `stream-order`: on each topic the numbers of a service's key rise, in the order of the partition.
//!
//! They need not rise by one here: a number that is missing is told by `stream-sequence`, once it is certain
//! that it is, and one that comes later than the next is out of order. What is no finding:
//! - a copy, known by its id: what the relay could not know to be stored it sends again;
//! - a number below the first that is left of its key, where the topic has forgotten its beginning: it may be a copy
//!   of what was forgotten;
//! - what a department publishes again for the same cause after its database was restored: it heard those events once
//!   more and gives the same answers, under the numbers that its older database gives.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::topics::{Seen, TopicRead, Topics};

/// An event that does not stand where its number says.
pub(super) struct Misplaced<'s> {
    pub(super) event: &'s Seen,
    pub(super) fault: Fault,
}

/// What is wrong with its place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// This higher number of its key stands before it.
    Behind(i64),
    /// This other event has the same number.
    SameAs(Uuid),
}

/// What a service has published out of order.
pub(super) fn out_of_order(service: &str, topics: &Topics) -> Vec<String> {
    let misplaced = topics.all().flat_map(|(_, read)| misplaced(read));
    let own = misplaced.filter(|one| one.event.source == service);
    own.map(|one| one.to_string()).collect()
}

/// The events of a topic that do not stand where their numbers say.
pub(super) fn misplaced(read: &TopicRead) -> Vec<Misplaced<'_>> {
    let mut ids = HashSet::new();
    let mut streams: HashMap<(i32, &str, &str), Stream<'_>> = HashMap::new();
    let mut misplaced = Vec::new();
    for event in read.seen.iter().filter(|event| ids.insert(event.id)) {
        let key = (
            event.at.partition,
            event.source.as_str(),
            event.key.as_str(),
        );
        let stream = streams.entry(key).or_default();
        let fault = stream.fault(event, read.whole);
        misplaced.extend(fault.map(|fault| Misplaced { event, fault }));
        stream.add(event);
    }
    misplaced
}

/// The events of one key so far, without copies.
#[derive(Default)]
struct Stream<'s> {
    events: Vec<&'s Seen>,
    highest: i64,
}

impl<'s> Stream<'s> {
    fn add(&mut self, event: &'s Seen) {
        self.highest = self.highest.max(event.sequence);
        self.events.push(event);
    }

    fn fault(&self, event: &Seen, whole: bool) -> Option<Fault> {
        let first = self.events.first()?;
        if event.sequence > self.highest {
            return None;
        }
        let mut events = self.events.iter();
        match events.find(|one| one.sequence == event.sequence) {
            Some(_) if self.has_answered_before(event) => None,
            Some(one) => Some(Fault::SameAs(one.id)),
            None if !whole && event.sequence < first.sequence => None,
            None => Some(Fault::Behind(self.highest)),
        }
    }

    /// Whether the same was published for the same cause, or by a timer, by another unit of work.
    fn has_answered_before(&self, event: &Seen) -> bool {
        self.events.iter().any(|one| {
            one.causation == event.causation
                && one.event_type == event.event_type
                && one.time != event.time
        })
    }
}

impl std::fmt::Display for Misplaced<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Seen {
            at,
            id,
            key,
            sequence,
            ..
        } = self.event;
        match self.fault {
            Fault::Behind(highest) => write!(
                f,
                "event {id} on {at}, number {sequence} of key {key}, stands behind number {highest}"
            ),
            Fault::SameAs(other) => write!(
                f,
                "number {sequence} of key {key} on {at} is that of two events, {other} and {id}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::bus::TopicPartition;

    fn topic(whole: bool, events: &[(u128, i64)]) -> TopicRead {
        let seen = events.iter().zip(0..).map(|((id, sequence), offset)| Seen {
            at: TopicPartition::new("t", 0),
            offset,
            id: Uuid::from_u128(*id),
            source: "s".to_owned(),
            key: "k".to_owned(),
            sequence: *sequence,
            event_type: "e".to_owned(),
            time: Timestamp::UNIX_EPOCH,
            causation: None,
            fact: None,
            receipt: None,
        });
        TopicRead {
            seen: seen.collect(),
            whole,
        }
    }

    fn faults(whole: bool, events: &[(u128, i64)]) -> Vec<(i64, Fault)> {
        let read = topic(whole, events);
        let misplaced = misplaced(&read).into_iter();
        misplaced
            .map(|one| (one.event.sequence, one.fault))
            .collect()
    }

    #[test]
    fn below_what_is_left_of_a_key_may_be_copies_of_what_was_forgotten() {
        // Sent: 1, 2, 3, 4, and as nobody heard of it 2, 3, 4 again.
        let left = [(4, 4), (2, 2), (3, 3), (4, 4), (5, 5)];
        assert_eq!(faults(false, &left), []);
        let behind = || Fault::Behind(4);
        assert_eq!(faults(true, &left), [(2, behind()), (3, behind())]);
    }

    #[test]
    fn above_it_order_is_order() {
        let left = [(4, 4), (6, 6), (5, 5), (7, 7), (8, 6)];
        let twice = Fault::SameAs(Uuid::from_u128(6));
        assert_eq!(faults(false, &left), [(5, Fault::Behind(6)), (6, twice)]);
    }

    #[test]
    fn two_events_of_one_unit_are_never_an_answer_given_again() {
        // Same cause, type and instant: of a number that did not rise.
        let twice = Fault::SameAs(Uuid::from_u128(1));
        assert_eq!(faults(true, &[(1, 1), (2, 1)]), [(1, twice)]);
    }

    #[test]
    fn a_stream_begins_where_it_is_first_seen() {
        assert_eq!(faults(true, &[(7, 7), (9, 9)]), []);
    }
}
