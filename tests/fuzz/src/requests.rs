//! Requests: bytes on the wire, through the gate, decoding and validation, into the domain and the
//! database, and back. The first byte chooses the method, the rest is the message.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use minzheng_chassis::authz::{Action, Audited, Caller, Role};
use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::testing::Door;
use minzheng_chassis::{operations, work};
use minzheng_server::modules;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, Value};
use tokio::runtime::{Builder, Runtime};
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// One method.
pub struct Method {
    /// Its name without the service's.
    pub name: String,
    /// What it takes.
    pub input: MessageDescriptor,
    action: Action,
    caller: Caller,
}

/// The packages with methods of their own, and `""` for what all services share.
pub const PACKAGES: [&str; 5] = [
    "minzheng.residents.v1",
    "minzheng.life_events.v1",
    "minzheng.elderly_care.v1",
    "minzheng.child_welfare.v1",
    "",
];

struct Ground {
    runtime: Runtime,
    door: Door,
    methods: BTreeMap<&'static str, Vec<Method>>,
}

thread_local! {
    static GROUND: OnceCell<Ground> = const { OnceCell::new() };
}

fn on_ground<T>(work: impl FnOnce(&Ground) -> T) -> T {
    GROUND.with(|ground| {
        work(ground.get_or_init(|| {
            let runtime = Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("a runtime");
            let door = runtime.block_on(Door::open(modules::all()));
            let methods = PACKAGES.map(|package| (package, methods(package)));
            Ground {
                runtime,
                door,
                methods: methods.into(),
            }
        }))
    })
}

/// The methods of a package, or those that all services share; always in the same order.
pub fn methods(package: &str) -> Vec<Method> {
    let pool = DescriptorPool::decode(minzheng_proto::DESCRIPTORS).expect("descriptors");
    let modules = modules::all();
    let of_services = modules.iter().flat_map(|module| module.declared_actions());
    let shared = work::ACTIONS.iter().chain(operations::ACTIONS);
    let actions: Vec<Action> = match package {
        "" => shared.copied().collect(),
        _ => {
            let within = format!("{package}.");
            let all = of_services.copied();
            all.filter(|action| action.method.starts_with(&within))
                .collect()
        }
    };
    let mut methods: Vec<Method> = actions
        .into_iter()
        .map(|action| method(&pool, action))
        .collect();
    methods.sort_by(|one, other| one.action.method.cmp(other.action.method));
    methods
}

fn method(pool: &DescriptorPool, action: Action) -> Method {
    let (service, name) = action.method.split_once('/').expect("service/method");
    let service = pool.get_service_by_name(service).expect("a service");
    let found = service.methods().find(|method| method.name() == name);
    let somebody = Caller {
        subject: "fuzz".to_owned(),
        roles: Role::ALL
            .into_iter()
            .filter(|role| *role != Role::Service)
            .collect::<BTreeSet<_>>(),
        divisions: vec![DivisionCode::GUIZHOU],
        department: "civil-affairs".to_owned(),
        on_behalf_of: None,
    };
    let caller = match action.allow(&somebody) {
        Ok(()) => somebody,
        Err(_) => Caller::service("life-events"),
    };
    Method {
        name: name.to_owned(),
        input: found.expect("a method").input(),
        action,
        caller,
    }
}

/// Calls a method of a package twice with the same bytes.
pub fn call(package: &str, data: &[u8]) {
    let Some((chosen, message)) = data.split_first() else {
        return;
    };
    on_ground(|ground| {
        let methods = &ground.methods[package];
        let method = &methods[usize::from(*chosen) % methods.len()];
        let (first, again) = ground.runtime.block_on(async {
            let call = || {
                let path = method.action.method;
                ground.door.call(path, &method.caller, message.to_vec())
            };
            (call().await, call().await)
        });
        holds(method, message, &first, &again);
    });
}

/// What must hold of two answers to the same bytes.
fn holds(
    method: &Method,
    message: &[u8],
    first: &Result<Vec<u8>, Status>,
    again: &Result<Vec<u8>, Status>,
) {
    if let Err(status) = first {
        is_explained(method, status);
    }
    if method.action.audited != Audited::Change {
        return;
    }
    match (first, again) {
        (Ok(first), Ok(again)) => assert_eq!(first, again, "{}: another answer", method.name),
        (Err(first), Err(again)) => assert_eq!(first.message(), again.message()),
        (first, again) => panic!("{}: {first:?}, then {again:?}", method.name),
    }
    if first.is_ok() {
        let read = DynamicMessage::decode(method.input.clone(), message);
        no_control_characters(&read.expect("it was accepted"));
    }
}

