//! The runner and the retrier against a model: whatever is delivered again, whoever else reads the
//! same partition, however often an event fails: the effects of a key happen in its order, each
//! once, and a parked event holds its own key only.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use minzheng_proto::catalogue::EventType;
use minzheng_proto::elderly_care::v1::BedChanged;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::reaction::{Event, Reaction};
use super::retry::Retrier;
use super::runner::Runner;
use super::subscription::Subscription;
use super::table;
use crate::bus::{
    Bus, BusError, Consumer, Delivery, Envelope, Positions, Record, TopicPartition, TopicSpec,
    Watermarks,
};
use crate::clock::FakeClock;
use crate::config::Settings;
use crate::context::Context;
use crate::db::migrate::Migration;
use crate::db::{Sql, val};
use crate::module::Module;
use crate::outbox::LeaseHolder;
use crate::seam::{Failure, UnitOfWork};
use crate::testing::{Still, TestDatabase};

const SERVICE: &str = "elderly-care";
const SUBSCRIPTION: &str = "model.note";

/// Sequences of steps tried on each database.
const CASES: u32 = 16;

/// Keys of one case; each lies in the partition of its number.
const KEYS: usize = 4;

/// Partitions.
const PARTITIONS: usize = 2;

/// Runners that read at once, as two processes do for a moment at a rebalance.
const RUNNERS: usize = 2;

/// How long a runner waits for a command before it looks whether it shall stop.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Longer than any pause between two tries, shorter than the time after which a try is given up.
const A_WHILE: Duration = Duration::from_secs(120);

const MIGRATIONS: &[Migration] = &[Migration {
    name: "model_0001",
    sql: "CREATE TABLE note (id {identity}, key text NOT NULL, number bigint NOT NULL);",
}];

#[derive(Clone, Debug)]
enum Step {
    /// New events: key, and how many tries fail; 99 is more than are made.
    Append(Vec<(usize, u32)>),
    /// An earlier event once more, behind the others, as the relay sends it.
    Copy(usize),
    /// A runner polls so many records of each partition.
    Poll(usize, usize),
    /// What a runner has fetched is fetched again, so many records of each partition.
    Rewind(usize, usize),
    /// A runner is given its partitions anew: it rereads the positions.
    Reassign(usize),
    /// Time passes, and what is parked is tried again.
    Retry,
    /// More time than is waited for; what fails once more is given up.
    GiveUp,
    /// An operator replays what is held, oldest first; so many.
    Replay(usize),
    /// An operator discards the oldest that is held.
    Discard,
}

fn step() -> impl Strategy<Value = Step> {
    let failures = prop_oneof![8 => Just(0_u32), 2 => 1..12_u32, 1 => Just(99)];
    let runner = || 0..RUNNERS;
    prop_oneof![
        6 => vec((0..KEYS, failures), 1..6).prop_map(Step::Append),
        2 => (0..50_usize).prop_map(Step::Copy),
        6 => (runner(), 1..8_usize).prop_map(|(runner, limit)| Step::Poll(runner, limit)),
        1 => (runner(), 1..6_usize).prop_map(|(runner, by)| Step::Rewind(runner, by)),
        1 => runner().prop_map(Step::Reassign),
        3 => Just(Step::Retry),
        1 => Just(Step::GiveUp),
        1 => (1..4_usize).prop_map(Step::Replay),
        1 => Just(Step::Discard),
    ]
}

/// How many tries of each event still fail.
static FAILING: Mutex<BTreeMap<Uuid, u32>> = Mutex::new(BTreeMap::new());

/// Notes an event, and fails as often as it is told.
struct Note;

fn fails(id: Uuid) -> bool {
    let mut failing = FAILING.lock().expect("not poisoned");
    match failing.get_mut(&id) {
        Some(left) if *left > 0 => {
            *left -= 1;
            true
        }
        _ => false,
    }
}

impl Reaction<BedChanged> for Note {
    type Asked = ();

