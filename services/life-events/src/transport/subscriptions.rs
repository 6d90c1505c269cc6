//! Everything that life-events listens to.

use minzheng_chassis::inbox::Subscription;
use minzheng_proto::life_events::v1::ReceiptIssued;
use minzheng_proto::residents::v1::{PersonEstablished, PersonMerged, PersonRejected};

use crate::app::follow_merges::{FollowEstablishment, FollowMerge, FollowRejection};
use crate::app::take_receipts::TakeReceipts;

/// What the departments answer.
pub fn take_receipts() -> Subscription {
    Subscription::named("life-events.take-receipts").on::<ReceiptIssued>(TakeReceipts)
}

/// What provisional records turn out to be.
pub fn follow_merges() -> Subscription {
    Subscription::named("life-events.follow-merges")
        .on::<PersonMerged>(FollowMerge)
        .on::<PersonEstablished>(FollowEstablishment)
        .on::<PersonRejected>(FollowRejection)
}
