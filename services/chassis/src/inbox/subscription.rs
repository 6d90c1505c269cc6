//! A subscription: a name, where it begins, and what it does with which events.

use std::collections::BTreeSet;

use minzheng_proto::catalogue;

use super::reaction::{ErasedReaction, OneByOne, Payload, Reaction, SetReaction, Typed, Work};
use crate::bus::Envelope;
use crate::convert::WireError;

/// Where a subscription without a position begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartFrom {
    /// With the oldest event kept.
    Beginning,
    /// With the next event.
    Now,
}

/// What a service listens to. Its name keys its inbox, parked events and position: never rename.
pub struct Subscription {
    name: &'static str,
    from: StartFrom,
    reactions: Vec<Box<dyn ErasedReaction>>,
}

impl Subscription {
    /// A subscription that begins with the oldest event kept and so far listens to nothing.
    pub fn named(name: &'static str) -> Self {
        Self {
            name,
            from: StartFrom::Beginning,
            reactions: Vec::new(),
        }
    }

    /// Where it begins when it is new.
    #[must_use]
    pub fn from(mut self, from: StartFrom) -> Self {
        self.from = from;
        self
    }

    /// What it does with one kind of body.
    #[must_use]
    pub fn on<E: Payload>(self, reaction: impl Reaction<E>) -> Self {
        self.on_set(OneByOne(reaction))
    }

    /// What it does with one kind of body, all events of a transaction together.
    #[must_use]
    pub fn on_set<E: Payload>(mut self, reaction: impl SetReaction<E>) -> Self {
        self.reactions.push(Box::new(Typed::<E, _>::new(reaction)));
        self
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Where it begins.
    pub fn starts(&self) -> StartFrom {
        self.from
    }

    /// The type strings it listens to.
    pub fn types(&self) -> Vec<&'static str> {
        self.reactions
            .iter()
            .flat_map(|reaction| reaction.types())
            .copied()
            .collect()
    }

    /// The topics these types are on.
    pub fn topics(&self) -> BTreeSet<&'static str> {
        let types = self.types();
        catalogue::ALL
            .iter()
            .filter(|entry| types.contains(&entry.event_type))
            .map(|entry| entry.topic.name)
            .collect()
    }

    /// Whether it listens to a type.
    pub(crate) fn names(&self, event_type: &str) -> bool {
        self.reactions
            .iter()
            .any(|reaction| reaction.types().contains(&event_type))
    }

    /// Whether it listens to a topic.
    pub(super) fn reads(&self, topic: &str) -> bool {
        self.topics().contains(topic)
    }

    /// Decodes an event for its reaction.
    pub(super) fn prepare(&self, envelope: &Envelope) -> Result<Box<dyn Work>, WireError> {
        let event_type = envelope.event_type.as_str();
        let reaction = self
            .reactions
            .iter()
            .find(|reaction| reaction.types().contains(&event_type));
        reaction
            .ok_or(WireError::Malformed("ce_type"))?
            .prepare(envelope)
    }
}
