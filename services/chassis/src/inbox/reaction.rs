//! What a service does when an event arrives: the same seam as a command.

use std::any::Any;
use std::sync::Arc;

use async_trait::async_trait;
use minzheng_proto::catalogue::EventType;
use tracing::Instrument;
use uuid::Uuid;

use crate::bus::Envelope;
use crate::context::Context;
use crate::convert::WireError;
use crate::failpoint;
use crate::person::Fact;
use crate::seam::{Cause, Failure, UnitOfWork};

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

/// The same for a reaction that works on all events of a transaction at once where that saves
/// statements: loaded together, decided one by one in order, saved together.
pub trait SetReaction<E: Payload>: Send + Sync + 'static {
    /// What neighbours answered before the transaction.
    type Asked: Send + Sync + 'static;
    /// What was loaded for the events, and what is to be saved of it.
    type Set: Send;

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

    /// Talks to neighbours about several events at once, and answers in their order; nothing where each is to
    /// be asked about by itself.
    fn ask_all(
        &self,
        cx: &Context,
        events: &[&Event<E>],
    ) -> impl Future<Output = Result<Option<Vec<Self::Asked>>, Failure>> + Send {
        let _ = (cx, events);
        std::future::ready(Ok(None))
    }

    /// Loads what the events are about.
    fn load(
        &self,
        uow: &mut UnitOfWork,
        events: &[&Event<E>],
    ) -> impl Future<Output = Result<Self::Set, Failure>> + Send;

    /// Decides one event. What it writes by itself must not depend on what is saved later.
    fn apply(
        &self,
        uow: &mut UnitOfWork,
        event: &Event<E>,
        asked: &Self::Asked,
        set: &mut Self::Set,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Saves what was decided.
    fn save(
        &self,
        uow: &mut UnitOfWork,
        set: Self::Set,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// A reaction of which each event stands alone.
pub(super) struct OneByOne<R>(pub(super) R);

impl<E: Payload, R: Reaction<E>> SetReaction<E> for OneByOne<R> {
    type Asked = R::Asked;
    type Set = ();

    fn persons(&self, event: &Event<E>) -> Vec<Uuid> {
        self.0.persons(event)
    }

    async fn ask(&self, cx: &Context, event: &Event<E>) -> Result<R::Asked, Failure> {
        self.0.ask(cx, event).await
    }

    async fn load(&self, _uow: &mut UnitOfWork, _events: &[&Event<E>]) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(
        &self,
        uow: &mut UnitOfWork,
        event: &Event<E>,
        asked: &R::Asked,
        _set: &mut (),
    ) -> Result<(), Failure> {
        self.0.apply(uow, event, asked).await
    }

    async fn save(&self, _uow: &mut UnitOfWork, _set: ()) -> Result<(), Failure> {
        Ok(())
    }
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
    /// Asks about this event and those of `more` that go to the same reaction, if it can ask about several at
    /// once.
    async fn ask_with(&mut self, cx: &Context, more: &mut [&mut dyn Work]) -> Result<(), Failure>;
    fn is_asked(&self) -> bool;
    /// Applies this event and then `more`, those behind it that go to the same reaction, each in the
    /// span that `span_of` gives it.
    async fn apply(
        &self,
        uow: &mut UnitOfWork,
        more: &[&dyn Work],
        span_of: &(dyn for<'e> Fn(&'e Envelope) -> tracing::Span + Sync),
    ) -> Result<(), Failure>;
    fn as_any(&self) -> &dyn Any;
    fn as_any_mut(&mut self) -> &mut dyn Any;
}

/// Whether two events go to the same reaction, so that they can be applied together.
pub(super) fn belong_together(one: &dyn Work, other: &dyn Work) -> bool {
    one.as_any().type_id() == other.as_any().type_id()
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

impl<E: Payload, R: SetReaction<E>> ErasedReaction for Typed<E, R> {
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

struct TypedWork<E: Payload, R: SetReaction<E>> {
    reaction: Arc<R>,
    event: Event<E>,
    asked: Option<R::Asked>,
}

#[async_trait]
impl<E: Payload, R: SetReaction<E>> Work for TypedWork<E, R> {
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

    async fn ask_with(&mut self, cx: &Context, more: &mut [&mut dyn Work]) -> Result<(), Failure> {
        let more = more
            .iter_mut()
            .filter_map(|work| work.as_any_mut().downcast_mut::<Self>());
        let mut works: Vec<&mut Self> = std::iter::once(self).chain(more).collect();
        let Some(reaction) = works.first().map(|work| work.reaction.clone()) else {
            return Ok(());
        };
        let events: Vec<&Event<E>> = works.iter().map(|work| &work.event).collect();
        let Some(asked) = reaction.ask_all(cx, &events).await? else {
            return Ok(());
        };
        if asked.len() != works.len() {
            return Err(Failure::internal("as many answers as questions"));
        }
        for (work, asked) in works.iter_mut().zip(asked) {
            work.asked = Some(asked);
        }
        Ok(())
    }

    fn is_asked(&self) -> bool {
        self.asked.is_some()
    }

    async fn apply(
        &self,
        uow: &mut UnitOfWork,
        more: &[&dyn Work],
        span_of: &(dyn for<'e> Fn(&'e Envelope) -> tracing::Span + Sync),
    ) -> Result<(), Failure> {
        let more = more
            .iter()
            .filter_map(|work| work.as_any().downcast_ref::<Self>());
        let works: Vec<&Self> = std::iter::once(self).chain(more).collect();
        let events: Vec<&Event<E>> = works.iter().map(|work| &work.event).collect();
        // Another reaction of this unit may have left something to be written.
        uow.settle().await?;
        let mut set = self.reaction.load(uow, &events).await?;
        let last = works.len() - 1;
        for (place, work) in works.into_iter().enumerate() {
            let envelope = &work.event.envelope;
            let asked = work
                .asked
                .as_ref()
                .ok_or_else(|| Failure::internal("applied before it was asked"))?;
            uow.set_cause(Cause {
                causation_id: Some(envelope.id),
                correlation_id: envelope.correlation_id,
            });
            self.reaction
                .apply(uow, &work.event, asked, &mut set)
                .instrument(span_of(envelope))
                .await?;
            if place < last {
                failpoint::reach(failpoint::MIDDLE_OF_BATCH);
            }
        }
        self.reaction.save(uow, set).await
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}