    async fn ask(&self, _cx: &Context, _event: &Event<BedChanged>) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(
        &self,
        uow: &mut UnitOfWork,
        event: &Event<BedChanged>,
        _asked: &(),
    ) -> Result<(), Failure> {
        let text = "INSERT INTO note (key, number) VALUES ($1, $2)";
        let values = [
            val(event.envelope.key.clone()),
            val(event.envelope.sequence),
        ];
        uow.connection().run(text, values).await?;
        // After the effect: it must be rolled back with it.
        if fails(event.envelope.id) {
            return Err(Failure::internal("told to fail"));
        }
        Ok(())
    }
}

fn subscription() -> Subscription {
    Subscription::named(SUBSCRIPTION).on::<BedChanged>(Note)
}

/// The records of each partition.
type Log = Arc<Mutex<[Vec<Envelope>; PARTITIONS]>>;

/// What a consumer shall do next; it answers when the runner has handled it.
enum Order {
    Deliver(usize),
    Rewind(usize),
    Reassign,
}

type Orders = mpsc::Receiver<(Order, oneshot::Sender<()>)>;

/// A log whose consumers deliver when they are told to.
struct ScriptedBus {
    log: Log,
    /// Of the consumers that are not open yet.
    orders: Mutex<Vec<Orders>>,
}

struct ScriptedConsumer {
    log: Log,
    orders: Orders,
    positions: Positions,
    next: BTreeMap<TopicPartition, i64>,
    handled: Option<oneshot::Sender<()>>,
}

fn partitions() -> Vec<TopicPartition> {
    let numbers = 0..i32::try_from(PARTITIONS).expect("few");
    numbers
        .map(|number| TopicPartition::new(BedChanged::TOPIC.name, number))
        .collect()
}

impl ScriptedConsumer {
    fn assign(&mut self) -> Result<(), BusError> {
        self.next = (self.positions)(&partitions())?;
        Ok(())
    }

    fn deliver(&mut self, limit: usize) -> Vec<Record> {
        let log = self.log.lock().expect("not poisoned");
        let mut records = Vec::new();
        for (at, next) in &mut self.next {
            let of_partition = &log[usize::try_from(at.partition).expect("one of ours")];
            let from = usize::try_from(*next).expect("an offset");
            let to = of_partition.len().min(from + limit);
            for (offset, envelope) in (*next..).zip(&of_partition[from..to]) {
                records.push(Record {
                    at: at.clone(),
                    offset,
                    envelope: Ok(envelope.clone()),
                });
            }
            *next = i64::try_from(to).expect("an offset");
        }
        records
    }
}

impl Consumer for ScriptedConsumer {
    fn poll(&mut self, _wait: Duration, _limit: usize) -> Result<Vec<Record>, BusError> {
        if let Some(handled) = self.handled.take() {
            // Whoever gave the order may have given up.
            let _ = handled.send(());
        }
        let Ok((order, handled)) = self.orders.recv_timeout(LOOK_EVERY) else {
            return Ok(Vec::new());
        };
        self.handled = Some(handled);
        match order {
            Order::Deliver(limit) => return Ok(self.deliver(limit)),
            Order::Rewind(by) => {
                let by = i64::try_from(by).expect("few");
                for next in self.next.values_mut() {
                    *next = (*next - by).max(0);
                }
            }
            Order::Reassign => self.assign()?,
        }
        Ok(Vec::new())
    }

    fn assignment(&mut self) -> Vec<TopicPartition> {
        partitions()
    }

    fn seek(&mut self, at: &TopicPartition, offset: i64) -> Result<(), BusError> {
        self.next.insert(at.clone(), offset);
        Ok(())
    }

    fn pause(&mut self, _partitions: &[TopicPartition]) -> Result<(), BusError> {
        Ok(())
    }

    fn resume(&mut self, _partitions: &[TopicPartition]) -> Result<(), BusError> {
        Ok(())
    }

    fn report(&mut self, _next: &BTreeMap<TopicPartition, i64>) {}

    fn close(self: Box<Self>, _limit: Duration) {}
}

#[async_trait]
impl Bus for ScriptedBus {
    async fn send(&self, batch: &[Envelope]) -> Vec<Delivery> {
        vec![Delivery::Failed("nobody sends here".to_owned()); batch.len()]
    }

