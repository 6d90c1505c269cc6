//! A checker that cannot fail is worthless: each is shown to find a planted violation, after it held
//! over a run in which nothing was broken.

use std::path::PathBuf;
use std::time::Duration;

use minzheng_chassis::bus::Envelope;
use minzheng_chassis::civil;
use minzheng_chassis::clock::Clock;
use minzheng_chassis::db::Sql;
use minzheng_chassis::testing::{Deployment, TestNode};
use minzheng_server::modules;
use minzheng_tests::chaos::checkers::{self, CHECKERS, Check, Harm, QUIET_WITHIN, Violation};
use minzheng_tests::chaos::history::{self, History};
use minzheng_tests::chaos::observe::{self, Databases, Observed};
use minzheng_tests::chaos::workload::{Script, Shape, Workload};
use minzheng_tests::platform::{Platform, SERVICES};
use tempfile::TempDir;
use uuid::Uuid;

/// How long a clean run may take to come to rest.
const REST_WITHIN: Duration = Duration::from_secs(60);

/// How long is waited for something that will never come.
const NOT_LONG: Duration = Duration::from_secs(1);

/// A run in which nothing was broken: every story once.
struct Run {
    deployment: Deployment,
    node: TestNode,
    workload: Workload,
    directory: TempDir,
    databases: Databases,
}

impl Run {
    async fn clean() -> Self {
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
        let run = Self {
            deployment,
            node,
            workload,
            directory,
            databases,
        };
        let observed = run.observe(REST_WITHIN).await;
        assert_eq!(checkers::run(&observed), vec![], "nothing was broken");
        run
    }

    fn log(&self) -> PathBuf {
        self.directory.path().join("history.jsonl")
    }

    async fn observe(&self, rest_within: Duration) -> Observed {
        let platform = &self.workload.platforms[0];
        let quiet = observe::settle(platform, &self.databases, rest_within).await;
        let ops = history::load(&self.log()).expect("the log");
        let api = observe::api(platform, &self.workload.callers, &ops).await;
        Observed {
            api: api.expect("the API answers"),
            tables: observe::tables(&self.databases).await.expect("rows"),
            events: observe::events(self.node.bus()).await.expect("events"),
            quiet_after: quiet.ok(),
            ops,
        }
    }

    /// Changes rows behind the platform's back; something must change.
    async fn plant(&self, service: &str, statement: &str) {
        let changed = self.databases[service].writer().run(statement, []).await;
        assert!(
            changed.expect("planted") > 0,
            "nothing planted: {statement}"
        );
    }

    /// What one checker finds now.
    async fn found(&self, checker: u8) -> Vec<Violation> {
        checkers::run_one(checker, &self.observe(NOT_LONG).await)
    }

