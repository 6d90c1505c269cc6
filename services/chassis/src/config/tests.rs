use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;

use super::settings::TABLE;
use super::*;

fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
    pairs.iter().map(owned).collect()
}

fn shown(settings: &Settings, key: &str) -> Shown {
    let all = settings.show();
    all.into_iter().find(|one| one.key == key).unwrap()
}

fn refused(flags: &[&str]) -> String {
    match Settings::with(flags) {
        Ok(_) => panic!("{flags:?} were accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn defaults_are_within_their_own_bounds() {
    let settings = Settings::load(Layers::new()).unwrap();
    assert_eq!(settings.data_dir, PathBuf::from("./data"));
    assert_eq!(settings.database.max_connections, 2);
    assert_eq!(settings.database.url("residents"), None);
    assert_eq!(settings.bus.kind, BusKind::Embedded);
    assert_eq!(settings.grpc.max_message_bytes, 4 * 1024 * 1024);
    assert_eq!(settings.runner.give_up_after, Duration::from_secs(86_400));
    assert_eq!(settings.retention.inbox, Duration::from_secs(90 * 86_400));
    assert_eq!(settings.telemetry.sample_ratio, 0.05);
    assert_eq!(
        settings.master_key_file(),
        PathBuf::from("./data/keys/master.key")
    );
    assert!(
        settings
            .show()
            .iter()
            .all(|one| one.source == Source::Default)
    );
}

#[test]
fn each_key_and_each_variable_is_declared_once_and_explained() {
    let keys: BTreeSet<_> = TABLE.iter().map(|one| one.key).collect();
    let names: BTreeSet<_> = TABLE.iter().map(Declaration::environment_name).collect();
    assert_eq!(keys.len(), TABLE.len());
    assert_eq!(names.len(), TABLE.len());
    for one in TABLE {
        assert!(one.help.ends_with('.'), "{} has no help", one.key);
    }
}

#[test]
fn later_layers_win_and_say_who_they_are() {
    let file = Path::new("node.toml");
    let text = "[relay]\nbatch = 10\npoll_idle_ms = 11\npoll_busy_ms = 12\n[telemetry]\nsample_ratio = 1.0";
    let variables = variables(&[
        ("MINZHENG_RELAY__POLL_IDLE_MS", "21"),
        ("MINZHENG_RELAY__POLL_BUSY_MS", "22"),
        ("PATH", "/bin"),
    ]);
    let layers = Layers::new().file_text(file, text).unwrap();
    let layers = layers
        .environment(variables)
        .flags(["relay.poll_busy_ms=31"]);
    let settings = Settings::load(layers.unwrap()).unwrap();

    assert_eq!(settings.relay.batch, 10);
    assert_eq!(settings.relay.poll_idle, Duration::from_millis(21));
    assert_eq!(settings.relay.poll_busy, Duration::from_millis(31));
    assert_eq!(settings.telemetry.sample_ratio, 1.0);
    let source = |key| shown(&settings, key).source;
    assert_eq!(source("relay.batch"), Source::File(file.to_owned()));
    let idle = Source::Environment("MINZHENG_RELAY__POLL_IDLE_MS".to_owned());
    assert_eq!(source("relay.poll_idle_ms"), idle);
    assert_eq!(source("relay.poll_busy_ms"), Source::Flag);
    assert_eq!(source("relay.poll_busy_ms").to_string(), "flag --set");
    assert_eq!(source("runner.batch"), Source::Default);
}

#[test]
fn a_later_file_and_a_later_flag_override() {
    let layers = Layers::new()
        .file_text(Path::new("a.toml"), "relay.batch = 1\nrunner.batch = 1")
        .and_then(|layers| layers.file_text(Path::new("b.toml"), "relay.batch = 2"))
        .and_then(|layers| layers.flags(["runner.batch=2", "runner.batch=3"]));
    let settings = Settings::load(layers.unwrap()).unwrap();
    assert_eq!((settings.relay.batch, settings.runner.batch), (2, 3));
}

#[test]
fn hyphens_become_underscores_in_variables() {
    let variables = variables(&[(
        "MINZHENG_NEIGHBOURS__LIFE_EVENTS",
        "http://life-events:50051",
    )]);
    let settings = Settings::load(Layers::new().environment(variables)).unwrap();
    let address = settings.neighbours.address("life-events").unwrap();
    assert_eq!(address.to_string(), "http://life-events:50051/");
    assert_eq!(settings.neighbours.address("residents"), None);
}

#[test]
fn unknown_names_are_refused_in_every_layer_all_at_once() {
    let layers = Layers::new()
        .file_text(Path::new("node.toml"), "[relay]\nbatsh = 1")
        .unwrap()
        .environment(variables(&[("MINZHENG_RELAY_BATCH", "1")]))
        .flags(["relay.bach=1"])
        .unwrap();
    let error = Settings::load(layers).unwrap_err().to_string();
    assert!(
        error.contains("file node.toml: unknown setting relay.batsh"),
        "{error}"
    );
    assert!(
        error.contains("unknown setting MINZHENG_RELAY_BATCH"),
        "{error}"
    );
    assert!(
        error.contains("flag --set: unknown setting relay.bach"),
        "{error}"
    );
}

#[test]
fn variables_of_kubernetes_services_and_of_the_command_line_are_no_settings() {
    let variables = variables(&[
        ("MINZHENG_CONFIG", "/etc/minzheng.toml"),
        ("MINZHENG_RESIDENTS_SERVICE_HOST", "10.0.0.1"),
        ("MINZHENG_RESIDENTS_SERVICE_PORT_GRPC", "50051"),
        ("MINZHENG_RESIDENTS_PORT", "tcp://10.0.0.1:50051"),
        ("MINZHENG_RESIDENTS_PORT_50051_TCP_ADDR", "10.0.0.1"),
    ]);
    assert!(Settings::load(Layers::new().environment(variables)).is_ok());
}

#[test]
fn values_out_of_bound_are_refused_with_key_value_and_bound() {
    let cases = [
        (
            "database.max_connections=51",
            "\"51\" is refused: must be a whole number from 1 to 50 connections",
        ),
        ("database.max_connections=0", "\"0\" is refused"),
        ("database.max_connections=two", "\"two\" is refused"),
        ("runner.batch=501", "from 1 to 500 events"),
        (
            "telemetry.sample_ratio=1.1",
            "\"1.1\" is refused: must be a number from 0 to 1",
        ),
        ("telemetry.sample_ratio=NaN", "\"NaN\" is refused"),
        ("telemetry.log_format=xml", "one of json, text"),
        ("telemetry.log_filter=a=b=c", "a log filter"),
        (
            "telemetry.otlp_endpoint=https://collector:4317",
            "after http://",
        ),
        ("bus.kind=rabbit", "one of embedded, kafka"),
        ("grpc.listen=", "an IP address and port"),
        ("grpc.listen=localhost", "an IP address and port"),
        ("identity.insecure_development=yes", "true or false"),
        (
            "neighbours.residents=residents:50051",
            "host and port after http:// or https://",
        ),
        ("neighbours.residents=http://residents", "host and port"),
        (
            "neighbours.residents=http://residents:1/v1",
            "host and port",
        ),
        (
            "database.url_template=postgres://host/one",
            "that contains {service}",
        ),
        ("data_dir=", "must be a path"),
    ];
    for (flag, expected) in cases {
        let error = refused(&[flag]);
        let (key, _) = flag.split_once('=').unwrap();
        assert!(
            error.contains(key) && error.contains(expected),
            "{flag}: {error}"
        );
    }
}

#[test]
fn an_empty_listen_address_turns_metrics_off() {
    let settings = Settings::with(["http.listen="]).unwrap();
    assert_eq!(settings.http.listen, None);
}

#[test]
fn contradictions_are_refused() {
    let cases: [(&[&str], &str); 4] = [
        (&["bus.kind=kafka"], "bus.kafka.bootstrap"),
        (
            &["runner.retry_max_ms=10", "runner.retry_first_ms=20"],
            "runner.retry_max_ms",
        ),
        (
            &["lease.beat_ms=1000", "lease.takeover_ms=1500"],
            "lease.takeover_ms",
        ),
        (
            &[
                "identity.insecure_development=true",
                "grpc.listen=0.0.0.0:1",
            ],
            "identity.insecure_development",
        ),
    ];
    for (flags, key) in cases {
        let error = refused(flags);
        assert!(error.starts_with(key), "{error}");
    }
}

#[test]
fn secrets_are_never_shown() {
    let flag = "database.url_template=postgres://user:hunter2@db/{service}";
    let settings = Settings::with([flag]).unwrap();
    assert_eq!(
        settings.database.url("life-events").as_deref(),
        Some("postgres://user:hunter2@db/life_events")
    );
    assert_eq!(shown(&settings, "database.url_template").value, "***");
    assert!(!format!("{settings:?}").contains("hunter2"));
    assert!(!refused(&["database.url_template=mysql://user:hunter2@db"]).contains("hunter2"));
    let broken = "[database]\nurl_template = \"postgres://user:hunter2@db";
    let error = Layers::new()
        .file_text(Path::new("node.toml"), broken)
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("node.toml is not valid toml: line 2"),
        "{error}"
    );
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

#[test]
fn lists_and_flags_without_a_value_are_refused() {
    let layers = Layers::new().file_text(Path::new("node.toml"), "bus.topic_prefix = [\"a\"]");
    let error = Settings::load(layers.unwrap()).unwrap_err().to_string();
    assert_eq!(
        error,
        "file node.toml: bus.topic_prefix must be a single value"
    );
    assert_eq!(
        refused(&["relay.batch"]),
        "--set relay.batch: expected key=value"
    );
}

#[test]
fn a_missing_file_is_an_error() {
    let error = Layers::new()
        .file(Path::new("/nowhere/node.toml"))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read settings file /nowhere/node.toml"
    );
}

#[test]
fn what_the_binary_lacks_is_refused_by_name() {
    let file = "[bus.kafka]\nsecurity_protocol = \"plaintext\"\nsasl_password = \"hunter2\"";
    let layers = Layers::new()
        .file_text(Path::new("node.toml"), file)
        .unwrap();
    let kafka = Settings::load(layers);
    if cfg!(feature = "kafka-tls") {
        assert_eq!(
            kafka.unwrap().kafka.sasl_password.as_deref(),
            Some("hunter2")
        );
    } else {
        let expected = "file node.toml: bus.kafka.sasl_password needs a binary built with the feature kafka-tls";
        assert_eq!(kafka.unwrap_err().to_string(), expected);
    }
    let clock = Settings::with(["clock.offset_file=/tmp/offset"]);
    assert_eq!(clock.is_ok(), cfg!(feature = "test-clock"));
}

proptest! {
    /// Whatever a number is set to, it is either in force exactly or refused; never bent into its bound.
    #[test]
    fn a_number_is_taken_exactly_or_refused(number in 0_u64..1_200) {
        let loaded = Settings::with([format!("runner.batch={number}")]);
        prop_assert_eq!(loaded.is_ok(), (1..=500).contains(&number));
        if let Ok(settings) = loaded {
            prop_assert_eq!(settings.runner.batch as u64, number);
        }
    }

    /// No text makes the loader panic, and a known key with any text never comes out as an unknown one.
    #[test]
    fn any_text_is_answered(index in 0..TABLE.len(), text in ".{0,40}") {
        let key = TABLE[index].key;
        if let Err(error) = Settings::with([format!("{key}={text}")]) {
            prop_assert!(!error.to_string().contains("unknown setting"));
        }
    }
}
