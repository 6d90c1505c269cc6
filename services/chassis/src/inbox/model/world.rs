//! One sequence of steps, and what must hold after each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, mpsc};

use jiff::Timestamp;
use minzheng_proto::catalogue::EventType;
use minzheng_proto::elderly_care::v1::BedChanged;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::super::held;
use super::super::retry::Retrier;
use super::super::runner::Runner;
use super::log::{Log, Order, ScriptedBus};
use super::{A_WHILE, FAILING, MIGRATIONS, PARTITIONS, RUNNERS, SERVICE, Step, Way, subscription};
use crate::bus::Envelope;
use crate::clock::FakeClock;
use crate::config::Settings;
use crate::context::Context;
use crate::db::Sql;
use crate::module::Module;
use crate::outbox::LeaseHolder;
use crate::testing::{Still, TestDatabase};

/// Numbers noted, by key.
pub(super) type Numbers = BTreeMap<String, Vec<i64>>;

/// One sequence of steps, with two runners and a retrier of its own.
pub(super) struct World {
    way: Way,
    cx: Context,
    clock: FakeClock,
    log: Log,
    runners: Vec<mpsc::Sender<(Order, oneshot::Sender<()>)>>,
    threads: Vec<std::thread::JoinHandle<()>>,
    stop: CancellationToken,
    retrier: Retrier,
    pub(super) appended: Vec<Envelope>,
    /// Numbers of events that an operator took out of their order, by key.
    out_of_order: BTreeMap<String, BTreeSet<i64>>,
    discarded: BTreeMap<String, BTreeSet<i64>>,
    case: Uuid,
}

impl World {
    pub(super) async fn start(database: &TestDatabase, way: Way) -> Self {
        let log = Log::default();
        let (runners, orders): (Vec<_>, Vec<_>) = (0..RUNNERS).map(|_| mpsc::channel()).unzip();
        let bus = Arc::new(ScriptedBus {
            log: log.clone(),
            orders: Mutex::new(orders),
        });
        let clock = FakeClock::at(Timestamp::now());
        let mut settings = database.settings();
        settings.push(format!("runner.batch={}", way.batch));
        let settings = Settings::with(settings).expect("valid");
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
            let runner = match way.is_hurried {
                true => runner.hurried(),
                false => runner,
            };
            let stop = stop.clone();
            std::thread::spawn(move || runner.run(&stop))
        });
        Self {
            way,
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

    pub(super) async fn end(self) {
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

    pub(super) async fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
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

    pub(super) async fn held(&self) -> Vec<held::Held> {
        let held = held::held(self.cx.db().writer(), None, None, 1_000).await;
        held.expect("read")
    }

    /// An operator's choice for what is held: an event that was given up comes out of its order.
    async fn replay(&mut self, many: usize) {
        for held in self.held().await.into_iter().take(many) {
            let envelope = held.open().expect("an envelope");
            if held.state != held::PARKED {
                let of_key = self.out_of_order.entry(held.key.clone()).or_default();
                of_key.insert(envelope.sequence);
            }
            let now = self.cx.now();
            let db = self.cx.db().writer();
            let decided = ("operator", "model");
            let due = held::make_due(db, &held.subscription, held.event_id, now, decided).await;
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
        let found = held::discard(db, &held.subscription, held.event_id, decided).await;
        assert!(found.expect("updated"));
        held::wake_heads(db, now).await.expect("woken");
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
    pub(super) async fn holds(&self) -> Result<(), TestCaseError> {
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

    /// All that was appended is delivered: by one poll, or, where all but a transaction is left to the next, by
    /// polls that each come further. One more is needed where somebody else has had the positions.
    pub(super) async fn deliver_all(&self) -> Result<(), TestCaseError> {
        self.order(0, Order::Reassign).await;
        let records = self.records();
        let polls = if self.way.is_hurried { records } else { 1 };
        for _ in 0..=polls {
            self.order(0, Order::Deliver(usize::MAX / 2)).await;
            if self.read().await == records {
                return Ok(());
            }
        }
        prop_assert_eq!(self.read().await, records);
        Ok(())
    }

    fn records(&self) -> i64 {
        let log = self.log.lock().expect("not poisoned");
        i64::try_from(log.iter().map(Vec::len).sum::<usize>()).expect("few")
    }

    /// Records that lie before the positions.
    async fn read(&self) -> i64 {
        let text = "SELECT CAST(coalesce(sum(next_offset), 0) AS bigint) AS records FROM position";
        let row = self.cx.db().writer().one(text, []).await.expect("read");
        row.expect("a sum").get("records").expect("a number")
    }

    /// Nothing is held on a key of which nothing failed, however much is on others.
    pub(super) async fn only_its_own_key_is_held(&self) -> Result<(), TestCaseError> {
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
