//! The tables as SeaORM entities, one file each.

pub mod bed;
pub mod bed_pass;
pub mod facility;
pub mod offer;
pub mod stay;
pub mod waiting_entry;
