//! A conflict that never goes away: told to a caller, parked in a reaction; it never spins.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex};

use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::db::{Sql, val};
use minzheng_chassis::inbox::{Event, Reaction, Subscription};
use minzheng_chassis::module::Module;
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::problem::{Kind, Problem};
use minzheng_chassis::seam::{Command, Failure, RequestKey, UnitOfWork};
use minzheng_chassis::testing::{Deployment, operator};
use minzheng_proto::elderly_care::v1::BedChanged;
use minzheng_proto::operations::v1 as operations;
use uuid::Uuid;

use crate::common::{self, dead_letters, note, notebook};
use crate::{NOTES, eventually_dead, eventually_noted, publish};

on_both_deployments!(a_conflict_that_never_goes_away_ends_parked_or_aborted);

/// A command whose write always meets a unique conflict.
struct NeverUnique;

impl Command for NeverUnique {
    const NAME: &'static str = "Notebook/NeverUnique";
    type Asked = ();
    type Answer = BedChanged;

    async fn ask(&self, _cx: &Context, _caller: &Caller) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<Self::Answer, Failure> {
        let text = "INSERT INTO tally (name, total, version) VALUES ($1, 0, 0)";
        uow.connection().run(text, [val("twice")]).await?;
        uow.connection().run(text, [val("twice")]).await?;
        Ok(Self::Answer::default())
    }
}

/// A reaction whose write always meets a unique conflict for keys that begin with `twice`.
struct NoteTwice;

/// How often it ran for each of those keys.
static RUNS: LazyLock<Mutex<BTreeMap<String, u32>>> = LazyLock::new(Mutex::default);

fn runs(key: &str) -> u32 {
    RUNS.lock().unwrap().get(key).copied().unwrap_or_default()
}

const TWICE: &str = "notebook.note-twice";

impl Reaction<BedChanged> for NoteTwice {
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
        let bed = &event.body.bed_id;
        note(uow, TWICE, &event.body).await?;
        if bed.starts_with("twice") {
            *RUNS.lock().unwrap().entry(bed.clone()).or_default() += 1;
            let text = "INSERT INTO tally (name, total, version) VALUES ($1, 0, 0)";
            uow.connection().run(text, [val(bed.clone())]).await?;
            uow.connection().run(text, [val(bed.clone())]).await?;
        }
        Ok(())
    }
}

/// The notebook with that reaction.
fn notebook_that_notes_twice() -> Module {
    notebook().subscription(|| Subscription::named(TWICE).on::<BedChanged>(NoteTwice))
}

async fn a_conflict_that_never_goes_away_ends_parked_or_aborted(deployment: Deployment) {
    let twice = format!("twice-{}", Uuid::new_v4());
    // An hour between tries: what runs again meanwhile spins.
    let settings = ["runner.retry_first_ms=60000", "runner.retry_max_ms=3600000"];
    let node = deployment
        .start_with(vec![notebook_that_notes_twice()], &settings)
        .await;
    let failure = node
        .context(common::NOTEBOOK)
        .run(&operator("op"), None, NeverUnique)
        .await
        .expect_err("no");
    assert_eq!(failure.into_problem().reason, "CONTENDED");

    publish(&node, &[("good", "1"), (&twice, "1"), ("good", "2")]).await;
    let letters = eventually_dead(&node, 1).await;
    let letter = &letters[0];
    assert_eq!(
        (
            letter.subscription.as_str(),
            letter.key.as_str(),
            letter.state()
        ),
        (TWICE, twice.as_str(), operations::DeadLetterState::Parked)
    );
    eventually_noted(&node, TWICE, 2).await;
    let ran = runs(&twice);
    publish(&node, &[("good", "3"), ("another", "1")]).await;
    let noted = eventually_noted(&node, TWICE, 4).await;
    assert!(
        noted.iter().all(|(key, _)| *key != twice),
        "nothing of the parked one is left: {noted:?}"
    );
    assert_eq!(runs(&twice), ran, "it does not spin");
    assert_eq!(dead_letters(&node).await.len(), 1);
    let others = eventually_noted(&node, NOTES, 5).await;
    assert_eq!(others.len(), 5, "another subscription has every event");
    node.stop().await;
}

/// A command that is refused for its own earlier effect while the database has just gone away.
struct RefusedAsTheDatabaseGoes;

impl Command for RefusedAsTheDatabaseGoes {
    const NAME: &'static str = "Notebook/RefusedAsTheDatabaseGoes";
    type Asked = ();
    type Answer = BedChanged;

    async fn ask(&self, _cx: &Context, _caller: &Caller) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<Self::Answer, Failure> {
        let reader = uow.context().db().reader().clone();
        reader.close().await?;
        Err(Problem::new(Kind::FailedPrecondition, "HELD_ALREADY", "held", "已占用").into())
    }
}

/// Nobody can say whether the request was acknowledged before, so nobody says no.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_not_told_while_the_first_answer_cannot_be_looked_for() {
    let node = Deployment::embedded().start(vec![notebook()]).await;
    let key = RequestKey::of(&Uuid::new_v4().to_string(), &BedChanged::default());
    let failure = node
        .context(common::NOTEBOOK)
        .run(&operator("op"), key.ok(), RefusedAsTheDatabaseGoes)
        .await
        .expect_err("no answer");
    assert_eq!(failure.into_problem().reason, "UNAVAILABLE");
    node.stop().await;
}
