//! Everything that residents listens to.

use minzheng_chassis::inbox::Subscription;

use crate::app::mark_life_status::MarkLifeStatus;

/// The facts about deaths.
pub fn mark_life_status() -> Subscription {
    Subscription::named("residents.mark-life-status").on_set(MarkLifeStatus)
}
