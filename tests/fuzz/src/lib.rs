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
    Target {
        name: "envelope",
        run: envelope::record,
    },
    Target {
        name: "stored-envelope",
        run: envelope::stored,
    },
    Target {
        name: "id-number",
        run: identity::numbers,
    },
    Target {
        name: "page-token",
        run: page_token::token,
    },
    Target {
        name: "text",
        run: text::texts,
    },
    Target {
        name: "requests-residents",
        run: |data| requests::call("minzheng.residents.v1", data),
    },
    Target {
        name: "requests-life-events",
        run: |data| requests::call("minzheng.life_events.v1", data),
    },
    Target {
        name: "requests-elderly-care",
        run: |data| requests::call("minzheng.elderly_care.v1", data),
    },
    Target {
        name: "requests-child-welfare",
        run: |data| requests::call("minzheng.child_welfare.v1", data),
    },
    Target {
        name: "requests-shared",
        run: |data| requests::call("", data),
    },
];

/// The target of a name.
pub fn find(name: &str) -> Option<Target> {
    TARGETS.into_iter().find(|target| target.name == name)
}
