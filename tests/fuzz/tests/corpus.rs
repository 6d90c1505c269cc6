//! The inputs in `corpus/`, tried without an engine.

use std::path::{Path, PathBuf};

use minzheng_chassis::bus::Envelope;
use minzheng_chassis::grpc::page::After;
use minzheng_chassis::testing::stored;
use minzheng_fuzz::page_token;
use minzheng_fuzz::requests::{PACKAGES, methods, plausible};
use minzheng_fuzz::{TARGETS, Target, find};
use prost::Message;
use uuid::Uuid;

/// Set to 1, the inputs that the code gives are written before they are compared.
const WRITE: &str = "MINZHENG_WRITE_CORPUS";

fn directory(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target)
}

fn inputs(target: &Target) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = std::fs::read_dir(directory(target.name));
    let entries = entries.unwrap_or_else(|error| panic!("{}: {error}", target.name));
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut inputs: Vec<_> = paths
        .map(|path| (path.clone(), std::fs::read(path).expect("an input")))
        .collect();
    inputs.sort();
    inputs
}

#[test]
fn what_is_kept_holds() {
    for target in TARGETS {
        let inputs = inputs(&target);
        assert!(!inputs.is_empty(), "{} begins with nothing", target.name);
        for (path, input) in inputs {
            let held = std::panic::catch_unwind(|| (target.run)(&input));
            assert!(held.is_ok(), "{}", path.display());
        }
    }
}

/// Each method is tried with something that could be meant, each form with something that is.
#[test]
fn what_is_kept_is_what_the_code_gives() {
    let write = std::env::var(WRITE).is_ok_and(|value| value == "1");
    for (target, name, input) in known().into_iter().chain(requests()) {
        assert!(find(target).is_some(), "{target}");
        let path = directory(target).join(&name);
        if write {
            std::fs::create_dir_all(directory(target)).expect("a directory");
            std::fs::write(&path, &input).expect("written");
        }
        let kept = std::fs::read(&path).ok();
        assert_eq!(kept, Some(input), "{WRITE}=1 writes {}", path.display());
    }
}

fn requests() -> Vec<(&'static str, String, Vec<u8>)> {
    let targets = TARGETS.iter().map(|target| target.name);
    let targets = targets.filter(|name| name.starts_with("requests-"));
    let mut inputs = Vec::new();
    for (target, package) in targets.zip(PACKAGES) {
        for (n, method) in methods(package).iter().enumerate() {
            let mut input = vec![u8::try_from(n).expect("few methods")];
            input.extend(plausible(&method.input).encode_to_vec());
            inputs.push((target, method.name.clone(), input));
        }
    }
    inputs
}

fn known() -> Vec<(&'static str, String, Vec<u8>)> {
    let whole = Envelope {
        id: Uuid::from_u128(1),
        source: "residents".to_owned(),
        topic: "residents.person".to_owned(),
        key: Uuid::from_u128(2).to_string(),
        sequence: 7,
        event_type: "minzheng.residents.v1.PersonRegistered".to_owned(),
        time: jiff::Timestamp::UNIX_EPOCH,
        division: Some("520102001001".parse().expect("a division")),
        causation_id: Some(Uuid::from_u128(3)),
        correlation_id: Some(Uuid::from_u128(4)),
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
        value: vec![10, 3, 97, 98, 99],
    };
    let bare = Envelope {
        division: None,
        causation_id: None,
        correlation_id: None,
        traceparent: None,
        ..whole.clone()
    };
    let mut inputs = Vec::new();
    for (name, envelope) in [("whole", whole), ("bare", bare)] {
        let lines = envelope.headers().into_iter();
        let lines: Vec<String> = lines
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        let mut record = (lines.join("\n") + "\n\n").into_bytes();
        record.extend(&envelope.value);
        inputs.push(("envelope", name.to_owned(), record));
        inputs.push(("stored-envelope", name.to_owned(), stored(&envelope)));
    }
    let after = After {
        order: 1_782_000_000_000_000,
        id: Uuid::from_u128(5),
    };
    let token = page_token::written(after);
    inputs.push(("page-token", "token".to_owned(), token.into_bytes()));
    inputs.push(("page-token", "row".to_owned(), (0..26).collect()));
    let texts = [
        ("id-number", "citizen", "11010519491231002X"),
        ("id-number", "before-the-check", "11010519491231002"),
        (
            "id-number",
            "full-width",
            " １１０１０５ １９４９１２３１ ００２ｘ ",
        ),
        ("id-number", "archive", "110105491231002"),
        ("id-number", "credit-code", "91350100M000100Y43"),
        ("id-number", "name", "买买提・吐尔逊"),
        ("text", "reason", " 核对户口底册 "),
        ("text", "telephone", "来电 138 0000 0000"),
        ("text", "division", "520102001001"),
        ("text", "month", "2026-07"),
        ("text", "day", "2026-07-01"),
        ("text", "year", "1950"),
    ];
    let texts = texts.map(|(target, name, text)| (target, name.to_owned(), text.into()));
    inputs.extend(texts);
    inputs
}
