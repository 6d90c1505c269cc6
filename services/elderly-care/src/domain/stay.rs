//! Stays: who lives in which bed, until when, and what is owed.

use jiff::Timestamp;
use jiff::civil::Date;
use uuid::Uuid;

use super::bed::{BedState, HeldFor};
use super::desk::Desk;
use super::errors::CareError;
use super::person::Known;
use super::waiting::EntryState;
use super::work::{WorkEffect, WorkKind};

/// Why a stay ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndCause {
    /// The resident died.
    Death {
        /// The death case.
        case_id: Uuid,
    },
    /// The resident left alive.
    Left,
    /// A displaced resident got another bed, which is another stay.
    Replaced,
}

impl EndCause {
    /// Stable name, as stored.
    pub fn name(self) -> &'static str {
        match self {
            EndCause::Death { .. } => "death",
            EndCause::Left => "left",
            EndCause::Replaced => "replaced",
        }
    }

    /// The death case, where it was a death.
    pub fn case_id(self) -> Option<Uuid> {
        match self {
            EndCause::Death { case_id } => Some(case_id),
            EndCause::Left | EndCause::Replaced => None,
        }
    }
}

/// State of a stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StayState {
    /// The resident lives in the bed.
    Active,
    /// The resident is suspected dead; the bed is held.
    Held,
    /// It ended and something is owed; the bed is held until that is settled.
    AwaitingSettlement(EndCause),
    /// Over.
    Ended(EndCause),
    /// The resident came back from a mistaken death and the bed is let to somebody else; the next
    /// bed of the facility is theirs.
    Displaced,
}

impl StayState {
    /// Stable name, as stored.
    pub fn name(self) -> &'static str {
        match self {
            StayState::Active => "active",
            StayState::Held => "held",
            StayState::AwaitingSettlement(_) => "awaiting_settlement",
            StayState::Ended(_) => "ended",
            StayState::Displaced => "displaced",
        }
    }

    /// Why it ended, where it did.
    pub fn end_cause(self) -> Option<EndCause> {
        match self {
            StayState::AwaitingSettlement(cause) | StayState::Ended(cause) => Some(cause),
            StayState::Active | StayState::Held | StayState::Displaced => None,
        }
    }

    /// The state of these stored values.
    pub fn named(name: &str, cause: Option<&str>, case_id: Option<Uuid>) -> Option<Self> {
        let cause = match (cause, case_id) {
            (Some("death"), Some(case_id)) => Some(EndCause::Death { case_id }),
            (Some("left"), None) => Some(EndCause::Left),
            (Some("replaced"), None) => Some(EndCause::Replaced),
            (None, None) => None,
            _ => return None,
        };
        match (name, cause) {
            ("active", None) => Some(StayState::Active),
            ("held", None) => Some(StayState::Held),
            ("displaced", None) => Some(StayState::Displaced),
            ("awaiting_settlement", Some(cause)) => Some(StayState::AwaitingSettlement(cause)),
            ("ended", Some(cause)) => Some(StayState::Ended(cause)),
            _ => None,
        }
    }

    /// The person's life or death acts upon it: it runs, or a reversal would bring it back. A
    /// person has at most one such stay.
    pub fn stands(self) -> bool {
        match self {
            StayState::Active | StayState::Held | StayState::Displaced => true,
            StayState::AwaitingSettlement(cause) | StayState::Ended(cause) => match cause {
                EndCause::Death { .. } => true,
                EndCause::Left | EndCause::Replaced => false,
            },
        }
    }
}

/// One person's stay in one bed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stay {
    /// Opaque id.
    pub id: Uuid,
    /// The resident.
    pub person_id: Uuid,
    /// The facility.
    pub facility_id: Uuid,
    /// The bed.
    pub bed_id: Uuid,
    /// When the resident was placed.
    pub placed_at: Timestamp,
    /// First day.
    pub first_day: Date,
    /// State.
    pub state: StayState,
    /// Last day, where it ended: the day of death (services end the day after) or of leaving.
    pub last_day: Option<Date>,
    /// The date of death is not known to the day: `last_day` is the earliest day it can be.
    pub last_day_provisional: bool,
    /// Owed by the resident (positive) or to the resident (negative), in fen. Zero on ended stays.
    pub owed_fen: i64,
}

