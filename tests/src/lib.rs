//! What the tests of more than one service share: a platform to talk to (in this process or in
//! several), a family, the story, fingerprints.

#![allow(clippy::missing_panics_doc)] // every helper here panics when a test cannot go on

pub mod attempts;
pub mod chaos;
pub mod collector;
pub mod copies;
pub mod family;
pub mod fingerprint;
pub mod held_lease;
pub mod once;
pub mod platform;
pub mod processes;
pub mod relays;
pub mod reports;
pub mod statements;
pub mod story;
pub mod verify;
pub mod written;
