//! What must hold of everything that reads what others wrote, whatever they wrote.
//!
//! A target takes bytes and panics where something does not hold. `cargo xtask fuzz` looks for such
//! bytes, led by the code that they reach; `cargo test` tries those in `corpus/`.

pub mod envelope;
pub mod identity;
pub mod page_token;
pub mod requests;
pub mod text;

/// One target.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name, and that of its directory in `corpus/`.
    pub name: &'static str,
    /// Tries one input.
    pub run: fn(&[u8]),
}

/// All targets.
pub const TARGETS: [Target; 10] = [
    target("envelope", envelope::record),
    target("stored-envelope", envelope::stored),
    target("id-number", identity::numbers),
    target("page-token", page_token::token),
    target("text", text::texts),
    target("requests-residents", |data| {
        requests::call("minzheng.residents.v1", data)
    }),
    target("requests-life-events", |data| {
        requests::call("minzheng.life_events.v1", data)
    }),
    target("requests-elderly-care", |data| {
        requests::call("minzheng.elderly_care.v1", data)
    }),
    target("requests-child-welfare", |data| {
        requests::call("minzheng.child_welfare.v1", data)
    }),
    target("requests-shared", |data| requests::call("", data)),
];

const fn target(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, run }
}

/// The target of a name.
pub fn find(name: &str) -> Option<Target> {
    TARGETS.into_iter().find(|target| target.name == name)
}
