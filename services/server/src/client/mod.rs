//! Thin clients of the public gRPC API: one file per command, views of our own so that `-o json`
//! stays stable whatever the contracts gain.

pub mod case;
pub(crate) mod case_act;
pub mod case_show;
pub mod case_watch;
pub mod connect;
pub mod dates;
pub mod dead_letter;
pub mod doctor;
pub mod error;
pub mod verify;
pub mod words;
