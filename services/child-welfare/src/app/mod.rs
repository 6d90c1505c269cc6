//! One file per RPC, reaction or deadline. Whatever changes children goes over the [`desk`].

pub mod appoint_guardian;
mod bystanders;
pub mod command;
mod desk;
pub mod determine_start_month;
pub mod end_guardianship;
pub mod end_parent_situation;
pub mod follow_deaths;
pub mod follow_kinship;
pub mod follow_merges;
pub mod get_child;
pub mod inspect;
pub mod list_children;
pub mod open_child_file;
mod people;
pub mod record_carer_ability;
pub mod record_parent_situation;
mod refusal;
mod residents;
pub mod review_child;
mod settle;
mod show;
mod told;
pub mod work_kinds;
