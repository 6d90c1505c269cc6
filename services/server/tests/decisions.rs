//! What people decide through the binary: a correction, a reversal, a refusal, and what becomes of events
//! that nobody can read.

mod common;

use std::path::Path;
use std::time::{Duration, Instant};

use common::{Dev, json};
use minzheng_chassis::bus::{Delivery, Envelope};
use minzheng_chassis::clock;
use minzheng_chassis::config::Settings;
use minzheng_chassis::node::open_bus;
use minzheng_proto::catalogue::EventType;
use minzheng_proto::life_events::v1::DeathConfirmed;
use serde_json::Value;
use uuid::Uuid;

/// An elder of the demonstration whose death settles without anybody's help.
const DIED_ON: &str = "2026-03-01";

/// The day that is right.
const CORRECTED: &str = "2026-02-28";

/// Who reads facts about deaths, and by which subscription.
const READERS: [(&str, &str); 3] = [
    ("child-welfare", "child-welfare.follow-deaths"),
    ("elderly-care", "elderly-care.follow-deaths"),
    ("residents", "residents.mark-life-status"),
];

/// How long a running platform may take to come where it is expected.
const WITHIN: Duration = Duration::from_secs(60);

#[test]
fn clerks_correct_and_reverse_a_finished_case() {
    let directory = tempfile::tempdir().unwrap();
    let dev = Dev::start(directory.path());
    let case_id = finished_case(&dev);
    a_correction(&dev, &case_id);
    a_reversal_turned_down(&dev, &case_id);
    a_reversal_approved(&dev, &case_id);
    a_report_refused(&dev);
    let verified = dev.ask(&["verify"]);
    assert_eq!(verified["findings"], json("[]"), "{verified}");
    let (code, log) = dev.stop();
    assert_eq!(code, Some(0), "{log:?}");
}

fn finished_case(dev: &Dev) -> String {
    let cases = dev.ask(&["case", "list"]);
    let mut cases = cases.as_array().unwrap().iter();
    let case = cases.find(|case| case["died_on"] == DIED_ON).unwrap();
    let case_id = case["case_id"].as_str().unwrap();
    let last = watched(dev, case_id);
    assert_eq!(last["phase"], "finished", "{last}");
    assert_eq!(last["fact_version"], 1);
    case_id.to_owned()
}

