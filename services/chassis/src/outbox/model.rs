//! The relay against a model: whatever the bus does, whoever holds the lease, wherever a process
//! ends, every committed event is on the bus, in the order of its key once copies are dropped, and a
//! refused one holds its own key only.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use minzheng_proto::elderly_care::v1::BedChanged;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use uuid::Uuid;

use super::lease::LeaseHolder;
use super::relay::Relay;
use super::table;
use super::write::{PendingEvent, write};
use crate::bus::{
    Bus, BusError, Consumer, Delivery, Envelope, Positions, Record, TopicPartition, TopicSpec,
    Watermarks,
};
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::context::Context;
use crate::db::Sql;
use crate::db::writes::run_all;
use crate::module::Module;
use crate::seam::Cause;
use crate::testing::{Still, TestDatabase};

const SERVICE: &str = "elderly-care";

/// Sequences of steps tried on each database.
const CASES: u32 = 48;

/// Keys of one case.
const KEYS: usize = 3;

/// Turns after which a relay on a calm bus must have come to rest.
const TURNS: usize = 200;

/// What the bus does with one record.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Stored,
    /// It has it, and does not say so.
    Unsaid,
    /// It has neither it nor what is behind it on its key.
    Lost,
}

#[derive(Clone, Debug)]
enum Step {
    /// One transaction: key, and whether the bus will refuse the event.
    Commit(Vec<(usize, bool)>),
    /// A relay takes a turn while the bus does this with its records.
    Turn(usize, Vec<Fate>),
    /// A relay's process ends when the bus has so many of its records; another takes its place.
    Die(usize, usize),
    /// A relay has lost its lease in the middle of sending; another takes turns, then it goes on.
    Overlap(Vec<Fate>),
    /// The lease goes from one to the other.
    HandOver,
    /// The bus is well, and the relay comes to rest.
    Calm,
    /// What is refused becomes acceptable and is sent again.
    Replay,
    /// What is refused is given up.
    Discard,
}

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let fate = prop_oneof![
        5 => Just(Fate::Stored),
        1 => Just(Fate::Unsaid),
        1 => Just(Fate::Lost),
    ];
    vec(fate, 0..6)
}

fn step() -> impl Strategy<Value = Step> {
    let events = vec((0..KEYS, prop::bool::weighted(0.1)), 1..5);
    prop_oneof![
        5 => events.prop_map(Step::Commit),
        4 => (0..2_usize, fates()).prop_map(|(relay, fates)| Step::Turn(relay, fates)),
        2 => (0..2_usize, 0..6_usize).prop_map(|(relay, after)| Step::Die(relay, after)),
        1 => fates().prop_map(Step::Overlap),
        1 => Just(Step::HandOver),
        1 => Just(Step::Calm),
        1 => Just(Step::Replay),
        1 => Just(Step::Discard),
    ]
}

/// A bus that does as it is told.
#[derive(Default)]
struct ScriptedBus {
    log: Mutex<Vec<Envelope>>,
    unacceptable: Mutex<BTreeSet<Uuid>>,
    script: Mutex<Script>,
    /// The next send has stored what it stores and waits.
    halted: Notify,
    go_on: Notify,
}

#[derive(Default)]
struct Script {
    fates: Vec<Fate>,
    /// The next send stores so many, and then waits to be told to go on, which may never be.
    halt_after: Option<usize>,
}

#[async_trait]
impl Bus for ScriptedBus {
    async fn send(&self, batch: &[Envelope]) -> Vec<Delivery> {
        let script = std::mem::take(&mut *self.script.lock().expect("not poisoned"));
        let halts = script.halt_after.is_some();
        let deliveries = self.store(batch, &script);
        if halts {
            self.halted.notify_one();
            self.go_on.notified().await;
        }
        deliveries
    }

    fn open_consumer(
        &self,
        _group: &str,
        _topics: &[String],
        _positions: Positions,
    ) -> Result<Box<dyn Consumer>, BusError> {
        Err(BusError::Other("nobody reads here".to_owned()))
    }

    async fn apply_topics(&self, _topics: &[TopicSpec]) -> Result<Vec<String>, BusError> {
        Ok(Vec::new())
    }

    async fn list_topics(&self) -> Result<BTreeMap<String, i32>, BusError> {
        Ok(BTreeMap::new())
    }

    async fn watermarks(&self, _topic: &str) -> Result<Vec<Watermarks>, BusError> {
        Ok(Vec::new())
    }

    async fn read(
        &self,
        _at: &TopicPartition,
        _from: i64,
        _limit: usize,
    ) -> Result<Vec<Record>, BusError> {
        Ok(Vec::new())
    }

    async fn protect(&self, _slowest: &BTreeMap<TopicPartition, i64>) {}

    async fn healthy(&self) -> Result<(), BusError> {
        Ok(())
    }

    async fn close(&self, _limit: std::time::Duration) {}
}

impl ScriptedBus {
    fn script(&self, script: Script) {
        *self.script.lock().expect("not poisoned") = script;
    }

