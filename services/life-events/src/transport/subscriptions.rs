//! Everything that life-events listens to.

use minzheng_chassis::inbox::Subscription;
use minzheng_proto::life_events::v1::ReceiptIssued;
use minzheng_proto::residents::v1::{PersonEstablished, PersonMerged, PersonMoved, PersonRejected};

use crate::app::follow_merges::{FollowEstablishment, FollowMerge, FollowRejection};
use crate::app::follow_moves::FollowMove;
use crate::app::take_receipts::TakeReceipts;

/// What the departments answer.
pub fn take_receipts() -> Subscription {
    Subscription::named("life-events.take-receipts").on_set::<ReceiptIssued>(TakeReceipts)
}

/// What provisional records turn out to be, and where persons move: one subscription, so that both are heard
/// in the order in which residents said them of a person.
pub fn follow_merges() -> Subscription {
    Subscription::named("life-events.follow-merges")
        .on::<PersonMerged>(FollowMerge)
        .on::<PersonEstablished>(FollowEstablishment)
        .on::<PersonRejected>(FollowRejection)
        .on::<PersonMoved>(FollowMove)
}
