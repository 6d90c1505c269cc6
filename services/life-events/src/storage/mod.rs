//! What life-events keeps: cases with their evidence and questions, and the clearances it gave.

mod case_query;
mod case_row;
pub mod cases;
pub mod clearances;
mod column;
mod corrections;
pub mod decided_records;
pub mod documents;
pub mod due;
mod entity;
pub mod events;
mod evidence_row;
pub mod list;
mod migrations;
mod question_row;
pub mod reported;
pub mod rules;
mod scope;

pub use migrations::MIGRATIONS;
pub use rules::RULES;
