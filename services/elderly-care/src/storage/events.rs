//! The only place where what was decided becomes a message with a topic and a key.

use minzheng_chassis::seam::{Failure, UnitOfWork};
use minzheng_proto::elderly_care::v1 as pb;
use uuid::Uuid;

use crate::domain::{BedChange, BedState};

/// Publishes that a bed's state changed.
///
/// # Errors
/// It is larger than a topic takes.
pub fn bed_changed(uow: &mut UnitOfWork, change: &BedChange) -> Result<(), Failure> {
    let person_id = change.person_id.as_ref().map(Uuid::to_string);
    let message = pb::BedChanged {
        bed_id: change.bed_id.to_string(),
        facility_id: change.facility_id.to_string(),
        division: change.division.to_string(),
        state: bed_state_to_wire(change.state).into(),
        person_id: person_id.unwrap_or_default(),
    };
    uow.publish(&message, Some(change.division))
}

/// A bed's state for the wire: held is held.
pub fn bed_state_to_wire(state: BedState) -> pb::BedState {
    match state {
        BedState::Planned => pb::BedState::Planned,
        BedState::Free => pb::BedState::Free,
        BedState::Held(_) => pb::BedState::Held,
        BedState::Occupied => pb::BedState::Occupied,
        BedState::UnderRepair => pb::BedState::UnderRepair,
        BedState::Retired => pb::BedState::Retired,
    }
}
