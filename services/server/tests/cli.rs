//! The binary as people and scripts use it: help, settings, refusals, exit codes.

mod common;

use common::{json, minzheng};

/// Every command, as `help` lists them.
const COMMANDS: [&[&str]; 25] = [
    &["dev"],
    &["serve"],
    &["migrate"],
    &["migrate", "up"],
    &["migrate", "status"],
    &["topics"],
    &["topics", "apply"],
    &["topics", "list"],
    &["demo"],
    &["demo", "death-case"],
    &["case"],
    &["case", "list"],
    &["case", "show"],
    &["case", "watch"],
    &["case", "decide"],
    &["case", "verify-death"],
    &["case", "correct"],
    &["case", "reverse"],
    &["dead-letter"],
    &["dead-letter", "list"],
    &["dead-letter", "replay"],
    &["verify"],
    &["doctor"],
    &["config"],
    &["completions"],
];

/// An address at which nobody answers.
const NOBODY: &str = "http://127.0.0.1:1";

#[test]
fn every_commands_help_shows_an_example() {
    let run = minzheng(&["--help"]);
    assert_eq!(run.code, 0);
    assert!(
        run.stdout.contains("Examples:\n  minzheng dev"),
        "{}",
        run.stdout
    );
    for command in COMMANDS {
        let run = minzheng(&[command, &["--help"]].concat());
        assert_eq!(run.code, 0, "{command:?}");
        let call = format!("minzheng {}", command[0]);
        assert!(
            run.stdout.contains("Example") && run.stdout.contains(&call),
            "{command:?}: {}",
            run.stdout
        );
    }
}

#[test]
fn settings_are_shown_with_their_source() {
    let run = minzheng(&["config", "show", "-o", "json", "--set", "relay.batch=7"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let shown = json(&run.stdout);
    let of = |key: &str| {
        shown
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["key"] == key)
            .unwrap()
            .clone()
    };
    assert_eq!(of("relay.batch")["value"], "7");
    assert_eq!(of("relay.batch")["source"], "flag --set");
    assert_eq!(of("grpc.listen")["source"], "default");
}

#[test]
fn a_setting_that_does_not_exist_is_a_usage_error() {
    let run = minzheng(&["config", "check", "--set", "relay.bach=7"]);
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("SETTINGS_INVALID") && run.stderr.contains("relay.bach"),
        "{}",
        run.stderr
    );
}

#[test]
fn beyond_loopback_needs_the_flag() {
    let directory = tempfile::tempdir().unwrap();
    let data = format!("data_dir={}", directory.path().join("data").display());
    let run = minzheng(&["serve", "--set", "grpc.listen=0.0.0.0:0", "--set", &data]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("OPEN_DOOR"), "{}", run.stderr);
    assert!(
        run.stderr.contains("--insecure-development-identity"),
        "{}",
        run.stderr
    );
    assert!(
        !directory.path().join("data").exists(),
        "nothing is made before the refusal"
    );
}

#[test]
fn dev_stays_on_loopback_whatever_the_setting_says() {
    let directory = tempfile::tempdir().unwrap();
    let data = format!("data_dir={}", directory.path().join("data").display());
    for (believe, reason) in [("true", "SETTINGS_INVALID"), ("false", "OPEN_DOOR")] {
        let believe = format!("identity.insecure_development={believe}");
        for address in ["0.0.0.0:0", "[::]:0"] {
            let listen = format!("grpc.listen={address}");
            let run = minzheng(&["dev", "--set", &believe, "--set", &listen, "--set", &data]);
            assert_eq!(run.code, 2, "{believe} {address}: {}", run.stderr);
            let begins = format!("error: {reason}: ");
            assert!(run.stderr.starts_with(&begins), "{}", run.stderr);
            assert!(run.stdout.is_empty(), "{}", run.stdout);
        }
    }
    assert!(
        !directory.path().join("data").exists(),
        "nothing is made before the refusal"
    );
}

#[test]
fn the_embedded_bus_has_no_lonely_target() {
    let directory = tempfile::tempdir().unwrap();
    let data = format!("data_dir={}", directory.path().join("data").display());
    let run = minzheng(&["serve", "--target", "residents", "--set", &data]);
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("LONELY_TARGET") && run.stderr.contains("life-events"),
        "{}",
        run.stderr
    );
    let run = minzheng(&["serve", "--target", "kings", "--set", &data]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("TARGET_UNKNOWN"), "{}", run.stderr);
}

#[test]
fn completions_are_printed() {
    let run = minzheng(&["completions", "bash"]);
    assert_eq!(run.code, 0);
    assert!(run.stdout.contains("_minzheng()") && run.stdout.contains("death-case"));
}

