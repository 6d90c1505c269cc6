//! Everything elderly-care listens to. Names key inbox, parked events and position: never rename.

use minzheng_chassis::inbox::Subscription;
use minzheng_chassis::person::Fact;
use minzheng_proto::residents::v1::PersonMerged;

use crate::app::follow_deaths::FollowDeaths;
use crate::app::follow_merges::FollowMerges;

/// Beds and stays follow what is known of a death.
pub fn follow_deaths() -> Subscription {
    Subscription::named("elderly-care.follow-deaths").on_set::<Fact>(FollowDeaths)
}

/// Stays and places in queues follow a merged record to its survivor.
pub fn follow_merges() -> Subscription {
    Subscription::named("elderly-care.follow-merges").on::<PersonMerged>(FollowMerges)
}
