//! What one sequence of steps works on, and what must hold after each.

use std::collections::BTreeMap;
use std::sync::Arc;

use minzheng_proto::elderly_care::v1::BedChanged;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use super::super::lease::LeaseHolder;
use super::super::passed::Passed;
use super::super::relay::Relay;
use super::super::table;
use super::super::write::{PendingEvent, write};
use super::bus::{Fate, Script, ScriptedBus};
use super::{Batches, LATE_KEY, SERVICE, Step, TURNS};
use crate::context::Context;
use crate::db::writes::run_all;
use crate::db::{Sql, dialect};
use crate::seam::Cause;

/// What was committed: ids of each key in order, without those given up.
pub(super) type Committed = BTreeMap<String, Vec<Uuid>>;

pub(super) struct World {
    cx: Context,
    bus: Arc<ScriptedBus>,
    relays: [Relay; 2],
    batches: Batches,
    holders: [LeaseHolder; 2],
    pub(super) committed: Committed,
    late: Option<Late>,
    case: Uuid,
}

/// A transaction that is open: its key, and the event that it wrote.
struct Late {
    transaction: DatabaseTransaction,
    key: String,
    id: Uuid,
}

fn relay(cx: &Context, holder: &LeaseHolder, batches: Batches) -> Relay {
    let relay = Relay::new(cx.clone(), holder.clone());
    match batches {
        Batches::Large => relay.with_large_rows(),
        Batches::All | Batches::Few => relay,
    }
}

impl World {
    pub(super) fn new(cx: &Context, bus: &Arc<ScriptedBus>, batches: Batches) -> Self {
        let holders = [LeaseHolder::default(), LeaseHolder::default()];
        holders[0].set(true);
        bus.log.lock().expect("not poisoned").clear();
        Self {
            relays: [0, 1].map(|n: usize| relay(cx, &holders[n], batches)),
            batches,
            holders,
            cx: cx.clone(),
            bus: bus.clone(),
            committed: BTreeMap::new(),
            late: None,
            case: Uuid::new_v4(),
        }
    }