impl Desk<'_> {
    /// Places a person in a free bed. Answers with the stay's id.
    ///
    /// # Errors
    /// The bed is not free, the person is not alive or lives somewhere, or the first day lies in
    /// the future.
    pub fn place_resident(
        &mut self,
        who: &Known,
        bed_id: Uuid,
        first_day: Date,
    ) -> Result<Uuid, CareError> {
        self.begin_command();
        match self.bed(bed_id)?.state {
            BedState::Free => {}
            BedState::Occupied => return Err(CareError::BedOccupied),
            BedState::Held(HeldFor::Offer) => return Err(CareError::BedOffered),
            BedState::Held(HeldFor::Suspicion | HeldFor::Settlement) => {
                return Err(CareError::BedHeld);
            }
            BedState::Planned | BedState::UnderRepair | BedState::Retired => {
                return Err(CareError::BedNotInService);
            }
        }
        who.must_live()?;
        let stay_id = self.begin_stay(who.person_id, bed_id, first_day)?;
        self.end_command()?;
        Ok(stay_id)
    }

    /// Ends the stay of a resident who leaves alive; the bed is released as after a death: at once
    /// where nothing is owed, else when that is settled.
    ///
    /// # Errors
    /// The stay is over, the person is not alive, or the last day lies before the first or in the
    /// future.
    pub fn end_stay(
        &mut self,
        who: &Known,
        stay_id: Uuid,
        last_day: Date,
    ) -> Result<(), CareError> {
        self.begin_command();
        let today = self.today();
        let stay = self.stay(stay_id)?;
        match stay.state {
            StayState::Active | StayState::Displaced => who.must_live()?,
            StayState::Held => return Err(CareError::PersonNotAlive),
            StayState::AwaitingSettlement(_) | StayState::Ended(_) => {
                return Err(CareError::StayEnded);
            }
        }
        if last_day < stay.first_day || last_day > today {
            return Err(CareError::LastDay);
        }
        self.withdraw_priority_entry(stay_id);
        self.stay_mut(stay_id)?.last_day = Some(last_day);
        self.finish(stay_id, EndCause::Left)?;
        self.end_command()
    }

    /// Records what is owed, in fen. Zero on a stay that awaits its settlement settles it.
    ///
    /// # Errors
    /// The stay is over.
    pub fn set_stay_account(&mut self, stay_id: Uuid, owed_fen: i64) -> Result<(), CareError> {
        self.begin_command();
        let stay = self.stay_mut(stay_id)?;
        match stay.state {
            StayState::Ended(_) => return Err(CareError::StayEnded),
            StayState::Active | StayState::Held | StayState::Displaced => {
                stay.owed_fen = owed_fen;
            }
            StayState::AwaitingSettlement(cause) => {
                stay.owed_fen = owed_fen;
                self.finish(stay_id, cause)?;
            }
        }
        if owed_fen == 0 && matches!(self.stay(stay_id)?.state, StayState::Ended(_)) {
            self.work(WorkEffect::Done {
                kind: WorkKind::SettleStay,
                subject_id: stay_id,
            });
        }
        self.end_command()
    }

    /// What closing the work item `settle-stay` does: nothing is owed any more, the bed is released
    /// and offered.
    ///
    /// # Errors
    /// The stay does not await a settlement.
    pub fn settle_stay(&mut self, stay_id: Uuid) -> Result<(), CareError> {
        self.begin_command();
        let stay = self.stay_mut(stay_id)?;
        let StayState::AwaitingSettlement(cause) = stay.state else {
            return Err(CareError::NotAwaitingSettlement);
        };
        stay.owed_fen = 0;
        self.finish(stay_id, cause)?;
        self.end_command()
    }

    /// A new stay in a bed that is free or was just accepted. Everything the person waits for ends.
    pub(super) fn begin_stay(
        &mut self,
        person_id: Uuid,
        bed_id: Uuid,
        first_day: Date,
    ) -> Result<Uuid, CareError> {
        if first_day > self.today() {
            return Err(CareError::FirstDay);
        }
        let standing = self.view.standing_stay(person_id);
        let displaced = match standing.map(|stay| (stay.id, stay.state)) {
            None => None,
            Some((stay_id, StayState::Displaced)) => Some(stay_id),
            Some(_) => return Err(CareError::AlreadyResident),
        };
        let stay_id = self.fresh_id();
        let bed = self.bed_mut(bed_id)?;
        bed.state = BedState::Occupied;
        bed.stay_id = Some(stay_id);
        bed.vacancy_id = None;
        let facility_id = bed.facility_id;
        self.view.passes.retain(|pass, _| pass.bed_id != bed_id);
        self.end_waiting(person_id, facility_id);
        if let Some(displaced) = displaced {
            self.end_displaced(displaced, EndCause::Replaced)?;
        }
        let stay = Stay {
            id: stay_id,
            person_id,
            facility_id,
            bed_id,
            placed_at: self.now,
            first_day,
            state: StayState::Active,
            last_day: None,
            last_day_provisional: false,
            owed_fen: 0,
        };
        self.view.stays.insert(stay_id, stay);
        Ok(stay_id)
    }

    /// Ends every live entry of a person who got a bed: placed there, withdrawn elsewhere.
    fn end_waiting(&mut self, person_id: Uuid, facility_id: Uuid) {
        for entry in self.view.entries.values_mut() {
            if entry.person_id != person_id || !entry.state.is_live() {
                continue;
            }
            entry.state = if entry.facility_id == facility_id {
                EntryState::Placed
            } else {
                EntryState::Withdrawn
            };
        }
    }

    /// Ends a displaced stay today: it has no bed to give back.
    pub(super) fn end_displaced(
        &mut self,
        stay_id: Uuid,
        cause: EndCause,
    ) -> Result<(), CareError> {
        let today = self.today();
        let stay = self.stay_mut(stay_id)?;
        stay.last_day = Some(today);
        self.finish(stay_id, cause)
    }

    /// Ends a stay: at once where nothing is owed, else when that is settled. Running it again, or
    /// for another death case, is safe.
    pub(super) fn finish(&mut self, stay_id: Uuid, cause: EndCause) -> Result<(), CareError> {
        let stay = self.stay_mut(stay_id)?;
        if stay.owed_fen == 0 {
            stay.state = StayState::Ended(cause);
            return self.vacate(stay_id, cause);
        }
        stay.state = StayState::AwaitingSettlement(cause);
        let (bed_id, facility_id) = (stay.bed_id, stay.facility_id);
        let bed = self.bed_mut(bed_id)?;
        if bed.stay_id == Some(stay_id) {
            bed.state = BedState::Held(HeldFor::Settlement);
        }
        let division = self.site(facility_id)?.facility.division;
        self.work(WorkEffect::Open {
            kind: WorkKind::SettleStay,
            subject_id: stay_id,
            division,
        });
        Ok(())
    }

    /// Makes the bed of an ended stay vacant, if it is still that stay's. After a death the stay
    /// keeps its claim to it until it is let anew.
    fn vacate(&mut self, stay_id: Uuid, cause: EndCause) -> Result<(), CareError> {
        let bed_id = self.stay(stay_id)?.bed_id;
        let bed = self.bed_mut(bed_id)?;
        if bed.stay_id != Some(stay_id) {
            return Ok(());
        }
        if !bed.state.is_vacant() {
            bed.state = BedState::Free;
        }
        bed.vacancy_id = Some(cause.case_id().unwrap_or(stay_id));
        if cause.case_id().is_none() {
            bed.stay_id = None;
        }
        Ok(())
    }
}
