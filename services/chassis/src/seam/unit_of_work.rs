//! The unit of work: one transaction, with the events, audit records and request of one change.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use minzheng_proto::catalogue::EventType;
use sea_orm::{DatabaseTransaction, DbBackend};
use uuid::Uuid;

use super::Failure;
use crate::audit::{self, AuditEntry};
use crate::authz::Caller;
use crate::civil;
use crate::context::Context;
use crate::db::writes::{self, Write};
use crate::division::DivisionCode;
use crate::outbox::{self, PendingEvent};
use crate::person::{self, KnownPerson};

/// What caused a unit of work.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cause {
    /// The event or request.
    pub causation_id: Option<Uuid>,
    /// The case.
    pub correlation_id: Option<Uuid>,
}

/// An audit record, for whom and because of what.
pub(crate) struct PendingAudit {
    pub(crate) caller: Arc<Caller>,
    pub(crate) cause: Cause,
    pub(crate) entry: AuditEntry,
}

/// One transaction and what is written at its end. Events, audit records and the request are
/// buffered and flushed last, in a fixed order, so that the locks of the streams are held shortly
/// and outbox order is sequence order.
pub struct UnitOfWork {
    cx: Context,
    caller: Arc<Caller>,
    transaction: DatabaseTransaction,
    now: Timestamp,
    cause: Cause,
    known: BTreeMap<Uuid, KnownPerson>,
    events: Vec<PendingEvent>,
    audit: Vec<PendingAudit>,
    waiting: Vec<Write>,
    /// Whether there is something for the relay.
    publishes: bool,
}

/// An instant as the databases hold it, so that the first answer is the one that is read later.
fn as_stored(now: Timestamp) -> Timestamp {
    civil::from_micros(civil::micros(now)).unwrap_or(now)
}

impl UnitOfWork {
    /// Begins a transaction for a caller.
    pub(crate) async fn begin(
        cx: &Context,
        caller: Arc<Caller>,
        cause: Cause,
    ) -> Result<Self, Failure> {
        let transaction = cx.db().begin().await?;
        Ok(Self {
            cx: cx.clone(),
            caller,
            transaction,
            now: as_stored(cx.now()),
            cause,
            known: BTreeMap::new(),
            events: Vec::new(),
            audit: Vec::new(),
            waiting: Vec::new(),
            publishes: false,
        })
    }

    /// The transaction, for repositories.
    ///
    /// # Panics
    /// Something waits in [`UnitOfWork::write`], which a query would not see: settle it first.
    pub fn connection(&self) -> &DatabaseTransaction {
        assert!(
            self.waiting.is_empty(),
            "a query before what was written is settled"
        );
        &self.transaction
    }