/// A refusal is the caller's, has a reason and a Chinese text, names a field where one is wrong, and
/// repeats nothing that could be a number of a person.
fn is_explained(method: &Method, status: &Status) {
    let name = &method.name;
    let expected = [
        Code::InvalidArgument,
        Code::NotFound,
        Code::FailedPrecondition,
        Code::AlreadyExists,
        Code::Aborted,
        Code::PermissionDenied,
    ];
    assert!(expected.contains(&status.code()), "{name}: {status:?}");
    let details = status.get_error_details();
    let reason = &details.error_info().expect("a reason").reason;
    let stable = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    assert!(!reason.is_empty() && reason.chars().all(stable), "{reason}");
    let text = &details.localized_message().expect("a text").message;
    assert!(
        text.contains(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)),
        "{name}: {text}"
    );
    for text in [status.message(), text] {
        assert!(longest_run_of_digits(text) < 15, "{name}: {text}");
    }
    if status.code() != Code::InvalidArgument {
        return;
    }
    let violations = &details.bad_request().expect("fields").field_violations;
    assert!(!violations.is_empty(), "{name}: {status:?}");
    for violation in violations {
        let of_the_whole = reason == "MALFORMED" || reason == "MESSAGE_TOO_LARGE";
        let root = violation.field.split(['.', '[']).next().unwrap_or_default();
        let known = method.input.get_field_by_name(root).is_some();
        assert!(
            known || (of_the_whole && root.is_empty()),
            "{name} has no field {:?}: {status:?}",
            violation.field
        );
    }
}

fn longest_run_of_digits(text: &str) -> usize {
    let runs = text.split(|c: char| !c.is_ascii_digit());
    runs.map(str::len).max().unwrap_or_default()
}

/// PostgreSQL takes no NUL, and no screen shows what else is no character.
fn no_control_characters(message: &DynamicMessage) {
    for (field, value) in message.fields() {
        no_control_characters_in(field.name(), value);
    }
}

fn no_control_characters_in(field: &str, value: &Value) {
    match value {
        Value::String(text) => {
            let control = |c: char| c.is_control() && !c.is_whitespace();
            assert!(!text.contains(control), "accepted in {field}: {text:?}");
        }
        Value::Message(message) => no_control_characters(message),
        Value::List(values) => {
            for value in values {
                no_control_characters_in(field, value);
            }
        }
        _ => {}
    }
}

/// A message of a method in which every field holds something that could be there.
pub fn plausible(input: &MessageDescriptor) -> DynamicMessage {
    let mut message = DynamicMessage::new(input.clone());
    for field in input.fields() {
        // Of the members of a oneof, and of two ways to name a person, the first.
        if field
            .containing_oneof()
            .is_some_and(|oneof| oneof.fields().next() != Some(field.clone()))
        {
            continue;
        }
        let value = plausible_value(&field);
        let value = if field.is_list() {
            Value::List(vec![value])
        } else if field.is_map() {
            continue;
        } else {
            value
        };
        message.set_field(&field, value);
    }
    message
}

/// The middle of 2026, in seconds.
const SOME_TIME: i64 = 1_782_000_000;

fn plausible_value(field: &prost_reflect::FieldDescriptor) -> Value {
    use prost_reflect::Kind;
    match field.kind() {
        Kind::Message(inner) if inner.full_name() == "google.protobuf.Timestamp" => {
            let mut time = DynamicMessage::new(inner);
            time.set_field_by_name("seconds", Value::I64(SOME_TIME));
            Value::Message(time)
        }
        Kind::Message(inner) => Value::Message(plausible(&inner)),
        Kind::Enum(_) => Value::EnumNumber(1),
        Kind::String => Value::String(plausible_text(field.name())),
        Kind::Bytes => Value::Bytes(vec![1, 2, 3].into()),
        Kind::Bool => Value::Bool(true),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(1),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(1),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(1),
        Kind::Double => Value::F64(1.0),
        Kind::Float => Value::F32(1.0),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(match field.name() {
            "year" => 1950,
            _ => 1,
        }),
    }
}

fn plausible_text(field: &str) -> String {
    let text = match field {
        "request_id" => "01890a5d-ac96-774b-bcce-b302099a8057",
        "page_token" => "",
        "id_number" => "52990019500101001X",
        "name" => "测试",
        _ if field.ends_with("_id") || field == "id" => "01890a5d-ac96-774b-bcce-b302099a8058",
        _ if field.contains("division") => "520102001001",
        "etag" => "\"1\"",
        _ => "text",
    };
    text.to_owned()
}
