//! What each fact about a death does here (product §4.2 row 04).
//!
//! A fact is complete: it says whether the person lives, and stay and entries are set to what that
//! demands from whatever state they are in. So a service that missed the suspicion ends right with
//! the confirmation, and one that missed the confirmation with the correction or the reversal.

use jiff::civil::Date;
use minzheng_chassis::civil::PartialDate;
use uuid::Uuid;

use super::answer::{Answer, answers};
use super::bed::{BedState, HeldFor};
use super::desk::Desk;
use super::errors::CareError;
use super::person::Life;
use super::stay::{EndCause, StayState};
use super::waiting::EntryState;
use super::work::{WorkEffect, WorkKind};

/// Which of the five facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FactKind {
    /// Suspected.
    Suspected,
    /// The suspicion is lifted.
    Lifted,
    /// Confirmed.
    Confirmed,
    /// The date was corrected.
    Corrected,
    /// The death did not happen.
    Reversed,
}

/// What a fact announces, as far as it concerns beds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeathFact {
    /// Which fact.
    pub kind: FactKind,
    /// The person.
    pub person_id: Uuid,
    /// The death case.
    pub case_id: Uuid,
    /// Date of death with its precision.
    pub died_on: PartialDate,
}

impl DeathFact {
    /// Whether the person lives, as it announces.
    pub fn life(&self) -> Life {
        match self.kind {
            FactKind::Suspected => Life::Suspected,
            FactKind::Lifted | FactKind::Reversed => Life::Alive,
            FactKind::Confirmed | FactKind::Corrected => Life::Dead {
                case_id: self.case_id,
                died_on: self.died_on,
            },
        }
    }
}

impl Desk<'_> {
    /// Hears a fact that is not older than the latest one heard of the person, and answers each
    /// question that it asks.
    ///
    /// # Errors
    /// A row was not loaded.
    pub fn hear(&mut self, fact: &DeathFact) -> Result<Vec<Answer>, CareError> {
        self.live_as(fact.person_id, fact.life())?;
        self.allocate()?;
        let stay = self.view.standing_stay(fact.person_id);
        Ok(answers(fact.kind, stay))
    }

    /// Sets stay and entries of a person to what their life status demands.
    pub(super) fn live_as(&mut self, person_id: Uuid, life: Life) -> Result<(), CareError> {
        if let Some(stay_id) = self.view.standing_stay(person_id).map(|stay| stay.id) {
            match life {
                Life::Alive => self.restore(stay_id)?,
                Life::Suspected => {
                    self.restore(stay_id)?;
                    self.hold(stay_id)?;
                }
                Life::Dead { case_id, died_on } => {
                    self.end_by_death(stay_id, case_id, died_on)?;
                }
            }
        }
        let alive = life == Life::Alive;
        for entry in self.view.entries.values_mut() {
            if entry.person_id != person_id {
                continue;
            }
            entry.state = match entry.state {
                EntryState::Waiting | EntryState::Offered if !alive => EntryState::Suspended,
                EntryState::Suspended if alive => EntryState::Waiting,
                state => state,
            };
        }
        Ok(())
    }

    /// The stay stands again in its bed; where that was let anew, the resident is displaced and has
    /// priority for the next one.
    fn restore(&mut self, stay_id: Uuid) -> Result<(), CareError> {
        let stay = self.stay(stay_id)?;
        match stay.state {
            StayState::Displaced => return Ok(()),
            StayState::AwaitingSettlement(_) => self.work(WorkEffect::Cancel {
                kind: WorkKind::SettleStay,
                subject_id: stay_id,
            }),
            StayState::Active | StayState::Held | StayState::Ended(_) => {}
        }
        let bed_id = self.stay(stay_id)?.bed_id;
        let bed = self.bed_mut(bed_id)?;
        let has_claim = bed.stay_id == Some(stay_id);
        if has_claim {
            bed.state = BedState::Occupied;
            bed.vacancy_id = None;
        }
        let stay = self.stay_mut(stay_id)?;
        stay.last_day = None;
        stay.last_day_provisional = false;
        if has_claim {
            stay.state = StayState::Active;
            return Ok(());
        }
        stay.state = StayState::Displaced;
        let stay = stay.clone();
        self.add_priority_entry(&stay);
        Ok(())
    }

    /// Holds the bed of a suspected resident.
    fn hold(&mut self, stay_id: Uuid) -> Result<(), CareError> {
        let stay = self.stay_mut(stay_id)?;
        if stay.state != StayState::Active {
            return Ok(());
        }
        stay.state = StayState::Held;
        let bed_id = stay.bed_id;
        self.bed_mut(bed_id)?.state = BedState::Held(HeldFor::Suspicion);
        Ok(())
    }

    fn end_by_death(
        &mut self,
        stay_id: Uuid,
        case_id: Uuid,
        died_on: PartialDate,
    ) -> Result<(), CareError> {
        self.withdraw_priority_entry(stay_id);
        let stay = self.stay_mut(stay_id)?;
        let (last_day, provisional) = last_day(died_on, stay.first_day);
        stay.last_day = last_day;
        stay.last_day_provisional = provisional;
        self.finish(stay_id, EndCause::Death { case_id })
    }
}

/// The last day of a stay that a death ends: the day of death; services end the day after. Of a
/// date without its day it is the earliest day it can be, provisionally, so that the family is
/// charged no day that may lie after the death; a correction adds the days. Never before the first
/// day of the stay. None while nothing is known of the date.
fn last_day(died_on: PartialDate, first_day: Date) -> (Option<Date>, bool) {
    let last_day = died_on.earliest().map(|day| day.max(first_day));
    (last_day, died_on.day().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn last_days_of_every_precision() {
        let first = date(2026, 1, 10);
        let cases = [
            ("2026-03-04", Some(date(2026, 3, 4)), false),
            ("2026-03", Some(date(2026, 3, 1)), true),
            ("2026-01", Some(first), true),
            ("2026", Some(first), true),
            ("2025-12-31", Some(first), false),
            ("unknown", None, true),
        ];
        for (text, day, provisional) in cases {
            let died_on: PartialDate = text.parse().unwrap();
            assert_eq!(last_day(died_on, first), (day, provisional), "{text}");
        }
    }
}
