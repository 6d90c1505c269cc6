//! How elderly-care is kept: tables, their entities, finders that see only the caller's divisions,
//! and what one decision loads and saves.

pub mod entity;
pub mod events;
pub mod find;
pub mod list;
pub mod load;
mod migrations;
mod rows;
pub mod rules;
pub mod save;
mod scope;
pub mod standing;
pub mod verify;

pub use migrations::MIGRATIONS;
pub use rules::RULES;
pub use scope::expect_own;
