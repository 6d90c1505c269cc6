//! The waiting list of a facility.

use jiff::Timestamp;
use uuid::Uuid;

use super::desk::Desk;
use super::errors::CareError;
use super::person::{Known, Life};
use super::stay::{EndCause, Stay, StayState};

/// Need, 1 (most urgent) to 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rank(u8);

impl Rank {
    /// The most urgent.
    pub const FIRST: Rank = Rank(1);

    /// A rank by its number.
    ///
    /// # Errors
    /// It is not 1 to 5.
    pub fn new(number: i32) -> Result<Self, CareError> {
        u8::try_from(number)
            .ok()
            .filter(|rank| (1..=5).contains(rank))
            .map(Self)
            .ok_or(CareError::Rank)
    }

    /// Its number.
    pub fn number(self) -> i32 {
        i32::from(self.0)
    }
}

/// State of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryState {
    /// Waiting for a bed.
    Waiting,
    /// The person is or is suspected dead; the place in the queue is kept.
    Suspended,
    /// A bed is offered.
    Offered,
    /// Got a bed.
    Placed,
    /// No longer waits.
    Withdrawn,
}

impl EntryState {
    /// Every state.
    pub const ALL: [EntryState; 5] = [
        EntryState::Waiting,
        EntryState::Suspended,
        EntryState::Offered,
        EntryState::Placed,
        EntryState::Withdrawn,
    ];

    /// Stable name, as stored.
    pub fn name(self) -> &'static str {
        match self {
            EntryState::Waiting => "waiting",
            EntryState::Suspended => "suspended",
            EntryState::Offered => "offered",
            EntryState::Placed => "placed",
            EntryState::Withdrawn => "withdrawn",
        }
    }

    /// The state of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// It is on the list.
    pub fn is_live(self) -> bool {
        match self {
            EntryState::Waiting | EntryState::Suspended | EntryState::Offered => true,
            EntryState::Placed | EntryState::Withdrawn => false,
        }
    }

    /// A bed can be offered to it.
    pub fn is_eligible(self) -> bool {
        match self {
            EntryState::Waiting | EntryState::Offered => true,
            EntryState::Suspended | EntryState::Placed | EntryState::Withdrawn => false,
        }
    }
}

/// One person's place in the waiting list of one facility.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingEntry {
    /// Opaque id.
    pub id: Uuid,
    /// The facility.
    pub facility_id: Uuid,
    /// Who waits.
    pub person_id: Uuid,
    /// Need.
    pub rank: Rank,
    /// Before all ranks: lost the bed through a mistaken death.
    pub priority: bool,
    /// Since when; never changes.
    pub since: Timestamp,
    /// State.
    pub state: EntryState,
    /// The bed whose open offer others who came later cannot overtake: an offer with a period for
    /// its acceptance is not revoked for a better applicant (民法典 Art. 476).
    pub promised_bed_id: Option<Uuid>,
    /// For a priority entry: the displaced stay that it makes good.
    pub displaced_stay_id: Option<Uuid>,
}

impl WaitingEntry {
    /// Its place in the queue: priority, rank, time; the person settles a tie, so that an entry
    /// that is made anew stands where the old one stood.
    pub fn place(&self) -> (bool, Rank, Timestamp, Uuid) {
        (!self.priority, self.rank, self.since, self.person_id)
    }
}

impl Desk<'_> {
    /// Puts a person on a facility's list from now on; a free bed is offered at once. A suspected
    /// person's entry begins suspended. Answers with the entry's id.
    ///
    /// # Errors
    /// The person is dead, a resident, or waits there already.
    pub fn add_to_waiting_list(
        &mut self,
        who: &Known,
        facility_id: Uuid,
        rank: Rank,
    ) -> Result<Uuid, CareError> {
        self.begin_command();
        self.site(facility_id)?;
        let state = match who.life {
            Life::Alive => EntryState::Waiting,
            Life::Suspected => EntryState::Suspended,
            Life::Dead { .. } => return Err(CareError::PersonNotAlive),
        };
        let stay = self.view.standing_stay(who.person_id);
        if stay.is_some_and(|stay| stay.state != StayState::Displaced) {
            return Err(CareError::AlreadyResident);
        }
        let mut entries = self.view.live_entries_of(who.person_id);
        if entries.any(|entry| entry.facility_id == facility_id) {
            return Err(CareError::AlreadyWaiting);
        }
        drop(entries);
        let id = self.fresh_id();
        let entry = WaitingEntry {
            id,
            facility_id,
            person_id: who.person_id,
            rank,
            priority: false,
            since: self.now,
            state,
            promised_bed_id: None,
            displaced_stay_id: None,
        };
        self.view.entries.insert(id, entry);
        self.end_command()?;
        Ok(id)
    }

    /// Takes a person off a list; an open offer goes to the next. A displaced resident who does so
    /// gives up the priority, and with it the stay.
    ///
    /// # Errors
    /// The entry is closed.
    pub fn withdraw_from_waiting_list(&mut self, entry_id: Uuid) -> Result<(), CareError> {
        self.begin_command();
        let entry = self.entry_mut(entry_id)?;
        if !entry.state.is_live() {
            return Err(CareError::EntryClosed);
        }
        entry.state = EntryState::Withdrawn;
        if let Some(stay_id) = entry.displaced_stay_id {
            self.end_displaced(stay_id, EndCause::Left)?;
        }
        self.end_command()
    }

    /// Gives a displaced resident the first place for the next bed, from the day they were placed.
    pub(super) fn add_priority_entry(&mut self, stay: &Stay) {
        let id = self.fresh_id();
        let entry = WaitingEntry {
            id,
            facility_id: stay.facility_id,
            person_id: stay.person_id,
            rank: Rank::FIRST,
            priority: true,
            since: stay.placed_at,
            state: EntryState::Waiting,
            promised_bed_id: None,
            displaced_stay_id: Some(stay.id),
        };
        self.view.entries.insert(id, entry);
    }

    /// Ends the priority entry of a stay, where there is one.
    pub(super) fn withdraw_priority_entry(&mut self, stay_id: Uuid) {
        let live = self
            .view
            .entries
            .values_mut()
            .filter(|entry| entry.displaced_stay_id == Some(stay_id) && entry.state.is_live());
        for entry in live {
            entry.state = EntryState::Withdrawn;
        }
    }
}
