//! What residents does, one file per call; the file is named after the RPC.

pub mod correct_identity;
pub mod decide_match;
pub mod effects;
pub mod end_kinship;
pub mod fingerprint;
pub mod get_household;
pub mod get_person;
pub mod kin;
pub mod list_dependants;
pub mod list_kin;
pub mod list_persons;
pub mod mark_life_status;
pub mod match_identity;
pub mod move_person;
pub mod put_household;
pub mod record_kinship;
pub mod register_person;
pub mod resolve_or_provision;
mod resolve_together;
pub mod show;