    pub(super) async fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match step {
            Step::Commit(events) => self.commit(events).await,
            Step::Turn(relay, fates) => {
                self.bus.script(Script {
                    fates: fates.clone(),
                    halt_after: None,
                });
                self.relays[*relay].turn().await;
                self.bus.script(Script::default());
            }
            Step::Die(relay, after) => self.die(*relay, *after).await,
            Step::Overlap(fates) => self.overlap(fates).await,
            Step::Late(_) if self.late.is_some() => self.commit_late().await,
            Step::Late(true) => self.write_late_within_another().await,
            Step::Late(false) => self.write_late().await,
            Step::Wait(relay) => self.relays[*relay].sweep_is_due(),
            Step::Linger(relay) => self.relays[*relay].ahead_is_old(),
            Step::HandOver => {
                for holder in &self.holders {
                    holder.set(!holder.is_held());
                }
            }
            Step::Calm => self.calm().await?,
            Step::Replay => self.replay().await,
            Step::Discard => self.discard().await,
        }
        self.holds()
    }

    async fn commit(&mut self, events: &[(usize, bool)]) {
        let mut pending = Vec::new();
        for (key, refused) in events {
            if *key == LATE_KEY && self.late.is_some() {
                // It would wait for the one that is open.
                continue;
            }
            let (event, key, id) = self.event(*key);
            pending.push(event);
            if *refused {
                let mut unacceptable = self.bus.unacceptable.lock().expect("not poisoned");
                unacceptable.insert(id);
            }
            self.committed.entry(key).or_default().push(id);
        }
        self.write(&pending)
            .await
            .commit()
            .await
            .expect("committed");
    }

    fn event(&self, key: usize) -> (PendingEvent, String, Uuid) {
        let (key, id) = (format!("{}-{key}", self.case), Uuid::now_v7());
        let body = BedChanged {
            bed_id: key.clone(),
            ..Default::default()
        };
        let now = jiff::Timestamp::now();
        let event = PendingEvent::of(&body, None, id, now, Cause::default()).expect("small");
        (event, key, id)
    }

    async fn write(&self, events: &[PendingEvent]) -> DatabaseTransaction {
        let transaction = self.cx.db().begin().await.expect("begun");
        let writes = write(self.cx.db().backend(), events);
        let failed = run_all(&transaction, writes).await;
        assert_eq!(failed.expect("written"), None);
        transaction
    }

    /// The other began earlier, writes later, and commits while the late one is open: of two numbers that
    /// transactions have, the late one's is the higher, and of two that rows have, the lower.
    async fn write_late_within_another(&mut self) {
        if !dialect::is_shared(self.cx.db().backend()) {
            return self.write_late().await;
        }
        let other = self.cx.db().begin().await.expect("begun");
        let numbered = other.run("SELECT pg_current_xact_id()", []).await;
        numbered.expect("numbered");
        self.write_late().await;
        let (event, key, id) = self.event(0);
        let writes = write(self.cx.db().backend(), &[event]);
        assert_eq!(run_all(&other, writes).await.expect("written"), None);
        other.commit().await.expect("committed");
        self.committed.entry(key).or_default().push(id);
    }

    /// Where nobody else can write meanwhile, nothing commits late.
    async fn write_late(&mut self) {
        let (event, key, id) = self.event(LATE_KEY);
        let transaction = self.write(&[event]).await;
        self.late = Some(Late {
            transaction,
            key,
            id,
        });
        if !dialect::is_shared(self.cx.db().backend()) {
            self.commit_late().await;
        }
    }

    pub(super) async fn commit_late(&mut self) {
        if let Some(late) = self.late.take() {
            late.transaction.commit().await.expect("committed");
            self.committed.entry(late.key).or_default().push(late.id);
        }
    }

    /// Its process ends between the send and the delete.
    async fn die(&mut self, number: usize, after: usize) {
        self.bus.script(Script {
            fates: Vec::new(),
            halt_after: Some(after),
        });
        {
            let turn = self.relays[number].turn();
            tokio::select! {
                _ = turn => {}
                () = self.bus.halted.notified() => {}
            }
        }
        self.bus.script(Script::default());
        self.relays[number] = relay(&self.cx, &self.holders[number], self.batches);
    }

    async fn overlap(&mut self, fates: &[Fate]) {
        self.holders[0].set(true);
        self.bus.script(Script {
            fates: Vec::new(),
            halt_after: Some(fates.len()),
        });
        let [first, second] = &mut self.relays;
        let slow = first.turn();
        tokio::pin!(slow);
        let halted = tokio::select! {
            _ = &mut slow => false,
            () = self.bus.halted.notified() => true,
        };
        self.bus.script(Script {
            fates: fates.to_vec(),
            halt_after: None,
        });
        self.holders[1].set(true);
        let others = second.turn();
        if halted {
            // It may be reading ahead, on the connection that the other needs.
            tokio::pin!(others);
            tokio::select! {
                _ = &mut slow => unreachable!("nobody told it to go on"),
                _ = &mut others => {}
            }
        } else {
            others.await;
        }
        self.bus.script(Script::default());
        self.holders[0].set(false);
        if halted {
            self.bus.go_on.notify_one();
            slow.await;
        }
    }

    /// Lets whoever has the lease work until nothing is left to do.
    async fn calm(&mut self) -> Result<(), TestCaseError> {
        let holder = usize::from(!self.holders[0].is_held());
        self.holders[holder].set(true);
        // Coming to rest takes longer than until the next sweep.
        self.relays[holder].sweep_is_due();
        for _ in 0..TURNS {
            let before = self.waiting().await;
            self.relays[holder].turn().await;
            if before == 0 {
                return self.everything_free_is_there().await;
            }
            if self.waiting().await == before {
                // What is left of a held key waits for a sweep, and so does a relay that finds nothing else.
                self.relays[holder].sweep_is_due();
            }
        }
        Err(TestCaseError::fail(format!(
            "{} events still wait",
            self.waiting().await
        )))
    }

    /// How many rows neither are refused nor wait behind one that is.
    async fn waiting(&self) -> usize {
        let none = Passed::default();
        let rows = table::waiting(self.cx.db().relay(), SERVICE, 0, &none, [], 1_000);
        rows.await.expect("read").len()
    }

    async fn refused(&self) -> Vec<Uuid> {
        let rows = table::refused(self.cx.db().relay(), SERVICE, 0, 1_000);
        let rows = rows.await.expect("read");
        rows.into_iter().map(|row| row.envelope.id).collect()
    }

    async fn replay(&mut self) {
        for id in self.refused().await {
            self.bus
                .unacceptable
                .lock()
                .expect("not poisoned")
                .remove(&id);
            let found = table::send_again(self.cx.db().writer(), id).await;
            assert!(found.expect("updated"));
        }
    }

    async fn discard(&mut self) {
        for id in self.refused().await {
            let found = table::discard_refused(self.cx.db().writer(), id).await;
            assert!(found.expect("deleted"));
            for ids in self.committed.values_mut() {
                ids.retain(|committed| *committed != id);
            }
        }
    }

    /// The ids of each key on the bus, in order, each once.
    pub(super) fn arrived(&self) -> Committed {
        let mut arrived = Committed::new();
        for envelope in self.bus.log.lock().expect("not poisoned").iter() {
            let ids = arrived.entry(envelope.key.clone()).or_default();
            if !ids.contains(&envelope.id) {
                ids.push(envelope.id);
            }
        }
        arrived
    }

    /// At any time: of each key what is there is a beginning of what was committed.
    fn holds(&self) -> Result<(), TestCaseError> {
        for (key, arrived) in self.arrived() {
            let committed = &self.committed[&key];
            prop_assert!(
                committed.starts_with(&arrived),
                "{}: {:?} is no beginning of {:?}",
                key,
                arrived,
                committed
            );
        }
        Ok(())
    }

    /// At rest: of each key everything before its first refused event is there.
    async fn everything_free_is_there(&self) -> Result<(), TestCaseError> {
        let refused = self.refused().await;
        let arrived = self.arrived();
        for (key, committed) in &self.committed {
            let free = committed.iter().take_while(|id| !refused.contains(id));
            let there = arrived.get(key).cloned().unwrap_or_default();
            prop_assert_eq!(free.copied().collect::<Vec<_>>(), there, "{}", key);
        }
        Ok(())
    }
}
