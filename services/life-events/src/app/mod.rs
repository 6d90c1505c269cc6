//! One file per command or query, named after the RPC, and what they share: [`desk`] carries a step
//! of a case out, [`residents`] asks who people are, [`show`] writes the answer, [`lookout`] sees for all who
//! watch which cases have changed.

pub mod answers_overdue;
pub mod approve_reversal;
pub mod complete_verification;
pub mod correct_death;
pub mod decide_conflict;
pub mod decide_review;
pub mod decisions_overdue;
pub mod desk;
pub mod evidence;
pub mod fingerprint;
pub mod follow_merges;
pub mod follow_moves;
pub mod get_case;
pub mod get_clearance;
pub mod lapse_verification;
pub mod list_cases;
pub mod lookout;
mod merging;
pub(crate) mod names;
pub mod prepare_reversal;
pub mod report_death;
mod report_together;
pub mod residents;
pub mod show;
pub mod take_receipts;
pub mod verify;
pub mod watch_case;
mod whereabouts;
pub mod work;
