//! Every event: its type string, its topic and its key, one line each.

use crate::topics::{self, Topic};
use crate::{child_welfare, elderly_care, life_events, residents};

/// A protobuf message that is published as an event.
pub trait EventType: prost::Message + Default + Clone + 'static {
    /// Type string: the message's full name.
    const TYPE: &'static str;
    /// The stream it goes to.
    const TOPIC: &'static Topic;
    /// The opaque id that orders it; empty only in a malformed message.
    fn key(&self) -> &str;
}

/// One line of the catalogue, for those who list it.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Type string.
    pub event_type: &'static str,
    /// Topic.
    pub topic: &'static Topic,
}

macro_rules! catalogue {
    ($($name:literal $message:path => $topic:path, $($key:ident).+;)*) => {
        $(impl EventType for $message {
            const TYPE: &'static str = $name;
            const TOPIC: &'static Topic = &$topic;
            fn key(&self) -> &str {
                catalogue!(@key self, $($key).+)
            }
        })*

        /// All events.
        pub const ALL: &[Entry] = &[$(Entry { event_type: $name, topic: &$topic }),*];
    };
    (@key $self:ident, fact.person_id) => {
        $self.fact.as_ref().map_or("", |fact| fact.person_id.as_str())
    };
    (@key $self:ident, $field:ident) => { $self.$field.as_str() };
}

catalogue! {
    "minzheng.residents.v1.PersonRegistered" residents::v1::PersonRegistered => topics::RESIDENTS_PERSON, person_id;
    "minzheng.residents.v1.PersonEstablished" residents::v1::PersonEstablished => topics::RESIDENTS_PERSON, person_id;
    "minzheng.residents.v1.PersonRejected" residents::v1::PersonRejected => topics::RESIDENTS_PERSON, person_id;
    "minzheng.residents.v1.PersonMoved" residents::v1::PersonMoved => topics::RESIDENTS_PERSON, person_id;
    "minzheng.residents.v1.PersonMerged" residents::v1::PersonMerged => topics::RESIDENTS_PERSON, person_id;
    "minzheng.residents.v1.KinshipChanged" residents::v1::KinshipChanged => topics::RESIDENTS_PERSON, person_id;
    "minzheng.life_events.v1.DeathSuspected" life_events::v1::DeathSuspected => topics::LIFE_EVENTS_DEATH, fact.person_id;
    "minzheng.life_events.v1.SuspicionLifted" life_events::v1::SuspicionLifted => topics::LIFE_EVENTS_DEATH, fact.person_id;
    "minzheng.life_events.v1.DeathConfirmed" life_events::v1::DeathConfirmed => topics::LIFE_EVENTS_DEATH, fact.person_id;
    "minzheng.life_events.v1.DeathCorrected" life_events::v1::DeathCorrected => topics::LIFE_EVENTS_DEATH, fact.person_id;
    "minzheng.life_events.v1.DeathReversed" life_events::v1::DeathReversed => topics::LIFE_EVENTS_DEATH, fact.person_id;
    "minzheng.life_events.v1.ReceiptIssued" life_events::v1::ReceiptIssued => topics::LIFE_EVENTS_RECEIPTS, person_id;
    "minzheng.elderly_care.v1.BedChanged" elderly_care::v1::BedChanged => topics::ELDERLY_CARE_BED, bed_id;
    "minzheng.child_welfare.v1.ChildSituationChanged" child_welfare::v1::ChildSituationChanged => topics::CHILD_WELFARE_CHILD, child_id;
}
