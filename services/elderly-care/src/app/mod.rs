//! One file per command or query, named after the RPC; and what is done on a fact, a merge, a
//! deadline, a closed work item.

pub mod accept_offer;
pub mod add_to_waiting_list;
pub mod create_bed;
pub mod create_facility;
pub mod decline_offer;
mod desk;
pub mod end_stay;
pub mod expire_offer;
pub mod fingerprint;
pub mod follow_deaths;
pub mod follow_merges;
pub mod get;
pub mod list;
pub mod merge_conflict;
mod people;
pub mod place_resident;
mod receipts;
mod refusal;
pub mod set_bed_state;
pub mod set_stay_account;
pub mod settle_stay;
mod show;
pub mod withdraw_from_waiting_list;

pub use people::{IdentityAsked, Who};
