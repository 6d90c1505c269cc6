//! How residents is kept: tables, their entities, and finders that see only the caller's divisions.

pub mod codes;
pub mod entity;
pub mod events;
pub mod household;
pub mod kinship;
mod migrations;
pub mod numbers;
pub mod person;
pub mod person_list;
mod person_row;
pub mod provision;
mod rules;
pub mod scope;
mod seal;

pub use migrations::MIGRATIONS;
pub use rules::{DECIDE_MATCH_DAYS, PROGRAMME, RULES};
