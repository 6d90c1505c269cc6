//! SeaORM entities: one row, one file.

pub(super) mod child;
pub(super) mod child_kin;
pub(super) mod death_answer;
pub(super) mod parent_situation;
