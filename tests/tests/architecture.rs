//! What holds the house up: imports point one way, every RPC has an action, every contract has its
//! comments, a name is declared in one place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use minzheng_chassis::authz::{Action, Audited};
use minzheng_chassis::{operations, work};
use minzheng_proto::{catalogue, death_plan, topics};
use minzheng_server::modules;
use prost_reflect::{DescriptorPool, FileDescriptor};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
        .to_owned()
}

const SERVICES: [&str; 4] = ["residents", "life-events", "elderly-care", "child-welfare"];

/// Which of our crates each may depend on.
fn allowed(package: &str) -> Option<BTreeSet<String>> {
    let set = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    let services: Vec<String> = SERVICES
        .iter()
        .map(|name| format!("minzheng-{name}"))
        .collect();
    match package {
        "minzheng-proto" | "xtask" => set(&[]),
        "minzheng-chassis" => set(&["minzheng-proto", "minzheng-chassis"]),
        name if services.iter().any(|service| service == name) => {
            set(&["minzheng-proto", "minzheng-chassis"])
        }
        "minzheng-server" => {
            let mut names: BTreeSet<String> = services.into_iter().collect();
            names.extend(["minzheng-proto".to_owned(), "minzheng-chassis".to_owned()]);
            Some(names)
        }
        "minzheng-tests" | "minzheng-fuzz" => None,
        other => panic!("{other} has no place in the house: say in this test what it may import"),
    }
}

#[test]
fn crates_import_one_way() {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(root())
        .output()
        .expect("cargo metadata");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let ours: BTreeSet<&str> = packages
        .iter()
        .filter_map(|package| package["name"].as_str())
        .collect();
    for package in packages {
        let name = package["name"].as_str().expect("a name");
        let Some(allowed) = allowed(name) else {
            continue;
        };
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let on = dependency["name"].as_str().expect("a name");
            assert!(
                !ours.contains(on) || allowed.contains(on),
                "{name} must not depend on {on}"
            );
        }
    }
}

fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(directory) else {
        return found;
    };
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// What a layer of a service must not name.
const FORBIDDEN: &[(&str, &[&str])] = &[
    (
        "domain",
        &[
            "sea_orm",
            "async fn",
            "tonic",
            "tokio",
            "crate::storage",
            "crate::app",
            "crate::transport",
            "Timestamp::now",
        ],
    ),
    ("storage", &["crate::app", "crate::transport", "tonic::"]),
    ("app", &["crate::transport", "crate::storage::entity"]),
    ("transport", &["crate::storage", "sea_orm"]),
];

#[test]
fn layers_import_inwards() {
    let mut looked_at = 0;
    for service in SERVICES {
        for (layer, forbidden) in FORBIDDEN {
            for path in sources(
                &root()
                    .join("services")
                    .join(service)
                    .join("src")
                    .join(layer),
            ) {
                looked_at += 1;
                let text = std::fs::read_to_string(&path).expect("a source file");
                let code = text
                    .lines()
                    .filter(|line| !line.trim_start().starts_with("//"));
                for line in code {
                    for word in *forbidden {
                        assert!(
                            !line.contains(word),
                            "{}: {layer} must not name {word}: {line}",
                            path.display()
                        );
                    }
                }
            }
        }
    }
    assert!(looked_at > 50, "the layers were found");
}

fn pool() -> DescriptorPool {
    DescriptorPool::decode(minzheng_proto::DESCRIPTORS).expect("the descriptor set")
}

fn actions() -> BTreeMap<&'static str, Action> {
    let own = modules::all()
        .into_iter()
        .flat_map(|module| module.declared_actions().iter().copied());
    let shared = work::ACTIONS.iter().chain(operations::ACTIONS).copied();
    let mut actions = BTreeMap::new();
    for action in own.chain(shared) {
        assert!(
            actions.insert(action.method, action).is_none(),
            "{} has two actions",
            action.method
        );
    }
    actions
}

#[test]
fn every_rpc_has_one_action_and_an_audit_decision() {
    let mut actions = actions();
    for service in pool().services() {
        for method in service.methods() {
            let name = format!("{}/{}", service.full_name(), method.name());
            let action = actions.remove(name.as_str());
            let action =
                action.unwrap_or_else(|| panic!("{name} has no action: nobody could call it"));
            let verbs = ["Get", "List", "Watch", "Match", "Verify"];
            // A clearance is stored, so that the act can name it.
            let reads = method.name() != "GetClearance"
                && verbs.iter().any(|verb| method.name().starts_with(verb));
            assert_eq!(
                action.audited == Audited::Change,
                !reads,
                "{name}: what changes state is audited as a change, what reads is not"
            );
            // What is stored again at every call, or is not found a second time, needs no id.
            let repeatable = ["GetClearance", "ReplayDeadLetter", "DiscardDeadLetter"];
            let has_id = method
                .input()
                .fields()
                .any(|field| field.name() == "request_id");
            assert_eq!(
                has_id,
                !reads && !repeatable.contains(&method.name()),
                "{name}: what changes state has a request_id"
            );
            let everybody = action.roles.is_empty();
            assert!(
                !everybody || action.audited != Audited::Change || method.name() == "GetClearance",
                "{name} changes state and is open to every role"
            );
        }
    }
    let left: Vec<&&str> = actions.keys().collect();
    assert!(left.is_empty(), "actions without an RPC: {left:?}");
}

