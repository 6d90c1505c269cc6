//! The runner and the retrier against a model: whatever is delivered again, whoever else reads the
//! same partition, however often an event fails: the effects of a key happen in its order, each
//! once, and a parked event holds its own key only.

mod log;
mod world;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use minzheng_proto::elderly_care::v1::BedChanged;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use tokio::runtime::Handle;
use uuid::Uuid;

use self::world::World;
use super::reaction::{Event, Reaction};
use super::subscription::Subscription;
use crate::context::Context;
use crate::db::migrate::Migration;
use crate::db::{Sql, val};
use crate::seam::{Failure, UnitOfWork};
use crate::testing::{TestDatabase, cases};

const SERVICE: &str = "elderly-care";
const SUBSCRIPTION: &str = "model.note";

/// Sequences of steps tried on each database, unless `PROPTEST_CASES` says otherwise.
const CASES: u32 = 16;

/// How the runners work.
#[derive(Clone, Copy)]
struct Way {
    /// Events of a transaction: all there are, or so few that the runner polls and prepares ahead.
    batch: usize,
    /// Of each poll a transaction is written, and the rest left to the next.
    is_hurried: bool,
}

const WAYS: [Way; 3] = [
    Way {
        batch: 200,
        is_hurried: false,
    },
    Way {
        batch: 2,
        is_hurried: false,
    },
    Way {
        batch: 2,
        is_hurried: true,
    },
];

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

async fn try_steps(database: &TestDatabase, way: Way, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut world = World::start(database, way).await;
    let outcome = try_in(&mut world, steps).await;
    world.end().await;
    outcome
}

async fn try_in(world: &mut World, steps: &[Step]) -> Result<(), TestCaseError> {
    for step in steps {
        world.take(step).await?;
    }
    world.deliver_all().await?;
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
        cases: cases(CASES),
        failure_persistence: None,
        // Each try takes a moment; a failure shall be told while somebody still looks.
        max_shrink_iters: 200,
        ..Config::default()
    };
    tokio::task::block_in_place(|| {
        for way in WAYS {
            let run =
                |steps: Vec<Step>| Handle::current().block_on(try_steps(&database, way, &steps));
            let outcome = TestRunner::new(config.clone()).run(&vec(step(), 1..40), run);
            outcome.unwrap_or_else(|failure| panic!("{failure}"));
        }
    });
}

crate::on_both_databases!(effects_happen_once_and_in_the_order_of_their_key);