/// The last state that `case watch` prints.
fn watched(dev: &Dev, case_id: &str) -> Value {
    let run = dev.client(&["case", "watch", case_id, "-o", "json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    json(run.stdout.lines().last().unwrap())
}

fn a_correction(dev: &Dev, case_id: &str) {
    let case = dev.ask(&[
        "case",
        "correct",
        case_id,
        "--died-on",
        CORRECTED,
        "--cause",
        "typographical",
        "--reason",
        "certificate reissued",
    ]);
    assert_eq!(case["case_id"], case_id);
    assert_eq!(case["fact_version"], 2);
    assert_eq!(case["died_on"], CORRECTED);
    let [correction] = &case["corrections"].as_array().unwrap()[..] else {
        panic!("{case}");
    };
    for (field, expected) in [
        ("corrected_by", "demo.clerk"),
        ("cause", "typographical"),
        ("reason", "certificate reissued"),
        ("died_on_before", DIED_ON),
        ("died_on", CORRECTED),
    ] {
        assert_eq!(correction[field], expected, "{field}");
    }
    let last = watched(dev, case_id);
    assert_eq!(last["phase"], "finished", "{last}");
    assert!(all_answered(&last, 2), "{last}");
}

/// Whether a fact asked something, and everything that it asked is answered.
fn all_answered(case: &Value, fact_version: i64) -> bool {
    let questions = case["questions"].as_array().unwrap().iter();
    let mut asked = questions
        .filter(|question| question["fact_version"] == fact_version)
        .peekable();
    asked.peek().is_some() && asked.all(|question| question["state"] == "answered")
}

/// Asks for a reversal; what people are shown says who, and that it waits.
fn prepare_reversal(dev: &Dev, case_id: &str) {
    let reason = "another person of that name";
    let run = dev.client(&["case", "reverse", case_id, "--reason", reason]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let prepared = "Reversal  prepared by demo.clerk at ";
    for part in [prepared, reason, "settled 各部门已答复", "approve-reversal"] {
        assert!(run.stdout.contains(part), "{part} in {}", run.stdout);
    }
}

fn a_reversal_turned_down(dev: &Dev, case_id: &str) {
    prepare_reversal(dev, case_id);
    let decide = ["case", "reverse", case_id, "--turn-down"];
    let case = dev.ask(&[&decide[..], &["--as", "other.clerk"]].concat());
    assert!(case["pending_reversal"].is_null(), "{case}");
    assert_eq!(case["phase"], "finished");
    assert_eq!(case["fact_version"], 2, "nothing was announced");
}

fn a_reversal_approved(dev: &Dev, case_id: &str) {
    prepare_reversal(dev, case_id);
    let approve = ["case", "reverse", case_id, "--approve"];
    refused(dev, &approve, "FOUR_EYES");
    let as_another = [&approve[..], &["--as", "other.clerk"]].concat();
    let case = dev.ask(&as_another);
    assert!(case["pending_reversal"].is_null(), "{case}");
    assert_eq!(case["fact_version"], 3);
    assert!(
        ["reversing", "reversed"].contains(&case["phase"].as_str().unwrap()),
        "{case}"
    );
    let last = watched(dev, case_id);
    assert_eq!(last["phase"], "reversed", "{last}");
    assert!(all_answered(&last, 3), "{last}");
    refused(dev, &as_another, "NO_REVERSAL_WAITS");
}

fn refused(dev: &Dev, arguments: &[&str], reason: &str) {
    let run = dev.client(arguments);
    assert_eq!(run.code, 1, "{arguments:?}: {}", run.stdout);
    let begins = format!("error: {reason}: ");
    assert!(run.stderr.starts_with(&begins), "{}", run.stderr);
    assert!(run.stderr.contains("next:"), "{}", run.stderr);
}

fn a_report_refused(dev: &Dev) {
    let case_id = dev.welcome["waiting_case"]["case_id"].as_str().unwrap();
    let decide = ["case", "decide", case_id, "--reject"];
    let case = dev.ask(&[&decide[..], &["--reason", "nobody of that name died"]].concat());
    assert_eq!(case["phase"], "rejected");
    assert_eq!(case["evidence"][0]["standing"], "refused", "{case}");
    assert_eq!(case["waiting"], json("[]"));
}

#[test]
fn an_event_that_nobody_can_read_is_shown_tried_again_and_ended() {
    let directory = tempfile::tempdir().unwrap();
    let dev = Dev::start(directory.path());
    assert_eq!(dev.ask(&["dead-letter", "list"])["total"], 0);
    let (code, log) = dev.stop();
    assert_eq!(code, Some(0), "{log:?}");
    let event = append_unreadable(directory.path());

    let dev = Dev::start(directory.path());
    let letters = eventually_stopped(&dev, |letters| letters.len() == READERS.len());
    for (letter, (service, by)) in letters.iter().zip(READERS) {
        assert_eq!(letter["service"], service);
        assert_eq!(letter["subscription"], by);
    }
    letters_are_listed_for_people(&dev, &event);
    one_letter_is_shown(&dev, &event);
    one_letter_is_tried_again(&dev, &event);
    the_letters_are_ended(&dev, &event);
    let (code, log) = dev.stop();
    assert_eq!(code, Some(0), "{log:?}");
}

/// Writes into the log of a platform that is not running what no release of it ever sent.
fn append_unreadable(data_dir: &Path) -> String {
    let settings = Settings::with([format!("data_dir={}", data_dir.display())]).unwrap();
    let envelope = Envelope {
        id: Uuid::now_v7(),
        source: "life-events".to_owned(),
        topic: DeathConfirmed::TOPIC.name.to_owned(),
        key: Uuid::now_v7().to_string(),
        sequence: 1,
        event_type: DeathConfirmed::TYPE.to_owned(),
        time: jiff::Timestamp::now(),
        division: None,
        causation_id: None,
        correlation_id: None,
        traceparent: None,
        value: b"\xff\xff".to_vec(),
    };
    let event = envelope.id.to_string();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let bus = open_bus(&settings, &clock::from_settings(&settings)).unwrap();
        assert_eq!(bus.send(&[envelope]).await, [Delivery::Stored]);
        bus.close(WITHIN).await;
    });
    event
}

/// The dead letters by service, once every one is stopped and they are as expected.
fn eventually_stopped(dev: &Dev, expected: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let deadline = Instant::now() + WITHIN;
    loop {
        let listed = dev.ask(&["dead-letter", "list"]);
        let mut letters = listed["dead_letters"].as_array().unwrap().clone();
        letters.sort_by_key(|letter| letter["service"].to_string());
        let stopped = letters.iter().all(|letter| letter["state"] == "stopped");
        if stopped && expected(&letters) {
            return letters;
        }
        assert!(Instant::now() < deadline, "{listed}");
    }
}

fn letters_are_listed_for_people(dev: &Dev, event: &str) {
    let run = dev.client(&["dead-letter", "list", "--limit", "1"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let lines: Vec<&str> = run.stdout.lines().collect();
    let [head, letter, more] = lines[..] else {
        panic!("{lines:?}");
    };
    assert!(head.starts_with("EVENT "), "{head}");
    for part in [event, "stopped", DeathConfirmed::TYPE] {
        assert!(letter.contains(part), "{part} in {letter}");
    }
    assert_eq!(more, "2 more; --limit shows them");
    let one = dev.ask(&["dead-letter", "list", "--service", "elderly-care"]);
    assert_eq!(one["total"], 1, "{one}");
    assert_eq!(one["dead_letters"][0]["event_id"], event);
}

/// A command about the letter of one reader.
fn about<'a>(deed: &'a str, event: &'a str, (service, by): (&'a str, &'a str)) -> Vec<&'a str> {
    let whose = ["--service", service, "--subscription", by];
    [&["dead-letter", deed, event], &whose[..]].concat()
}

fn one_letter_is_shown(dev: &Dev, event: &str) {
    let show = about("show", event, READERS[1]);
    let letter = dev.ask(&show);
    assert_eq!(letter["state"], "stopped");
    assert_eq!(letter["headers"]["ce_id"], event, "{letter}");
    assert_eq!(letter["headers"]["ce_type"], DeathConfirmed::TYPE);
    assert!(!letter["reason"].as_str().unwrap().is_empty(), "{letter}");
    let run = dev.client(&show);
    assert_eq!(run.code, 0, "{}", run.stderr);
    for part in [
        "State         stopped",
        "Reason        ",
        "  ce_source: life-events",
    ] {
        assert!(run.stdout.contains(part), "{part} in {}", run.stdout);
    }
}

/// It is as unreadable as before, so it is stopped again; one that is not there does not keep it.
fn one_letter_is_tried_again(dev: &Dev, event: &str) {
    let tries = |letters: &[Value]| letters[1]["tries"].as_i64().unwrap();
    let before = tries(&eventually_stopped(dev, |_| true));
    let replay = about("replay", event, READERS[1]);
    let why = ["--reason", "the new release reads it"];
    let outcomes = dev.ask(&[&replay[..], &why].concat());
    assert_eq!(outcomes[0]["event_id"], event);
    assert_eq!(outcomes[0]["done"], true, "{outcomes}");
    eventually_stopped(dev, |letters| tries(letters) > before);

    let unknown = Uuid::now_v7().to_string();
    let run = dev.client(&[&replay[..], &[&unknown], &why].concat());
    assert_eq!(run.code, 3, "{}", run.stderr);
    let done = [format!("{event}  due now"), format!("{unknown}  failed")];
    assert_eq!(run.stdout.lines().collect::<Vec<_>>(), done);
    assert!(run.stderr.contains("NOT_FOUND"), "{}", run.stderr);
}

fn the_letters_are_ended(dev: &Dev, event: &str) {
    for (left, reader) in READERS.into_iter().enumerate().rev() {
        let discard = about("discard", event, reader);
        let run = dev.client(&[&discard[..], &["--reason", "sent by mistake"]].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert_eq!(run.stdout, format!("{event}  discarded\n"));
        refused(dev, &about("show", event, reader), "NOT_FOUND");
        assert_eq!(dev.ask(&["dead-letter", "list"])["total"], left);
    }
    let run = dev.client(&["dead-letter", "list"]);
    assert_eq!(run.stdout, "no dead letters\n");
}
