//! What a service does when an event arrives: the same seam as a command.

use std::sync::Arc;

use async_trait::async_trait;
use minzheng_proto::catalogue::EventType;
use uuid::Uuid;

use crate::bus::Envelope;
use crate::context::Context;
use crate::convert::WireError;
use crate::person::Fact;
use crate::seam::{Failure, UnitOfWork};

/// What arrives: an event's envelope and its decoded body.
#[derive(Clone, Debug)]
pub struct Event<E> {
    /// The envelope.
    pub envelope: Envelope,
    /// The body.
    pub body: E,
}

/// A body that a reaction can name.
pub trait Payload: Clone + Send + Sync + 'static {
    /// The type strings it is decoded from.
    fn types() -> &'static [&'static str];

    /// # Errors
    /// The value is none of these types, or holds what this version does not know.
    fn decode(envelope: &Envelope) -> Result<Self, WireError>;

    /// The fact about a death that it is, if it is one.
    fn fact(&self) -> Option<&Fact> {
        None
    }
}

impl<E: EventType> Payload for E {
    fn types() -> &'static [&'static str] {
        const { &[E::TYPE] }
    }

    fn decode(envelope: &Envelope) -> Result<Self, WireError> {
        Ok(<E as prost::Message>::decode(envelope.value.as_slice())?)
    }
}

/// All five facts as one body: a department that answers them all reacts to this.
impl Payload for Fact {
    fn types() -> &'static [&'static str] {
        use minzheng_proto::life_events::v1 as pb;
        const {
            &[
                pb::DeathSuspected::TYPE,
                pb::SuspicionLifted::TYPE,
                pb::DeathConfirmed::TYPE,
                pb::DeathCorrected::TYPE,
                pb::DeathReversed::TYPE,
            ]
        }
    }

    fn decode(envelope: &Envelope) -> Result<Self, WireError> {
        Fact::from_envelope(envelope)?.ok_or(WireError::Malformed("ce_type"))
    }

    fn fact(&self) -> Option<&Fact> {
        Some(self)
    }
}

/// What one subscription does with one kind of body.
pub trait Reaction<E: Payload>: Send + Sync + 'static {
    /// What neighbours answered before the transaction.
    type Asked: Send + Sync + 'static;

    /// The persons that the event names; their guard rows are locked before any other row.
    fn persons(&self, event: &Event<E>) -> Vec<Uuid> {
        let _ = event;
        Vec::new()
    }

    /// Talks to neighbours. Has no transaction.
    fn ask(
        &self,
        cx: &Context,
        event: &Event<E>,
    ) -> impl Future<Output = Result<Self::Asked, Failure>> + Send;

    /// Loads, decides, saves. Has no client. May run several times, and after another event of the
    /// same batch in the same transaction.
    fn apply(
        &self,
        uow: &mut UnitOfWork,
        event: &Event<E>,
        asked: &Self::Asked,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// A reaction whose body type is forgotten.
pub(super) trait ErasedReaction: Send + Sync {
    fn types(&self) -> &'static [&'static str];
    fn prepare(&self, envelope: &Envelope) -> Result<Box<dyn Work>, WireError>;
}

/// One event on its way through one reaction.
#[async_trait]
pub(super) trait Work: Send + Sync {
    fn persons(&self) -> Vec<Uuid>;
    fn fact(&self) -> Option<&Fact>;
    async fn ask(&mut self, cx: &Context) -> Result<(), Failure>;
    async fn apply(&self, uow: &mut UnitOfWork) -> Result<(), Failure>;
}

pub(super) struct Typed<E, R> {
    reaction: Arc<R>,
    body: std::marker::PhantomData<fn() -> E>,
}

impl<E, R> Typed<E, R> {
    pub(super) fn new(reaction: R) -> Self {
        Self {
            reaction: Arc::new(reaction),
            body: std::marker::PhantomData,
        }
    }
}

impl<E: Payload, R: Reaction<E>> ErasedReaction for Typed<E, R> {
    fn types(&self) -> &'static [&'static str] {
        E::types()
    }

    fn prepare(&self, envelope: &Envelope) -> Result<Box<dyn Work>, WireError> {
        let event = Event {
            body: E::decode(envelope)?,
            envelope: envelope.clone(),
        };
        Ok(Box::new(TypedWork {
            reaction: self.reaction.clone(),
            event,
            asked: None,
        }))
    }
}

struct TypedWork<E: Payload, R: Reaction<E>> {
    reaction: Arc<R>,
    event: Event<E>,
    asked: Option<R::Asked>,
}

#[async_trait]
impl<E: Payload, R: Reaction<E>> Work for TypedWork<E, R> {
    fn persons(&self) -> Vec<Uuid> {
        self.reaction.persons(&self.event)
    }

    fn fact(&self) -> Option<&Fact> {
        self.event.body.fact()
    }

    async fn ask(&mut self, cx: &Context) -> Result<(), Failure> {
        self.asked = Some(self.reaction.ask(cx, &self.event).await?);
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork) -> Result<(), Failure> {
        let asked = self
            .asked
            .as_ref()
            .ok_or_else(|| Failure::internal("applied before it was asked"))?;
        self.reaction.apply(uow, &self.event, asked).await
    }
}
