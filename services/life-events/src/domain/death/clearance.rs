//! The interlock: may what cannot be undone (cremation, interment, estate hand-over) be done now?

use super::case::Case;
use super::names::names;

names! {
    /// Why it may not.
    pub enum Blocking {
        /// The death is not confirmed, or does not stand.
        NotConfirmed = "NOT_CONFIRMED",
        /// The asker acts upon another version of the fact than the latest.
        FactVersionOld = "FACT_VERSION_OLD",
        /// No certificate or judgment of rank 1 proves the death.
        NoRank1Evidence = "NO_RANK_1_EVIDENCE",
        /// The date is in dispute, or a piece of evidence is.
        Conflict = "CONFLICT",
        /// A reversal waits for approval.
        Hold = "HOLD",
    }
}

/// Every reason against it for that fact version; none means cleared.
pub fn clearance(case: &Case, fact_version: i64) -> Vec<Blocking> {
    let reasons = [
        (!case.phase.is_confirmed(), Blocking::NotConfirmed),
        (fact_version != case.fact_version, Blocking::FactVersionOld),
        (!case.has_rank_1(), Blocking::NoRank1Evidence),
        (
            case.conflict.is_some() || case.review.is_some(),
            Blocking::Conflict,
        ),
        (case.pending_reversal.is_some(), Blocking::Hold),
    ];
    reasons
        .into_iter()
        .filter(|(blocks, _)| *blocks)
        .map(|(_, reason)| reason)
        .collect()
}