#[test]
fn usage_errors_exit_with_2() {
    for arguments in [
        &["king"][..],
        &["case", "show"],
        &["case", "decide", "C"],
        &["case", "decide", "C", "--reject", "--new-person"],
        &["case", "list", "--phase", "dead"],
        &["case", "list", "--limit", "0"],
        &[
            "case",
            "correct",
            "C",
            "--died-on",
            "2026-13",
            "--reason",
            "r",
        ],
        &["case", "correct", "C", "--died-on", "2026-03-04"],
        &["case", "list", "--set", "relay.bach=7"],
        &["dead-letter", "list", "--config", "/no/such/file.toml"],
        &["verify", "--set", "relay.batch=many"],
        &["demo", "death-case", "--set", "nonsense"],
        &["case", "verify-death", "C", "--dead"],
        &[
            "case",
            "verify-death",
            "C",
            "--alive",
            "--died-on",
            "2026-03",
        ],
        &["case", "list", "--server", "127.0.0.1:50051"],
        &["case", "list", "--roles", "king"],
        &["case", "list", "--divisions", "520"],
        &["dead-letter", "replay", "E", "--service", "residents"],
        &["completions", "klingon"],
    ] {
        let run = minzheng(arguments);
        assert_eq!(run.code, 2, "{arguments:?}: {}", run.stderr);
        assert!(!run.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_platform_that_is_away_is_told_with_what_to_do() {
    let run = minzheng(&["case", "list", "--server", NOBODY]);
    assert_eq!(run.code, 1);
    assert!(
        run.stderr.starts_with("error: UNREACHABLE"),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr.contains("next:") && run.stderr.contains("minzheng dev"),
        "{}",
        run.stderr
    );
    let run = minzheng(&["verify", "--server", NOBODY, "-o", "json"]);
    assert_eq!(run.code, 1);
    assert_eq!(json(&run.stderr)["error"]["reason"], "UNREACHABLE");
}

#[test]
fn the_doctor_says_how_to_begin() {
    let directory = tempfile::tempdir().unwrap();
    let data = format!("data_dir={}", directory.path().join("data").display());
    let run = minzheng(&["doctor", "-o", "json", "--set", &data, "--server", NOBODY]);
    assert_eq!(run.code, 1);
    let checks = json(&run.stdout);
    let of = |name: &str| {
        checks
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["name"] == name)
            .unwrap()
            .clone()
    };
    assert_eq!(of("settings")["state"], "ok");
    assert_eq!(of("data directory")["state"], "warning");
    assert_eq!(of("server")["state"], "failed");
    assert!(
        of("server")["mend"]
            .as_str()
            .unwrap()
            .contains("minzheng dev")
    );
    assert!(
        !directory.path().join("data").exists(),
        "a doctor makes nothing"
    );
}

#[test]
fn migrations_are_applied_and_listed() {
    let directory = tempfile::tempdir().unwrap();
    let data = format!("data_dir={}", directory.path().display());
    let states = |command: &str| {
        let run = minzheng(&["migrate", command, "-o", "json", "--set", &data]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let lines = json(&run.stdout);
        lines
            .as_array()
            .unwrap()
            .iter()
            .map(|line| line["state"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert!(states("status").iter().all(|state| state == "pending"));
    assert!(states("up").iter().all(|state| state == "applied"));
    assert!(!states("status").is_empty());
    let run = minzheng(&["topics", "apply", "-o", "json", "--set", &data]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        json(&run.stdout)
            .as_array()
            .unwrap()
            .iter()
            .all(|topic| topic["exists"] == true)
    );
}

#[test]
fn whoever_only_looks_makes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let data = format!("data_dir={}", directory.path().join("data").display());
    let looks: [&[&str]; 7] = [
        &["migrate", "status"],
        &["topics", "list"],
        &["config", "show"],
        &["doctor", "--server", NOBODY],
        &["case", "list", "--server", NOBODY],
        &["dead-letter", "list", "--server", NOBODY],
        &["verify", "--server", NOBODY],
    ];
    for command in looks {
        minzheng(&[command, &["--set", &data]].concat());
        let made: Vec<_> = std::fs::read_dir(directory.path()).unwrap().collect();
        assert!(made.is_empty(), "{command:?} makes {made:?}");
    }
    let run = minzheng(&["migrate", "status", "-o", "json", "--set", &data]);
    let lines = json(&run.stdout);
    let mut states = lines.as_array().unwrap().iter().map(|line| &line["state"]);
    assert!(states.all(|state| state == "pending"), "{lines}");
}

/// The two lines that say what this machine refused.
fn refused(arguments: &[&str], reason: &str, advice: &str) {
    let run = minzheng(arguments);
    assert_eq!(run.code, 1, "{arguments:?}");
    let lines: Vec<&str> = run.stderr.lines().collect();
    let [first, second] = lines[..] else {
        panic!("{lines:?}");
    };
    assert!(first.starts_with(&format!("error: {reason}: ")), "{first}");
    assert!(!first.contains("os error"), "{first}");
    assert!(second.contains(advice), "{second}");
}

#[test]
fn what_this_machine_refuses_is_told_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let data = format!("data_dir={}", directory.path().join("data").display());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap();
    let (grpc, http) = (
        format!("grpc.listen={taken}"),
        format!("http.listen={taken}"),
    );
    let free = "grpc.listen=127.0.0.1:0";
    let advice = "--set grpc.listen=127.0.0.1:0";
    refused(
        &["dev", "--set", &data, "--set", &grpc],
        "CANNOT_LISTEN",
        advice,
    );
    let dev = ["dev", "--set", &data, "--set", free, "--set", &http];
    refused(&dev, "CANNOT_LISTEN", "--set http.listen=127.0.0.1:0");

    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    for path in [file.clone(), file.join("below")] {
        let data = format!("data_dir={}", path.display());
        for command in [
            &["dev", "--set", free][..],
            &["migrate", "up"],
            &["topics", "apply"],
        ] {
            let arguments = [command, &["--set", &data]].concat();
            refused(&arguments, "DATA_DIR_UNUSABLE", "--set data_dir=");
        }
    }
}
