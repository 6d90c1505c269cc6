//! The tables as SeaORM entities, one file each.

pub mod former_identity;
pub mod household;
pub mod household_member;
pub mod kinship;
pub mod person;
pub mod person_number;
pub mod provision;