    /// The id of the old one of the family that lived through a script.
    async fn old_one(&self, script: Script) -> Uuid {
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

    async fn stop(self) {
        for database in self.databases.values() {
            database.close().await;
        }
        self.node.stop().await;
        drop(self.deployment);
    }
}

fn has(found: &[Violation], harm: Harm, words: &str) -> bool {
    found
        .iter()
        .any(|one| one.harm == harm && one.text.contains(words))
}

#[test]
fn there_are_thirteen_and_those_of_payments_say_that_they_wait() {
    let numbers: Vec<u8> = CHECKERS.iter().map(|checker| checker.number).collect();
    assert_eq!(numbers, (1..=13).collect::<Vec<u8>>());
    let waiting = CHECKERS
        .iter()
        .filter(|checker| matches!(checker.check, Check::NotYet(_)));
    assert_eq!(
        waiting.map(|checker| checker.number).collect::<Vec<_>>(),
        [1, 6, 7]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conservation_misses_evidence_that_was_acknowledged_and_sees_what_nobody_reported() {
    let run = Run::clean().await;
    run.plant(
        "life-events",
        "DELETE FROM evidence WHERE id = (SELECT min(id) FROM evidence)",
    )
    .await;
    let found = run.found(2).await;
    assert!(has(&found, Harm::Lost, "is not in case"), "{found:?}");
    run.plant(
        "elderly-care",
        "INSERT INTO facility SELECT x'00112233445566778899aabbccddeeff', tier, division, name, filing, \
         created_at, allocation_version, version FROM facility LIMIT 1",
    )
    .await;
    let found = run.found(2).await;
    assert!(has(&found, Harm::Doubled, "facility"), "{found:?}");
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn none_lost_misses_an_event_on_the_topic_and_in_an_inbox() {
    let run = Run::clean().await;
    run.plant(
        "residents",
        "UPDATE stream_sequence SET sequence = sequence + 1 WHERE key = (SELECT min(key) FROM stream_sequence)",
    )
    .await;
    let found = run.found(3).await;
    assert!(
        has(&found, Harm::Lost, "is not on residents.person"),
        "{found:?}"
    );
    run.plant(
        "child-welfare",
        "DELETE FROM inbox WHERE event_id = (SELECT min(event_id) FROM inbox)",
    )
    .await;
    let found = run.found(3).await;
    assert!(has(&found, Harm::Lost, "never heard of event"), "{found:?}");
    assert!(has(&found, Harm::Lost, "without noting it"), "{found:?}");
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_sees_an_effect_twice() {
    let run = Run::clean().await;
    let mut observed = run.observe(REST_WITHIN).await;
    let event = observed.events[0].envelope.id;
    let caused = observed.tables.audit.iter_mut().find(|row| {
        row.service == "residents" && row.action == "MarkLifeStatus" && row.causation.is_some()
    });
    let caused = caused.expect("a reaction left a record").clone();
    assert_ne!(caused.causation, Some(event));
    run.plant(
        "residents",
        "INSERT INTO audit SELECT x'00112233445566778899aabbccddeeff', at, action, subject, service, aggregate, \
         aggregate_id, division, causation_id, record, key_id, mac FROM audit \
         WHERE action = 'MarkLifeStatus' LIMIT 1",
    )
    .await;
    let found = run.found(4).await;
    assert!(has(&found, Harm::Doubled, "MarkLifeStatus"), "{found:?}");
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_sees_a_second_answer_to_one_fact() {
    let run = Run::clean().await;
    let mut observed = run.observe(REST_WITHIN).await;
    let receipt = observed
        .events
        .iter()
        .find(|event| event.envelope.topic == "life-events.receipts")
        .expect("a receipt")
        .clone();
    // The same event again is a resend, and no second answer.
    observed.events.push(receipt.clone());
    assert_eq!(checkers::run_one(4, &observed), vec![]);
    let mut again = receipt;
    again.envelope = Envelope {
        id: Uuid::new_v4(),
        ..again.envelope
    };
    observed.events.push(again);
    let found = checkers::run_one(4, &observed);
    assert!(has(&found, Harm::Doubled, "answered"), "{found:?}");
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_order_sees_events_that_changed_places_and_a_department_behind() {
    let run = Run::clean().await;
    let mut observed = run.observe(REST_WITHIN).await;
    let second = observed
        .events
        .iter()
        .position(|event| event.envelope.sequence == 2)
        .expect("a second event of a key");
    let key = observed.events[second].envelope.key.clone();
    let first = observed
        .events
        .iter()
        .position(|event| event.envelope.key == key && event.envelope.sequence == 1)
        .expect("its first");
    observed.events.swap(first, second);
    let found = checkers::run_one(5, &observed);
    assert!(has(&found, Harm::Wrong, "runs [2, 1"), "{found:?}");
    run.plant(
        "elderly-care",
        "UPDATE known_person SET fact_version = fact_version - 1 WHERE fact_version > 0",
    )
    .await;
    let found = run.found(5).await;
    assert!(
        has(&found, Harm::Wrong, "elderly-care knows fact"),
        "{found:?}"
    );
    run.plant(
        "life-events",
        "INSERT INTO stream_gap (source, topic, key, missing_sequence, kind, seen_at) \
         VALUES ('residents', 'residents.person', 'k', 3, 'gap', 0)",
    )
    .await;
    let found = run.found(5).await;
    assert!(has(&found, Harm::Wrong, "shows a gap"), "{found:?}");
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restored_sees_a_stay_that_did_not_come_back() {
    let run = Run::clean().await;
    let person = run.old_one(Script::Reversed(Shape::Home)).await;
    let id = person.simple();
    run.plant(
        "elderly-care",
        &format!("UPDATE stay SET state = 'ended', end_cause = 'left', last_day = first_day WHERE person_id = x'{id}'"),
    )
    .await;
    let found = run.found(8).await;
    assert!(has(&found, Harm::Wrong, "is not as before"), "{found:?}");
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answered_sees_a_settled_case_with_an_open_question() {
    let run = Run::clean().await;
    run.plant(
        "life-events",
        "UPDATE question SET state = 'open', outcome = NULL, receipt_event_id = NULL, answered_at = NULL \
         WHERE case_id = (SELECT min(id) FROM death_case WHERE phase = 'finished')",
    )
    .await;
    let found = run.found(9).await;
    assert!(has(&found, Harm::Wrong, "is open"), "{found:?}");
    assert!(has(&found, Harm::Wrong, "verify life-events"), "{found:?}");
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn same_sees_two_answers_to_one_request_and_one_document_in_two_cases() {
    let run = Run::clean().await;
    let observed = run.observe(REST_WITHIN).await;
    let edited = |edit: fn(&mut serde_json::Value)| {
        let mut observed = observed.clone();
        let told = observed
            .ops
            .iter_mut()
            .find(|op| op.does() == "report" && op.ok().is_some())
            .expect("a report");
        let mut again = told.attempts.last().expect("an attempt").clone();
        edit(&mut again.answer);
        told.attempts.push(again);
        checkers::run_one(10, &observed)
    };
    assert_eq!(edited(|_| {}), vec![], "the same answer again");
    let found = edited(|answer| answer["digest"] = "another".into());
    assert!(has(&found, Harm::Wrong, "has 2 answers"), "{found:?}");
    let found = edited(|answer| answer["case"] = "another".into());
    assert!(has(&found, Harm::Doubled, "document"), "{found:?}");
    let mut observed = observed.clone();
    let mut stories = observed.ops.iter_mut().filter(|op| op.does() == "story");
    let story = stories.find_map(|op| op.attempts.last_mut());
    story.expect("a story that ended").answer["reason"] = "misuse taken instead of refused".into();
    let found = checkers::run_one(10, &observed);
    assert!(has(&found, Harm::Wrong, "misuse taken"), "{found:?}");
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_each_sees_a_changed_a_missing_and_a_second_audit_record() {
    let run = Run::clean().await;
    run.plant(
        "residents",
        "UPDATE audit SET subject = 'somebody' WHERE action = 'RegisterPerson' AND id = \
         (SELECT min(id) FROM audit WHERE action = 'RegisterPerson')",
    )
    .await;
    let found = run.found(11).await;
    assert!(has(&found, Harm::Wrong, "was changed"), "{found:?}");
    run.plant(
        "life-events",
        "DELETE FROM audit WHERE id = (SELECT min(id) FROM audit WHERE action = 'CorrectDeath')",
    )
    .await;
    let found = run.found(11).await;
    assert!(has(&found, Harm::Lost, "CorrectDeath"), "{found:?}");
    run.plant(
        "life-events",
        "INSERT INTO audit SELECT x'00112233445566778899aabbccddeeff', at, action, subject, service, aggregate, \
         aggregate_id, division, causation_id, record, key_id, mac FROM audit WHERE action = 'PrepareReversal' LIMIT 1",
    )
    .await;
    let found = run.found(11).await;
    assert!(has(&found, Harm::Doubled, "PrepareReversal"), "{found:?}");
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alike_sees_a_family_that_ended_otherwise_than_its_like() {
    let run = Run::clean().await;
    let observed = run.observe(REST_WITHIN).await;
    let mut observed = observed;
    let print = observed
        .api
        .prints
        .iter()
        .find(|print| print.script == Script::Certified(Shape::Single).name())
        .expect("a print")
        .clone();
    for family in [1_000, 1_001] {
        observed.api.prints.push(observe::Print {
            family,
            ..print.clone()
        });
    }
    assert_eq!(checkers::run_one(12, &observed), vec![]);
    let last = observed.api.prints.last_mut().expect("a print");
    last.lines.pop();
    let found = checkers::run_one(12, &observed);
    assert!(has(&found, Harm::Wrong, "family 1001"), "{found:?}");
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_open_sees_a_parked_key_and_an_open_question() {
    let run = Run::clean().await;
    run.plant(
        "life-events",
        "UPDATE question SET state = 'open', receipt_event_id = NULL WHERE case_id = \
         (SELECT min(id) FROM death_case WHERE phase = 'finished')",
    )
    .await;
    let found = run.found(13).await;
    assert!(
        has(&found, Harm::Wrong, "stayed open to the end"),
        "{found:?}"
    );
    assert!(has(&found, Harm::Wrong, "is open"), "{found:?}");
    run.plant(
        "elderly-care",
        "UPDATE inbox SET state = 'stopped', reason = 'planted', envelope = x'' WHERE event_id = \
         (SELECT min(event_id) FROM inbox)",
    )
    .await;
    let observed = run.observe(NOT_LONG).await;
    let found = checkers::run_one(13, &observed);
    assert!(has(&found, Harm::Wrong, "parked or stopped"), "{found:?}");
    let late = Observed {
        quiet_after: Some(QUIET_WITHIN + Duration::from_secs(1)),
        ..observed
    };
    let found = checkers::run_one(13, &late);
    assert!(has(&found, Harm::Wrong, "it took 61 s"), "{found:?}");
    run.stop().await;
}
