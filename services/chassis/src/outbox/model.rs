//! The relay against a model: whatever the bus does, whoever holds the lease, wherever a process
//! ends, every committed event is on the bus, in the order of its key once copies are dropped, and a
//! refused one holds its own key only.

mod bus;
mod world;

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use tokio::runtime::Handle;

use self::bus::{Fate, ScriptedBus};
use self::world::World;
use super::table;
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::context::Context;
use crate::db::Sql;
use crate::module::Module;
use crate::testing::{Still, TestDatabase, cases};

pub(super) const SERVICE: &str = "elderly-care";

/// Sequences of steps tried on each database, unless `PROPTEST_CASES` says otherwise.
const CASES: u32 = 48;

/// What a turn takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Batches {
    /// All there is.
    All,
    /// So few rows that it reads ahead while they are sent.
    Few,
    /// One row, as if it were large: what the look read behind it is cut off.
    Large,
}

/// Keys of one case.
const KEYS: usize = 4;

/// The key of what commits late.
const LATE_KEY: usize = 3;

/// Turns after which a relay on a calm bus must have come to rest.
const TURNS: usize = 200;

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
    /// A transaction writes an event of a key of its own and stays open, between one that began before it and
    /// one that writes after it, if the other two are one; one that is open commits.
    Late(bool),
    /// A relay has not swept for a while.
    Wait(usize),
    /// What a relay has read ahead is too old to be sent.
    Linger(usize),
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
        2 => any::<bool>().prop_map(Step::Late),
        3 => (0..2_usize).prop_map(Step::Wait),
        1 => (0..2_usize).prop_map(Step::Linger),
        1 => Just(Step::HandOver),
        1 => Just(Step::Calm),
        1 => Just(Step::Replay),
        1 => Just(Step::Discard),
    ]
}

async fn try_steps(
    cx: &Context,
    bus: &Arc<ScriptedBus>,
    batches: Batches,
    steps: &[Step],
) -> Result<(), TestCaseError> {
    // A sequence that failed has left rows behind.
    let cleared = cx.db().writer().run("DELETE FROM outbox", []).await;
    cleared.expect("cleared");
    let mut world = World::new(cx, bus, batches);
    for step in steps {
        world.take(step).await?;
    }
    world.commit_late().await;
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
}

/// The floor rises above all that is there.
fn sweeps() -> Vec<Step> {
    let sweep = || [Step::Wait(0), Step::Turn(0, vec![])];
    [sweep(), sweep(), sweep()].concat()
}

/// An event that commits late lies below the floor when what follows on its key is above it.
fn a_late_event_below_the_floor(overlapped: bool) -> Vec<Step> {
    let mut before = vec![Step::Late(overlapped)];
    if !overlapped {
        before.push(Step::Commit(vec![(0, false)]));
    }
    let after = vec![Step::Late(false), Step::Commit(vec![(LATE_KEY, false)])];
    [before, sweeps(), after, vec![Step::Turn(0, vec![])]].concat()
}

/// A refused event lies below the floor, and what follows on its key is above it, when it is sent again.
fn a_refused_event_below_the_floor() -> Vec<Step> {
    let before = vec![
        Step::Commit(vec![(0, true)]),
        Step::Commit(vec![(1, false)]),
    ];
    let after = vec![Step::Commit(vec![(0, false)]), Step::Replay];
    [before, sweeps(), after, vec![Step::Turn(0, vec![])]].concat()
}

/// Failures in quick succession lift the floor above a refused event.
fn a_refused_event_below_a_floor_that_rose_quickly() -> Vec<Step> {
    vec![
        Step::Commit(vec![(2, true)]),
        Step::Overlap(vec![]),
        Step::Commit(vec![(0, false)]),
        Step::Turn(1, vec![Fate::Unsaid]),
        Step::Commit(vec![(0, false); 3]),
        Step::Overlap(vec![Fate::Unsaid]),
    ]
}

/// A relay that lost its lease leaves a row that the bus has, older than a refused one of its key: between its sweeps
/// the next relay passes it over.
fn an_older_row_of_a_held_key_left_by_a_rival() -> Vec<Step> {
    vec![
        Step::Commit(vec![(0, false), (0, false), (0, false), (2, false)]),
        Step::HandOver,
        Step::Turn(1, vec![]),
        Step::Turn(1, vec![]),
        Step::Commit(vec![(2, true)]),
        Step::Turn(1, vec![]),
        Step::HandOver,
    ]
}

async fn whatever_happens_every_event_arrives_in_order(database: TestDatabase) {
    database.create(&[SERVICE]).await.expect("created");
    for batches in [Batches::All, Batches::Few, Batches::Large] {
        with(batches, &database).await;
    }
}

/// An outbox that nobody relays.
pub(super) async fn outbox_at_rest(database: &TestDatabase) -> Context {
    database.create(&[SERVICE]).await.expect("created");
    context(Batches::All, database).await.0
}

async fn context(batches: Batches, database: &TestDatabase) -> (Context, Arc<ScriptedBus>) {
    let batch = match batches {
        Batches::All => 1_000,
        Batches::Few | Batches::Large => 2,
    };
    let mut settings = database.settings();
    settings.push(format!("relay.batch={batch}"));
    // However slow the machine, nothing is too old unless a step says so.
    settings.push("lease.takeover_ms=60000".to_owned());
    let settings = Settings::with(settings).expect("valid");
    let bus = Arc::new(ScriptedBus::default());
    let still = Still::new(
        settings,
        Arc::new(SystemClock),
        bus.clone(),
        BTreeMap::new(),
    );
    let cx = still.context(Module::named(SERVICE)).await;
    (cx, bus)
}

async fn with(batches: Batches, database: &TestDatabase) {
    let (cx, bus) = context(batches, database).await;
    let run = |steps: Vec<Step>| Handle::current().block_on(try_steps(&cx, &bus, batches, &steps));
    tokio::task::block_in_place(|| {
        for steps in [
            a_refused_event_below_a_floor_that_rose_quickly(),
            a_refused_event_below_the_floor(),
            a_late_event_below_the_floor(false),
            a_late_event_below_the_floor(true),
            an_older_row_of_a_held_key_left_by_a_rival(),
        ] {
            run(steps.clone()).unwrap_or_else(|failure| panic!("{failure}: {steps:?}"));
        }
    });
    let config = Config {
        cases: cases(CASES),
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

/// A rival may have held the lease since, and sent it.
async fn what_was_read_too_long_ago_is_read_again(database: TestDatabase) {
    database.create(&[SERVICE]).await.expect("created");
    let (cx, bus) = context(Batches::Few, &database).await;
    for (is_old, arrived) in [(false, 4), (true, 2)] {
        let mut world = World::new(&cx, &bus, Batches::Few);
        let four = Step::Commit(vec![(0, false); 4]);
        for step in [four, Step::Turn(0, vec![])] {
            world.take(&step).await.expect("in order");
        }
        // All else is gone, as when a rival has sent it.
        let gone = cx.db().writer().run("DELETE FROM outbox", []).await;
        gone.expect("deleted");
        if is_old {
            world.take(&Step::Linger(0)).await.expect("in order");
        }
        let turn = world.take(&Step::Turn(0, vec![])).await;
        turn.expect("in order");
        let log = bus.log.lock().expect("not poisoned").len();
        assert_eq!(log, arrived, "old: {is_old}");
    }
    cx.db().close().await;
}

crate::on_both_databases!(
    whatever_happens_every_event_arrives_in_order,
    what_was_read_too_long_ago_is_read_again,
);
