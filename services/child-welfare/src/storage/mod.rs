//! The service's own tables: migrations, entities, finders, saves, and the events that leave.

pub mod answers;
pub mod children;
mod entity;
pub mod events;
mod migrations;
mod rows;
pub mod rules;

pub use migrations::MIGRATIONS;
pub use rules::RULES;
