//! Everything this service listens to.

use minzheng_chassis::inbox::Subscription;
use minzheng_chassis::person::Fact;
use minzheng_proto::residents::v1 as residents;

use crate::app::follow_deaths::FollowDeaths;
use crate::app::follow_kinship::{FollowKinship, FollowMoves};
use crate::app::follow_merges::FollowMerges;

/// Deaths of children and of those around them; answers the questions of every case.
pub fn follow_deaths() -> Subscription {
    Subscription::named("child-welfare.follow-deaths").on_set::<Fact>(FollowDeaths)
}

/// Whom children have, and where they live.
pub fn follow_kinship() -> Subscription {
    Subscription::named("child-welfare.follow-kinship")
        .on::<residents::KinshipChanged>(FollowKinship)
        .on::<residents::PersonMoved>(FollowMoves)
}

/// Records that turned out to be somebody known.
pub fn follow_merges() -> Subscription {
    Subscription::named("child-welfare.follow-merges").on::<residents::PersonMerged>(FollowMerges)
}