    fn store(&self, batch: &[Envelope], script: &Script) -> Vec<Delivery> {
        let unacceptable = self.unacceptable.lock().expect("not poisoned");
        let mut log = self.log.lock().expect("not poisoned");
        // A broker refuses the whole batch for one record.
        if batch.len() > 1 && batch.iter().any(|one| unacceptable.contains(&one.id)) {
            return vec![Delivery::Refused("of the batch".to_owned()); batch.len()];
        }
        let mut lost: BTreeSet<&str> = BTreeSet::new();
        let mut deliveries = Vec::new();
        for (n, envelope) in batch.iter().enumerate() {
            let fate = match script.halt_after {
                Some(after) if n >= after => Fate::Lost,
                _ => script.fates.get(n).copied().unwrap_or(Fate::Stored),
            };
            let failed = || Delivery::Failed("told to".to_owned());
            deliveries.push(match fate {
                _ if unacceptable.contains(&envelope.id) => Delivery::Refused("it".to_owned()),
                _ if lost.contains(envelope.key.as_str()) => failed(),
                Fate::Lost => {
                    lost.insert(&envelope.key);
                    failed()
                }
                Fate::Unsaid => {
                    log.push(envelope.clone());
                    failed()
                }
                Fate::Stored => {
                    log.push(envelope.clone());
                    Delivery::Stored
                }
            });
        }
        deliveries
    }
}

/// What was committed: ids of each key in order, without those given up.
type Committed = BTreeMap<String, Vec<Uuid>>;

struct World {
    cx: Context,
    bus: Arc<ScriptedBus>,
    relays: [Relay; 2],
    holders: [LeaseHolder; 2],
    committed: Committed,
    case: Uuid,
}

impl World {
    fn new(cx: &Context, bus: &Arc<ScriptedBus>) -> Self {
        let holders = [LeaseHolder::default(), LeaseHolder::default()];
        holders[0].set(true);
        bus.log.lock().expect("not poisoned").clear();
        Self {
            relays: [0, 1].map(|n: usize| Relay::new(cx.clone(), holders[n].clone())),
            holders,
            cx: cx.clone(),
            bus: bus.clone(),
            committed: BTreeMap::new(),
            case: Uuid::new_v4(),
        }
    }

    async fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
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
            let (key, id) = (format!("{}-{key}", self.case), Uuid::now_v7());
            let body = BedChanged {
                bed_id: key.clone(),
                ..Default::default()
            };
            let now = jiff::Timestamp::now();
            pending.push(PendingEvent::of(&body, None, id, now, Cause::default()).expect("small"));
            if *refused {
                self.bus
                    .unacceptable
                    .lock()
                    .expect("not poisoned")
                    .insert(id);
            }
            self.committed.entry(key).or_default().push(id);
        }
        let transaction = self.cx.db().begin().await.expect("begun");
        let writes = write(self.cx.db().backend(), &pending);
        let failed = run_all(&transaction, writes).await;
        assert_eq!(failed.expect("written"), None);
        transaction.commit().await.expect("committed");
    }

    /// Its process ends between the send and the delete.
    async fn die(&mut self, relay: usize, after: usize) {
        self.bus.script(Script {
            fates: Vec::new(),
            halt_after: Some(after),
        });
        {
            let turn = self.relays[relay].turn();
            tokio::select! {
                _ = turn => {}
                () = self.bus.halted.notified() => {}
            }
        }
        self.bus.script(Script::default());
        self.relays[relay] = Relay::new(self.cx.clone(), self.holders[relay].clone());
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
        second.turn().await;
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
        for _ in 0..TURNS {
            let before = self.waiting().await;
            self.relays[holder].turn().await;
            if before == 0 {
                return self.everything_free_is_there().await;
            }
        }
        Err(TestCaseError::fail(format!(
            "{} events still wait",
            self.waiting().await
        )))
    }

    /// How many rows neither are refused nor wait behind one that is.
    async fn waiting(&self) -> usize {
        let rows = table::waiting(self.cx.db().relay(), SERVICE, 0, 1_000);
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
    fn arrived(&self) -> Committed {
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

async fn whatever_happens_every_event_arrives_in_order(database: TestDatabase) {
    database.create(&[SERVICE]).await.expect("created");
    let settings = Settings::with(database.settings()).expect("valid");
    let bus = Arc::new(ScriptedBus::default());
    let still = Still::new(
        settings,
        Arc::new(SystemClock),
        bus.clone(),
        BTreeMap::new(),
    );
    let cx = still.context(Module::named(SERVICE)).await;
    let run = |steps: Vec<Step>| {
        Handle::current().block_on(async {
            // A sequence that failed has left rows behind.
            let cleared = cx.db().writer().run("DELETE FROM outbox", []).await;
            cleared.expect("cleared");
            let mut world = World::new(&cx, &bus);
            for step in &steps {
                world.take(step).await?;
            }
            world.take(&Step::Calm).await?;
            bus.unacceptable.lock().expect("not poisoned").clear();
            for end in [Step::Replay, Step::Calm] {
                world.take(&end).await?;
            }
            let left = table::status(cx.db().relay()).await.expect("read");
            prop_assert_eq!(left.rows, 0, "the outbox is empty");
            let mut committed = world.committed.clone();
            // Of some keys all was given up.
            committed.retain(|_, ids| !ids.is_empty());
            prop_assert_eq!(world.arrived(), committed);
            Ok(())
        })
    };
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        // Each try takes a moment; a failure shall be told while somebody still looks.
        max_shrink_iters: 200,
        ..Config::default()
    };
    tokio::task::block_in_place(|| {
        let outcome = TestRunner::new(config).run(&vec(step(), 1..40), run);
        outcome.unwrap_or_else(|failure| panic!("{failure}"));
    });
    cx.db().close().await;
}

crate::on_both_databases!(whatever_happens_every_event_arrives_in_order);