    fn open_consumer(
        &self,
        _group: &str,
        _topics: &[String],
        positions: Positions,
    ) -> Result<Box<dyn Consumer>, BusError> {
        let orders = self.orders.lock().expect("not poisoned").pop();
        let mut consumer = ScriptedConsumer {
            log: self.log.clone(),
            orders: orders.ok_or_else(|| BusError::Other("no more consumers".to_owned()))?,
            positions,
            next: BTreeMap::new(),
            handled: None,
        };
        consumer.assign()?;
        Ok(Box::new(consumer))
    }

    async fn apply_topics(&self, _topics: &[TopicSpec]) -> Result<Vec<String>, BusError> {
        Ok(Vec::new())
    }

    async fn list_topics(&self) -> Result<BTreeMap<String, i32>, BusError> {
        Ok(BTreeMap::new())
    }

    async fn watermarks(&self, _topic: &str) -> Result<Vec<Watermarks>, BusError> {
        let log = self.log.lock().expect("not poisoned");
        let marks = log.iter().map(|partition| Watermarks {
            low: 0,
            high: i64::try_from(partition.len()).expect("few"),
        });
        Ok(marks.collect())
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

    async fn close(&self, _limit: Duration) {}
}

/// Numbers noted, by key.
type Numbers = BTreeMap<String, Vec<i64>>;

/// One sequence of steps, with two runners and a retrier of its own.
struct World {
    cx: Context,
    clock: FakeClock,
    log: Log,
    runners: Vec<mpsc::Sender<(Order, oneshot::Sender<()>)>>,
    threads: Vec<std::thread::JoinHandle<()>>,
    stop: CancellationToken,
    retrier: Retrier,
    appended: Vec<Envelope>,
    /// Numbers of events that an operator took out of their order, by key.
    out_of_order: BTreeMap<String, BTreeSet<i64>>,
    discarded: BTreeMap<String, BTreeSet<i64>>,
    case: Uuid,
}

impl World {
    async fn start(database: &TestDatabase) -> Self {
        let log = Log::default();
        let (runners, orders): (Vec<_>, Vec<_>) = (0..RUNNERS).map(|_| mpsc::channel()).unzip();
        let bus = Arc::new(ScriptedBus {
            log: log.clone(),
            orders: Mutex::new(orders),
        });
        let clock = FakeClock::at(Timestamp::now());
        let settings = Settings::with(database.settings()).expect("valid");
        let still = Still::new(settings, Arc::new(clock.clone()), bus, BTreeMap::new());
        let cx = still
            .context(Module::named(SERVICE).migrations(MIGRATIONS))
            .await;
        // The sequence before has left its rows behind.
        for table in ["position", "inbox", "note"] {
            let cleared = cx
                .db()
                .writer()
                .run(format!("DELETE FROM {table}"), [])
                .await;
            cleared.expect("cleared");
        }
        let subscriptions = Arc::new(vec![subscription()]);
        let stop = CancellationToken::new();
        let threads = (0..RUNNERS).map(|_| {
            let runner = Runner::new(cx.clone(), subscriptions.clone(), Handle::current());
            let stop = stop.clone();
            std::thread::spawn(move || runner.run(&stop))
        });
        Self {
            threads: threads.collect(),
            retrier: Retrier::new(cx.clone(), subscriptions, LeaseHolder::default()),
            cx,
            clock,
            log,
            runners,
            stop,
            appended: Vec::new(),
            out_of_order: BTreeMap::new(),
            discarded: BTreeMap::new(),
            case: Uuid::new_v4(),
        }
    }

    async fn end(self) {
        self.stop.cancel();
        for thread in self.threads {
            thread.join().expect("no panic");
        }
        self.cx.db().close().await;
    }

    async fn order(&self, runner: usize, order: Order) {
        let (handled, done) = oneshot::channel();
        let given = self.runners[runner].send((order, handled));
        given.expect("it runs");
        done.await.expect("it is handled");
    }

