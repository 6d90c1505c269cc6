//! What the service does when facts and kinship arrive, on both deployments.

mod closing;
#[path = "../common/mod.rs"]
mod common;
mod deaths;
mod together;
mod upkeep;

pub(crate) const ASSESS: &str = "assess-dependants";
pub(crate) const CLOSE: &str = "close-child-file";
pub(crate) const ORPHANS: &str = "orphan carer=grandparent since=2026-03";
pub(crate) const ALARM: &[&str] = &["child-visit alarm"];
