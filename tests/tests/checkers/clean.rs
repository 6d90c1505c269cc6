//! A run in which nothing was broken, and what is planted in it: rows behind the platform's back,
//! or something else in what was observed.

use std::path::PathBuf;
use std::time::Duration;

use minzheng_chassis::civil;
use minzheng_chassis::clock::Clock;
use minzheng_chassis::db::Sql;
use minzheng_chassis::testing::{Deployment, TestNode};
use minzheng_server::modules;
use minzheng_tests::chaos::checkers::{self, Harm, Violation};
use minzheng_tests::chaos::history::{self, Attempt, History, Kind};
use minzheng_tests::chaos::observe::{self, Databases, Observed};
use minzheng_tests::chaos::workload::{Script, Workload};
use minzheng_tests::platform::{Platform, SERVICES};
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::OnceCell;
use uuid::Uuid;

/// How long a clean run may take to come to rest.
const REST_WITHIN: Duration = Duration::from_secs(60);

/// How long is waited for something that will never come.
const NOT_LONG: Duration = Duration::from_secs(1);

/// What a checker must say of something planted.
pub type Said<'a> = &'a [(Harm, &'a str)];

/// Every story once.
pub struct Run {
    deployment: Deployment,
    node: TestNode,
    workload: Workload,
    directory: TempDir,
    databases: Databases,
}

impl Run {
    /// A run over which every checker held.
    pub async fn clean() -> Self {
        Self::observed().await.0
    }

    async fn observed() -> (Self, Observed) {
        let run = Self::live().await;
        let observed = run.observe(REST_WITHIN).await;
        assert_eq!(checkers::run(&observed), vec![], "nothing was broken");
        (run, observed)
    }

    async fn live() -> Self {
        let deployment = Deployment::embedded();
        let node = deployment.start(modules::all()).await;
        let directory = tempfile::tempdir().expect("a directory");
        let log = directory.path().join("history.jsonl");
        let platform = Platform::of_node(&node, deployment.clock());
        let today = civil::today(deployment.clock().now());
        let history = History::create(&log).expect("a log");
        let workload = Workload::new(vec![platform], history, today);
        workload.every_script(7, 1).await;
        let mut databases = Databases::new();
        for service in SERVICES {
            let database = deployment.database().open(service).await;
            databases.insert(service, database.expect("a database"));
        }
        Self {
            deployment,
            node,
            workload,
            directory,
            databases,
        }
    }

    fn log(&self) -> PathBuf {
        self.directory.path().join("history.jsonl")
    }

    async fn observe(&self, rest_within: Duration) -> Observed {
        let platform = &self.workload.platforms[0];
        let quiet = observe::settle(platform, &self.databases, rest_within).await;
        let ops = history::load(&self.log()).expect("the log");
        let api = observe::api(platform, &self.workload.callers, &ops).await;
        let mute = observe::mute(&self.workload.platforms).await;
        Observed {
            api: api.expect("the API answers"),
            tables: observe::tables(&self.databases).await.expect("rows"),
            events: observe::events(self.node.bus()).await.expect("events"),
            mute,
            crashes: Vec::new(),
            quiet_after: quiet.ok(),
            ops,
        }
    }

    /// Changes rows behind the platform's back; something must change, and the checker must say so.
    pub async fn finds(&self, checker: u8, service: &str, statement: &str, said: Said<'_>) {
        let changed = self.databases[service].writer().run(statement, []).await;
        assert!(
            changed.expect("planted") > 0,
            "nothing planted: {statement}"
        );
        says(checker, &self.observe(NOT_LONG).await, said);
    }

    /// The id of the old one of the family that lived through a script.
    pub async fn old_one(&self, script: Script) -> Uuid {
        let ops = history::load(&self.log()).expect("the log");
        let name = script.name();
        let registered = ops.iter().find(|op| {
            op.does() == "register"
                && op.what("role") == "old"
                && op.deed.what["family"]["script"].as_str() == Some(name.as_str())
        });
        let answer = registered.and_then(|op| op.ok()).expect("registered");
        answer["made"]
            .as_str()
            .expect("an id")
            .parse()
            .expect("a UUID")
    }

    pub async fn stop(self) {
        for database in self.databases.values() {
            database.close().await;
        }
        self.node.stop().await;
        drop(self.deployment);
    }
}

/// What was observed of a clean run, one for all who change nothing but that.
pub async fn observed() -> Observed {
    static OBSERVED: OnceCell<Observed> = OnceCell::const_new();
    let once = OBSERVED.get_or_init(async || {
        let (run, observed) = Run::observed().await;
        run.stop().await;
        observed
    });
    once.await.clone()
}

/// What a checker must say of what was observed, and what makes it say so.
pub type Plant = (Harm, &'static str, fn(&mut Observed));

/// Plants one after the other, each in a clean run.
pub async fn finds(checker: u8, plants: &[Plant]) {
    let clean = observed().await;
    for (harm, words, plant) in plants {
        let mut observed = clean.clone();
        plant(&mut observed);
        says(checker, &observed, &[(*harm, words)]);
    }
}

/// That it says this among other things.
pub fn says(checker: u8, observed: &Observed, said: Said<'_>) {
    let found = checkers::run_one(checker, observed);
    for (harm, words) in said {
        assert!(has(&found, *harm, words), "{harm:?}, {words}: {found:?}");
    }
}

fn has(found: &[Violation], harm: Harm, words: &str) -> bool {
    found
        .iter()
        .any(|one| one.harm == harm && one.text.contains(words))
}

/// That it finds nothing although this was planted.
pub async fn holds(checker: u8, plant: fn(&mut Observed)) {
    let mut observed = observed().await;
    plant(&mut observed);
    assert_eq!(checkers::run_one(checker, &observed), vec![]);
}

/// The tries of an operation of a kind that was acknowledged.
pub fn acknowledged<'a>(observed: &'a mut Observed, does: &str) -> &'a mut Vec<Attempt> {
    let mut ops = observed.ops.iter_mut();
    let told = ops.find(|op| op.does() == does && op.ok().is_some());
    &mut told.expect("acknowledged").attempts
}

/// Tries it once more: what came of it is that of the last try, altered.
pub fn again(observed: &mut Observed, does: &str, alter: fn(&mut Attempt)) {
    let attempts = acknowledged(observed, does);
    let mut again = attempts.last().expect("an attempt").clone();
    alter(&mut again);
    attempts.push(again);
}

/// Says no, for this reason.
pub fn refuse(attempt: &mut Attempt, reason: &str) {
    attempt.kind = Kind::Fail;
    attempt.answer = json!({ "reason": reason });
}
