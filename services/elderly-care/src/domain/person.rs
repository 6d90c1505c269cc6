//! What is known of a person when something is decided about them (the guard row).

use minzheng_chassis::civil::PartialDate;
use uuid::Uuid;

use super::errors::CareError;

/// Whether somebody lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// Alive, as far as anybody told.
    Alive,
    /// Somebody says they died; not confirmed.
    Suspected,
    /// Dead.
    Dead {
        /// The death case.
        case_id: Uuid,
        /// Date of death with its precision.
        died_on: PartialDate,
    },
}

/// A person as the guard row knows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The person; the survivor of a merged record.
    pub person_id: Uuid,
    /// Whether they live.
    pub life: Life,
}

impl Known {
    /// Refuses who is dead or suspected to be.
    pub(super) fn must_live(&self) -> Result<(), CareError> {
        match self.life {
            Life::Alive => Ok(()),
            Life::Suspected | Life::Dead { .. } => Err(CareError::PersonNotAlive),
        }
    }
}