    async fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match step {
            Step::Append(events) => self.append(events),
            Step::Copy(n) => self.copy(*n),
            Step::Poll(runner, limit) => self.order(*runner, Order::Deliver(*limit)).await,
            Step::Rewind(runner, by) => self.order(*runner, Order::Rewind(*by)).await,
            Step::Reassign(runner) => self.order(*runner, Order::Reassign).await,
            Step::Retry => self.retry().await,
            Step::GiveUp => {
                self.clock.advance(self.cx.settings().runner.give_up_after);
                self.retry().await;
            }
            Step::Replay(many) => self.replay(*many).await,
            Step::Discard => self.discard().await,
        }
        self.holds().await
    }

    fn append(&mut self, events: &[(usize, u32)]) {
        let mut log = self.log.lock().expect("not poisoned");
        for (key, failures) in events {
            let body = BedChanged {
                bed_id: format!("{}-{key}", self.case),
                ..Default::default()
            };
            let of_key = self.appended.iter().filter(|one| one.key == body.bed_id);
            let envelope = Envelope {
                id: Uuid::now_v7(),
                source: "elsewhere".to_owned(),
                topic: BedChanged::TOPIC.name.to_owned(),
                key: body.bed_id.clone(),
                sequence: i64::try_from(of_key.count()).expect("few") + 1,
                event_type: BedChanged::TYPE.to_owned(),
                time: Timestamp::now(),
                division: None,
                causation_id: None,
                correlation_id: None,
                traceparent: None,
                value: prost::Message::encode_to_vec(&body),
            };
            let mut failing = FAILING.lock().expect("not poisoned");
            failing.insert(envelope.id, *failures);
            log[key % PARTITIONS].push(envelope.clone());
            self.appended.push(envelope);
        }
    }

    fn copy(&mut self, n: usize) {
        let mut log = self.log.lock().expect("not poisoned");
        if let Some(envelope) = self.appended.get(n % self.appended.len().max(1)) {
            let number = envelope.key.rsplit('-').next().expect("a number");
            let partition = number.parse::<usize>().expect("a number") % PARTITIONS;
            log[partition].push(envelope.clone());
        }
    }

    async fn retry(&mut self) {
        self.clock.advance(A_WHILE);
        self.retrier.turn().await.expect("it is tried");
    }

    async fn held(&self) -> Vec<table::Held> {
        let held = table::held(self.cx.db().writer(), None, None, 1_000).await;
        held.expect("read")
    }

    /// An operator's choice for what is held: an event that was given up comes out of its order.
    async fn replay(&mut self, many: usize) {
        for held in self.held().await.into_iter().take(many) {
            let envelope = held.open().expect("an envelope");
            if held.state != table::PARKED {
                let of_key = self.out_of_order.entry(held.key.clone()).or_default();
                of_key.insert(envelope.sequence);
            }
            let now = self.cx.now();
            let db = self.cx.db().writer();
            let decided = ("operator", "model");
            let due = table::make_due(db, &held.subscription, held.event_id, now, decided).await;
            assert!(due.expect("updated"));
        }
    }

    async fn discard(&mut self) {
        let Some(held) = self.held().await.into_iter().next() else {
            return;
        };
        let envelope = held.open().expect("an envelope");
        let of_key = self.discarded.entry(held.key.clone()).or_default();
        of_key.insert(envelope.sequence);
        let (db, now) = (self.cx.db().writer(), self.cx.now());
        let decided = ("operator", "model");
        let found = table::discard(db, &held.subscription, held.event_id, decided).await;
        assert!(found.expect("updated"));
        table::wake_heads(db, now).await.expect("woken");
    }

    async fn noted(&self) -> Numbers {
        let text = "SELECT key, number FROM note ORDER BY id";
        let rows = self.cx.db().writer().all(text, []).await.expect("read");
        let mut noted = Numbers::new();
        for row in &rows {
            let key: String = row.get("key").expect("a key");
            let number = row.get("number").expect("a number");
            noted.entry(key).or_default().push(number);
        }
        noted
    }

