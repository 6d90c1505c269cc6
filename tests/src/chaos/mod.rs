//! The fault harness: clients that log every invocation, a nemesis that breaks things, and checkers
//! of what must hold whatever was broken (`cargo xtask chaos`).

pub mod checkers;
pub mod deployment;
pub mod history;
pub mod nemesis;
pub mod observe;
pub mod proxy;
mod recovery;
pub mod run;
pub mod summary;
pub mod workload;
