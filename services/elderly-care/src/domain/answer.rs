//! What elderly-care answers to a fact.
//!
//! An answer follows from the state that the fact left behind, not from what it changed: whoever
//! missed an older fact, or hears one twice, answers alike.

use uuid::Uuid;

use super::death::FactKind;
use super::person::Life;
use super::stay::{EndCause, Stay, StayState};
use super::work::WorkKind;

/// An action that a fact asks of elderly-care (product §4.2 row 04).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CareAction {
    /// Hold the bed of a suspected resident.
    HoldBed,
    /// End the stay the day after the death.
    EndStay,
    /// Release the bed, and offer it.
    ReleaseBed,
    /// Count the days anew.
    RecountDays,
    /// The stay stands again.
    RestoreStay,
}

impl CareAction {
    /// Every action.
    pub const ALL: [CareAction; 5] = [
        CareAction::HoldBed,
        CareAction::EndStay,
        CareAction::ReleaseBed,
        CareAction::RecountDays,
        CareAction::RestoreStay,
    ];

    /// The article or standard that it rests on. Which evidence counts is Art. 15, looked up; the
    /// other two are believed and say that they are to be confirmed.
    pub fn legal_basis(self) -> &'static str {
        match self {
            // Without the certificate or the cancelled registration nobody is dead in law.
            CareAction::HoldBed | CareAction::RestoreStay => "民法典第15条",
            // Capacity for rights ends with death, and the contract of care with it.
            CareAction::EndStay | CareAction::RecountDays => "民法典第13条（待核实）",
            // The contract's claims and debts end when they are performed.
            CareAction::ReleaseBed => "民法典第557条（待核实）",
        }
    }
}

/// Who can undo it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undo {
    /// This service.
    Machine,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerOutcome {
    /// Done.
    Done,
    /// The person has no stay here that it concerns.
    NothingToDo,
    /// A person must act: the open work item of this kind and subject.
    NeedsHuman {
        /// Kind.
        kind: WorkKind,
        /// Subject.
        subject_id: Uuid,
    },
}

/// The answer to one question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The action.
    pub action: CareAction,
    /// What was done.
    pub outcome: AnswerOutcome,
    /// Who can undo it: all is undone by this service.
    pub undo: Undo,
    /// A stable reason, where the outcome alone does not say enough.
    pub reason: Option<&'static str>,
}

/// The settlement of what is owed is missing.
const SETTLEMENT_OPEN: &str = "SETTLEMENT_OPEN";
/// The bed was let anew; the resident has priority for the next one.
const BED_RELET: &str = "BED_RELET";

/// The answers to every question that such a fact asks, given the person's standing stay after it.
pub(super) fn answers(kind: FactKind, stay: Option<&Stay>) -> Vec<Answer> {
    let actions: &[CareAction] = match kind {
        FactKind::Suspected => &[CareAction::HoldBed],
        FactKind::Lifted | FactKind::Reversed => &[CareAction::RestoreStay],
        FactKind::Confirmed => &[CareAction::EndStay, CareAction::ReleaseBed],
        FactKind::Corrected => &[CareAction::RecountDays],
    };
    actions.iter().map(|action| answer(*action, stay)).collect()
}

/// The answers to everything that the latest fact may have asked of somebody in this state. Which
/// fact announced a death, the first or a correction, is not known any more: whoever asked knows
/// which of the answers were asked for. Of the living nothing is answered anew.
pub(super) fn answers_anew(life: Life, stay: Option<&Stay>) -> Vec<Answer> {
    let kinds: &[FactKind] = match life {
        Life::Alive => &[],
        Life::Suspected => &[FactKind::Suspected],
        Life::Dead { .. } => &[FactKind::Confirmed, FactKind::Corrected],
    };
    kinds.iter().flat_map(|kind| answers(*kind, stay)).collect()
}

fn answer(action: CareAction, stay: Option<&Stay>) -> Answer {
    let (outcome, reason) = stay.map_or((AnswerOutcome::NothingToDo, None), |stay| {
        outcome(action, stay)
    });
    Answer {
        action,
        outcome,
        undo: Undo::Machine,
        reason,
    }
}

fn outcome(action: CareAction, stay: &Stay) -> (AnswerOutcome, Option<&'static str>) {
    use AnswerOutcome::{Done, NothingToDo};
    use CareAction::{EndStay, HoldBed, RecountDays, ReleaseBed, RestoreStay};
    let by_death = |cause| matches!(cause, EndCause::Death { .. });
    match (action, stay.state) {
        (HoldBed, StayState::Held) => (Done, None),
        (RestoreStay, StayState::Active) => (Done, None),
        (RestoreStay, StayState::Displaced) => (Done, Some(BED_RELET)),
        (EndStay, StayState::AwaitingSettlement(cause) | StayState::Ended(cause))
            if by_death(cause) =>
        {
            (Done, None)
        }
        (ReleaseBed | RecountDays, StayState::Ended(cause)) if by_death(cause) => (Done, None),
        // Days recounted change what is owed: whoever settles it charges the right ones.
        (ReleaseBed | RecountDays, StayState::AwaitingSettlement(cause)) if by_death(cause) => (
            AnswerOutcome::NeedsHuman {
                kind: WorkKind::SettleStay,
                subject_id: stay.id,
            },
            Some(SETTLEMENT_OPEN),
        ),
        (
            HoldBed | RestoreStay | EndStay | ReleaseBed | RecountDays,
            StayState::Active
            | StayState::Held
            | StayState::AwaitingSettlement(_)
            | StayState::Ended(_)
            | StayState::Displaced,
        ) => (NothingToDo, None),
    }
}
