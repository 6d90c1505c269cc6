//! A provisional record turned out to be somebody: its case follows.

use minzheng_chassis::seam::{Failure, UnitOfWork};

use super::desk::{Entry, carry_out, decide, handle};
use super::residents::Known;
use super::whereabouts::divisions;
use crate::domain::death::{Absorption, Doubt, Input, Opening, ReviewDecision, absorb};
use crate::storage::cases::{Cases, StoredCase};

/// Why a case is merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// A person decided the case in review.
    Review,
    /// Residents says so.
    Event,
}

/// Moves the evidence of a case to the survivor's, and ends it. The survivor's case; none if the
/// case had ended before. The guard rows of both persons are locked.
///
/// # Errors
/// Why the merge is refused, or the database's.
pub(super) async fn merge(
    uow: &mut UnitOfWork,
    entry: Entry,
    gone: StoredCase,
    survivor: &Known,
    by: By,
) -> Result<Option<StoredCase>, Failure> {
    if !gone.case.phase.takes_evidence() {
        return Ok(None);
    }
    let latest = Cases::within(uow)
        .latest_of_person(survivor.person_id)
        .await?;
    let absorption = Absorption {
        evidence: gone.case.evidence.clone(),
        opening: Opening {
            case_id: uow.new_id(),
            person_id: survivor.person_id,
            divisions: divisions(survivor, gone.case.divisions.standing),
        },
    };
    let standing = absorption.opening.divisions.standing;
    let case = latest.as_ref().map(|latest| &latest.case);
    let step = decide(uow, standing, |at| absorb(case, &absorption, at)).await?;
    let absorbed = Entry::of("AbsorbEvidence").with("from", gone.case.id);
    let saved = carry_out(uow, absorbed, latest, step).await?;
    let survivor = saved.case.id;
    let input = match by {
        By::Review => Input::ReviewDecided {
            doubt: Doubt::Identity,
            decision: ReviewDecision::KnownPerson { survivor },
        },
        By::Event => Input::Merged { survivor },
    };
    handle(uow, entry.with("into", survivor), gone, &input).await?;
    Ok(Some(saved))
}