    /// At any time: of each key every effect is there once at most, in order but for what an
    /// operator replayed later, and nothing that was discarded.
    async fn holds(&self) -> Result<(), TestCaseError> {
        let none = BTreeSet::new();
        for (key, numbers) in self.noted().await {
            let once: BTreeSet<i64> = numbers.iter().copied().collect();
            prop_assert_eq!(once.len(), numbers.len(), "twice: {} {:?}", key, numbers);
            let later = self.out_of_order.get(&key).unwrap_or(&none);
            let in_order: Vec<i64> = numbers
                .iter()
                .copied()
                .filter(|number| !later.contains(number))
                .collect();
            prop_assert!(in_order.is_sorted(), "out of order: {} {:?}", key, numbers);
            let discarded = self.discarded.get(&key).unwrap_or(&none);
            prop_assert!(
                discarded.is_disjoint(&once),
                "discarded: {} {:?}",
                key,
                numbers
            );
        }
        Ok(())
    }

    /// All that was appended is delivered.
    async fn deliver_all(&self) {
        self.order(0, Order::Reassign).await;
        self.order(0, Order::Deliver(usize::MAX / 2)).await;
        // Somebody else may have had the positions: then it begins again where they are.
        self.order(0, Order::Deliver(usize::MAX / 2)).await;
    }

    /// Nothing is held on a key of which nothing failed, however much is on others.
    async fn only_its_own_key_is_held(&self) -> Result<(), TestCaseError> {
        let noted = self.noted().await;
        let held: BTreeSet<String> = self.held().await.into_iter().map(|held| held.key).collect();
        for envelope in self.appended.iter().filter(|one| !held.contains(&one.key)) {
            let discarded = self.discarded.get(&envelope.key);
            let expected = discarded.is_none_or(|numbers| !numbers.contains(&envelope.sequence));
            let numbers = noted.get(&envelope.key);
            let there = numbers.is_some_and(|numbers| numbers.contains(&envelope.sequence));
            prop_assert_eq!(there, expected, "{} {}", envelope.key, envelope.sequence);
        }
        // Of a held key everything before the first that is held.
        for held in &held {
            let first = self.first_held(held).await;
            let before = self.appended.iter().filter(|one| one.key == *held);
            for envelope in before.filter(|one| one.sequence < first) {
                let discarded = self.discarded.get(held);
                let gone = discarded.is_some_and(|numbers| numbers.contains(&envelope.sequence));
                let numbers = noted.get(held);
                let there = numbers.is_some_and(|numbers| numbers.contains(&envelope.sequence));
                prop_assert!(there || gone, "{} {}", held, envelope.sequence);
            }
        }
        Ok(())
    }

    async fn first_held(&self, key: &str) -> i64 {
        let held = self.held().await;
        let of_key = held.iter().filter(|held| held.key == key);
        let numbers = of_key.map(|held| held.open().expect("an envelope").sequence);
        numbers.min().unwrap_or(i64::MAX)
    }
}

async fn try_steps(database: &TestDatabase, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut world = World::start(database).await;
    let outcome = try_in(&mut world, steps).await;
    world.end().await;
    outcome
}

async fn try_in(world: &mut World, steps: &[Step]) -> Result<(), TestCaseError> {
    for step in steps {
        world.take(step).await?;
    }
    world.deliver_all().await;
    world.holds().await?;
    world.only_its_own_key_is_held().await?;
    // Nothing fails any more; what was given up is replayed.
    for envelope in &world.appended {
        FAILING.lock().expect("not poisoned").remove(&envelope.id);
    }
    world.take(&Step::Replay(1_000)).await?;
    world.take(&Step::Retry).await?;
    prop_assert!(world.held().await.is_empty(), "nothing is held any more");
    world.only_its_own_key_is_held().await
}

async fn effects_happen_once_and_in_the_order_of_their_key(database: TestDatabase) {
    database.create(&[SERVICE]).await.expect("created");
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        // Each try takes a moment; a failure shall be told while somebody still looks.
        max_shrink_iters: 200,
        ..Config::default()
    };
    tokio::task::block_in_place(|| {
        let run = |steps: Vec<Step>| Handle::current().block_on(try_steps(&database, &steps));
        let outcome = TestRunner::new(config).run(&vec(step(), 1..40), run);
        outcome.unwrap_or_else(|failure| panic!("{failure}"));
    });
}

crate::on_both_databases!(effects_happen_once_and_in_the_order_of_their_key);