    /// Has something written with the next settlement, the flush at the latest. For what nobody in this
    /// unit reads again, and no two changes of one row: they go together, in one round trip.
    pub fn write(&mut self, write: Write) {
        self.waiting.push(write);
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// Somebody else was faster, or the database's.
    pub async fn settle(&mut self) -> Result<(), Failure> {
        let waiting = std::mem::take(&mut self.waiting);
        match writes::run_all(&self.transaction, waiting).await? {
            None => Ok(()),
            Some(table) => Err(Failure::Conflict(table.to_owned())),
        }
    }

    /// Which database it is on.
    pub fn backend(&self) -> DbBackend {
        self.cx.db().backend()
    }

    /// The service's context; its settings, keys and rules, not its clients.
    pub fn context(&self) -> &Context {
        &self.cx
    }

    /// For whom it runs.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// One instant for the whole unit.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// That instant's day in Asia/Shanghai.
    pub fn today(&self) -> Date {
        civil::today(self.now)
    }

    /// A new id (UUIDv7), ordered by time.
    pub fn new_id(&self) -> Uuid {
        crate::context::new_id(self.now)
    }

    /// What caused it.
    pub fn cause(&self) -> Cause {
        self.cause
    }

    /// From now on, events name this event or request as their cause.
    pub(crate) fn set_cause(&mut self, cause: Cause) {
        self.cause = cause;
    }

    /// From now on, it is done for this caller and because of this.
    pub(crate) fn act_for(&mut self, caller: Arc<Caller>, cause: Cause) {
        self.caller = caller;
        self.cause = cause;
    }

    /// Events that follow belong to this case.
    pub fn correlate(&mut self, case_id: Uuid) {
        self.cause.correlation_id = Some(case_id);
    }

    /// Locks the guard row of a person this work names, and tells what the service knows of them.
    /// A merged id answers with the survivor. Call it before any other lock.
    ///
    /// # Errors
    /// The database's.
    pub async fn know(&mut self, person_id: Uuid) -> Result<KnownPerson, Failure> {
        self.know_all(&[person_id]).await?;
        self.known_as(person_id)
    }

    /// [`UnitOfWork::know`] for several persons, all at once and sorted.
    ///
    /// # Errors
    /// The database's.
    pub async fn know_all(&mut self, persons: &[Uuid]) -> Result<Vec<KnownPerson>, Failure> {
        self.lock_unknown(persons).await?;
        let survivors: Vec<Uuid> = persons
            .iter()
            .filter_map(|id| self.known.get(id).and_then(|person| person.merged_into))
            .collect();
        self.lock_unknown(&survivors).await?;
        persons.iter().map(|id| self.known_as(*id)).collect()
    }

    async fn lock_unknown(&mut self, persons: &[Uuid]) -> Result<(), Failure> {
        let mut missing: Vec<Uuid> = persons
            .iter()
            .copied()
            .filter(|id| !self.known.contains_key(id))
            .collect();
        missing.sort_unstable();
        missing.dedup();
        if missing.is_empty() {
            return Ok(());
        }
        for person in person::lock(&self.transaction, &missing).await? {
            self.known.insert(person.person_id, person);
        }
        Ok(())
    }

    fn known_as(&self, person_id: Uuid) -> Result<KnownPerson, Failure> {
        let row = self
            .known
            .get(&person_id)
            .ok_or_else(|| Failure::internal("guard row was not returned"))?;
        match row.merged_into {
            Some(survivor) => self
                .known
                .get(&survivor)
                .cloned()
                .ok_or_else(|| Failure::internal("the survivor's guard row was not returned")),
            None => Ok(row.clone()),
        }
    }

    /// Guard rows that were locked together with something else.
    pub(crate) fn heard(&mut self, known: Vec<KnownPerson>) {
        let rows = known.into_iter().map(|person| (person.person_id, person));
        self.known.extend(rows);
    }

    /// Writes what facts say into the guard rows, all at once and sorted; a newer fact wins.
    pub(crate) async fn learn(&mut self, facts: &[person::Fact]) -> Result<(), Failure> {
        if facts.is_empty() {
            return Ok(());
        }
        for person in person::learn(&self.transaction, facts).await? {
            self.known.insert(person.person_id, person);
        }
        Ok(())
    }

    /// Records that a person's record was merged into another's.
    ///
    /// # Errors
    /// The database's.
    pub async fn merge_known(&mut self, gone: Uuid, survivor: Uuid) -> Result<(), Failure> {
        self.lock_unknown(&[gone, survivor]).await?;
        person::merge(&self.transaction, gone, survivor).await?;
        if let Some(person) = self.known.get_mut(&gone) {
            person.merged_into = Some(survivor);
        }
        Ok(())
    }

    /// Buffers an event. It gets its sequence at the flush, and leaves after the commit.
    ///
    /// # Errors
    /// The event is larger than a topic takes, or has no key.
    pub fn publish<E: EventType>(
        &mut self,
        event: &E,
        division: Option<DivisionCode>,
    ) -> Result<(), Failure> {
        let pending = PendingEvent::of(event, division, self.new_id(), self.now, self.cause)?;
        self.events.push(pending);
        Ok(())
    }

    /// Buffers an audit record: one per changed aggregate (or per look at personal data). It names
    /// what causes the work now; a later event of the same transaction is another cause.
    pub fn audit(&mut self, entry: AuditEntry) {
        self.audit.push(PendingAudit {
            caller: self.caller.clone(),
            cause: self.cause,
            entry,
        });
    }

    /// Writes what waits and what was buffered: audit, stream sequences, outbox.
    pub(crate) async fn flush(&mut self) -> Result<(), Failure> {
        let audit = std::mem::take(&mut self.audit);
        let audit = audit::write(&self.cx, self.now, &audit);
        self.waiting.extend(audit);
        let events = std::mem::take(&mut self.events);
        self.publishes |= !events.is_empty();
        // Last: the locks of the streams are what others wait for.
        self.waiting.extend(outbox::write(self.backend(), &events));
        self.settle().await
    }

    /// Commits after success, rolls back after failure, and says which.
    pub(crate) async fn end<T>(self, outcome: Result<T, Failure>) -> Result<T, Failure> {
        let Self {
            cx,
            transaction,
            publishes,
            ..
        } = self;
        match outcome {
            Ok(value) => {
                transaction.commit().await?;
                cx.committed(publishes);
                Ok(value)
            }
            Err(failure) => {
                if let Err(error) = transaction.rollback().await {
                    tracing::debug!(%error, "rolling back");
                }
                Err(failure)
            }
        }
    }
}
