//! Beds: one resident each.

use uuid::Uuid;

use super::desk::Desk;
use super::errors::CareError;

/// The longest label, in characters.
const LABEL_CHARACTERS: usize = 20;

/// What a held bed is kept for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HeldFor {
    /// Its resident is suspected dead.
    Suspicion,
    /// Its resident died or left, and something is owed.
    Settlement,
    /// It is offered to somebody who waits.
    Offer,
}

impl HeldFor {
    /// Stable name, as stored.
    pub fn name(self) -> &'static str {
        match self {
            HeldFor::Suspicion => "suspicion",
            HeldFor::Settlement => "settlement",
            HeldFor::Offer => "offer",
        }
    }
}

/// What a bed is used for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BedState {
    /// Not yet in use.
    Planned,
    /// Free, and nobody waits for it.
    Free,
    /// Kept.
    Held(HeldFor),
    /// Somebody lives in it.
    Occupied,
    /// Under repair.
    UnderRepair,
    /// No longer used.
    Retired,
}

impl BedState {
    /// Every state.
    pub const ALL: [BedState; 8] = [
        BedState::Planned,
        BedState::Free,
        BedState::Held(HeldFor::Suspicion),
        BedState::Held(HeldFor::Settlement),
        BedState::Held(HeldFor::Offer),
        BedState::Occupied,
        BedState::UnderRepair,
        BedState::Retired,
    ];

    /// Stable name; a held bed's says what it is held for only through [`BedState::held_for`].
    pub fn name(self) -> &'static str {
        match self {
            BedState::Planned => "planned",
            BedState::Free => "free",
            BedState::Held(_) => "held",
            BedState::Occupied => "occupied",
            BedState::UnderRepair => "under_repair",
            BedState::Retired => "retired",
        }
    }

    /// What a held bed is kept for.
    pub fn held_for(self) -> Option<HeldFor> {
        match self {
            BedState::Held(what) => Some(what),
            BedState::Planned
            | BedState::Free
            | BedState::Occupied
            | BedState::UnderRepair
            | BedState::Retired => None,
        }
    }

    /// The state of these stored names.
    pub fn named(name: &str, held_for: Option<&str>) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|state| state.name() == name && state.held_for().map(HeldFor::name) == held_for)
    }

    /// What others are told apart: held is held.
    pub(super) fn published(self) -> &'static str {
        self.name()
    }

    /// Nobody lives in it and nothing stands in the way of offering it.
    pub fn is_vacant(self) -> bool {
        matches!(self, BedState::Free | BedState::Held(HeldFor::Offer))
    }

    /// It is somebody's bed.
    pub fn has_resident(self) -> bool {
        match self {
            BedState::Occupied
            | BedState::Held(HeldFor::Suspicion)
            | BedState::Held(HeldFor::Settlement) => true,
            BedState::Planned
            | BedState::Free
            | BedState::Held(HeldFor::Offer)
            | BedState::UnderRepair
            | BedState::Retired => false,
        }
    }
}

/// One bed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bed {
    /// Opaque id.
    pub id: Uuid,
    /// Its facility.
    pub facility_id: Uuid,
    /// Label, unique within the facility.
    pub label: String,
    /// State.
    pub state: BedState,
    /// The stay that has the bed or, while it is vacant after a death, the one that gets it back if
    /// the death did not happen. Letting it anew, repairing or retiring it ends that claim.
    pub stay_id: Option<Uuid>,
    /// Why it is vacant: the death case, the stay that ended, or the day it came into service.
    pub vacancy_id: Option<Uuid>,
}

impl Bed {
    /// A new bed: planned, or free.
    ///
    /// # Errors
    /// The label is not 1 to 20 letters, digits and hyphens, or the state is another.
    pub fn new(
        id: Uuid,
        facility_id: Uuid,
        label: &str,
        state: BedState,
    ) -> Result<Self, CareError> {
        let label = label.trim();
        let characters = label.chars().count();
        let allowed = |c: char| c.is_alphanumeric() || c == '-';
        if characters == 0 || characters > LABEL_CHARACTERS || !label.chars().all(allowed) {
            return Err(CareError::BedLabel);
        }
        if !matches!(state, BedState::Planned | BedState::Free) {
            return Err(CareError::not_settable(state));
        }
        Ok(Self {
            id,
            facility_id,
            label: label.to_owned(),
            state,
            stay_id: None,
            vacancy_id: state.is_vacant().then_some(id),
        })
    }
}

impl Desk<'_> {
    /// Adds a bed; a free one is offered at once. Answers with its id.
    ///
    /// # Errors
    /// As [`Bed::new`].
    pub fn add_bed(
        &mut self,
        facility_id: Uuid,
        label: &str,
        state: BedState,
    ) -> Result<Uuid, CareError> {
        self.begin_command();
        self.site(facility_id)?;
        let id = self.fresh_id();
        let bed = Bed::new(id, facility_id, label, state)?;
        self.view.beds.insert(id, bed);
        self.end_command()?;
        Ok(id)
    }

    /// Takes a bed into use, under repair or out of use; a free one is offered at once, an open
    /// offer of one that is no longer free is taken back.
    ///
    /// # Errors
    /// Somebody lives in it, it is kept for its resident, or nobody can set that state.
    pub fn set_bed_state(&mut self, bed_id: Uuid, to: BedState) -> Result<(), CareError> {
        self.begin_command();
        if !matches!(
            to,
            BedState::Free | BedState::UnderRepair | BedState::Retired
        ) {
            return Err(CareError::not_settable(to));
        }
        let from = self.bed(bed_id)?.state;
        match from {
            BedState::Occupied => return Err(CareError::BedOccupied),
            BedState::Held(HeldFor::Suspicion | HeldFor::Settlement) => {
                return Err(CareError::BedHeld);
            }
            BedState::Planned
            | BedState::Free
            | BedState::Held(HeldFor::Offer)
            | BedState::UnderRepair
            | BedState::Retired => {}
        }
        if from == to || (from.is_vacant() && to == BedState::Free) {
            return Ok(());
        }
        let vacancy_id = to.is_vacant().then(|| self.fresh_id());
        let bed = self.bed_mut(bed_id)?;
        bed.state = to;
        bed.stay_id = None;
        bed.vacancy_id = vacancy_id;
        self.end_command()
    }
}
