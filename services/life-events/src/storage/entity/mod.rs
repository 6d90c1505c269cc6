//! The tables as SeaORM sees them.

pub mod clearance;
pub mod death_case;
pub mod decided_record;
pub mod evidence;
pub mod question;