/// Whatever our contracts declare: its kind, its full name, the file and where in it.
type Declared = (&'static str, String, FileDescriptor, Vec<i32>);

macro_rules! declared {
    ($kind:literal, $one:expr) => {
        (
            $kind,
            $one.full_name().to_owned(),
            $one.parent_file(),
            $one.path().to_vec(),
        )
    };
}

fn declared(pool: &DescriptorPool) -> Vec<Declared> {
    let mut all = Vec::new();
    for service in pool.services() {
        all.push(declared!("service", service));
        all.extend(service.methods().map(|one| declared!("method", one)));
    }
    for message in pool.all_messages().filter(|one| !one.is_map_entry()) {
        all.push(declared!("message", message));
        all.extend(message.fields().map(|one| declared!("field", one)));
        // An optional field has one of its own, which nobody wrote.
        let oneofs = message.oneofs().filter(|one| !one.is_synthetic());
        all.extend(oneofs.map(|one| declared!("oneof", one)));
    }
    for one in pool.all_enums() {
        all.push(declared!("enum", one));
        all.extend(one.values().map(|one| declared!("value", one)));
    }
    all.retain(|(_, _, file, _)| file.name().starts_with("minzheng/"));
    all
}

/// Whether a comment stands right before it; one at the end of its line does not count.
fn is_commented((_, _, file, path): &Declared) -> bool {
    let source = file.file_descriptor_proto().source_code_info.as_ref();
    let places = &source.expect("the compiler keeps comments").location;
    let mut places = places.iter().filter(|place| place.path == *path);
    places.any(|place| !place.leading_comments().trim().is_empty())
}

/// What is declared without one.
fn uncommented(pool: &DescriptorPool) -> Vec<String> {
    let bare = declared(pool).into_iter().filter(|one| !is_commented(one));
    bare.map(|(kind, name, file, _)| format!("{}: {kind} {name}", file.name()))
        .collect()
}

#[test]
fn every_service_method_message_and_field_has_a_comment() {
    let pool = pool();
    let missing = uncommented(&pool);
    assert!(
        missing.is_empty(),
        "without a comment:\n{}",
        missing.join("\n")
    );
    let all = declared(&pool);
    for kind in ["service", "method", "message", "field", "enum", "value"] {
        assert!(all.iter().any(|one| one.0 == kind), "no {kind} was seen");
    }
    // The same contracts without their comments: nothing is overlooked.
    let mut files: Vec<_> = pool.file_descriptor_protos().cloned().collect();
    let sources = files.iter_mut().flat_map(|file| &mut file.source_code_info);
    for place in sources.flat_map(|source| &mut source.location) {
        place.leading_comments = None;
    }
    let mut bare = DescriptorPool::new();
    bare.add_file_descriptor_protos(files).expect("the same");
    assert_eq!(uncommented(&bare).len(), all.len());
}

#[test]
fn every_contract_is_compiled() {
    let root = root().join("proto");
    let written: BTreeSet<String> = protos(&root.join("minzheng"))
        .iter()
        .map(|path| path.strip_prefix(&root).expect("below it"))
        .map(|path| path.display().to_string())
        .collect();
    let pool = pool();
    let ours = pool.files().map(|file| file.name().to_owned());
    let compiled: BTreeSet<String> = ours.filter(|name| name.starts_with("minzheng/")).collect();
    assert_eq!(compiled, written);
}

fn protos(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).expect("the contracts") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(protos(&path));
        } else if path
            .extension()
            .is_some_and(|extension| extension == "proto")
        {
            found.push(path);
        }
    }
    found
}

#[test]
fn every_event_is_a_message_on_a_declared_topic() {
    let pool = pool();
    for entry in catalogue::ALL {
        assert!(
            pool.get_message_by_name(entry.event_type).is_some(),
            "{} is no message",
            entry.event_type
        );
        assert!(
            topics::ALL.contains(&entry.topic),
            "{} is not declared",
            entry.topic.name
        );
    }
    // Whatever a service's events.proto declares and names a person, a bed or a child by key is in the
    // catalogue; parts of events (facts, answers, kin) are not events.
    let parts = ["DeathFact", "ActionAnswer", "Kin"];
    for message in pool.all_messages() {
        let file = message.parent_file();
        if !file.name().ends_with("/events.proto") || parts.contains(&message.name()) {
            continue;
        }
        let listed = catalogue::ALL
            .iter()
            .any(|entry| entry.event_type == message.full_name());
        assert!(listed, "{} is not in the catalogue", message.full_name());
    }
}

#[test]
fn every_action_of_the_plan_belongs_to_a_service_and_is_named_once() {
    let mut seen = BTreeSet::new();
    for action in death_plan::ALL {
        assert!(
            SERVICES.contains(&action.department),
            "{} is no service",
            action.department
        );
        assert!(
            seen.insert((action.department, action.code)),
            "{} is declared twice",
            action.code
        );
    }
}

#[test]
fn subscriptions_have_names_of_their_own() {
    let mut seen = BTreeSet::new();
    for module in modules::all() {
        for name in module.subscription_names() {
            assert!(
                name.starts_with(module.name),
                "{name} is named after its service"
            );
            assert!(seen.insert(name), "{name} is declared twice");
        }
    }
}
