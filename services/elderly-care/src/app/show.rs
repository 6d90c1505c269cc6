//! What is kept → what is shown.

use std::collections::BTreeMap;

use jiff::civil::Date;
use minzheng_chassis::authz::Caller;
use minzheng_chassis::civil::PartialDate;
use minzheng_chassis::convert::{date_to_wire, instant_to_wire};
use minzheng_chassis::grpc::etag;
use minzheng_chassis::seam::Failure;
use minzheng_proto::common::v1 as common;
use minzheng_proto::elderly_care::v1 as pb;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::domain::{
    Bed, EndCause, EntryState, Facility, Filing, HeldFor, Offer, OfferState, Stay, StayState, Tier,
    WaitingEntry,
};
use crate::storage::events::bed_state_to_wire;
use crate::storage::find::{self, Stored};

pub(super) fn facility(stored: &Stored<Facility>) -> pb::Facility {
    let facility = &stored.of;
    pb::Facility {
        id: facility.id.to_string(),
        tier: tier_to_wire(facility.tier).into(),
        division: facility.division.to_string(),
        name: facility.name.clone(),
        filing: match facility.filing {
            Filing::Registered => pb::FilingState::Registered,
            Filing::Filed => pb::FilingState::Filed,
        }
        .into(),
        created_at: Some(instant_to_wire(stored.at)),
        etag: etag::of(stored.version),
    }
}

fn tier_to_wire(tier: Tier) -> pb::FacilityTier {
    match tier {
        Tier::County => pb::FacilityTier::County,
        Tier::Township => pb::FacilityTier::Township,
        Tier::Village => pb::FacilityTier::Village,
    }
}

/// Beds, each with whose it is.
///
/// # Errors
/// The database's.
pub(super) async fn beds(
    db: &impl ConnectionTrait,
    stored: &[Stored<Bed>],
) -> Result<Vec<pb::Bed>, Failure> {
    let stays = find::stays_of_beds(db, stored).await?;
    let residents: BTreeMap<Uuid, Uuid> = stays.iter().map(|it| (it.id, it.person_id)).collect();
    Ok(stored.iter().map(|it| bed(it, &residents)).collect())
}

/// A bed as it stands, by id.
///
/// # Errors
/// NOT_FOUND.
pub(super) async fn bed_by_id(
    db: &impl ConnectionTrait,
    caller: &Caller,
    id: Uuid,
) -> Result<pb::Bed, Failure> {
    let stored = find::bed(db, caller, id).await?;
    let shown = beds(db, &[stored]).await?.into_iter().next();
    shown.ok_or_else(|| Failure::internal("a bed was not shown"))
}

fn bed(stored: &Stored<Bed>, residents: &BTreeMap<Uuid, Uuid>) -> pb::Bed {
    let bed = &stored.of;
    let stay_id = bed.stay_id.filter(|_| bed.state.has_resident());
    let resident = stay_id.and_then(|id| residents.get(&id).copied());
    pb::Bed {
        id: bed.id.to_string(),
        facility_id: bed.facility_id.to_string(),
        label: bed.label.clone(),
        division: stored.division.to_string(),
        state: bed_state_to_wire(bed.state).into(),
        held_for: match bed.state.held_for() {
            None => pb::HeldFor::Unspecified,
            Some(HeldFor::Suspicion) => pb::HeldFor::Suspicion,
            Some(HeldFor::Settlement) => pb::HeldFor::Settlement,
            Some(HeldFor::Offer) => pb::HeldFor::Offer,
        }
        .into(),
        person_id: id_or_empty(resident),
        stay_id: id_or_empty(stay_id),
        changed_at: Some(instant_to_wire(stored.at)),
        etag: etag::of(stored.version),
    }
}

pub(super) fn stay(stored: &Stored<Stay>) -> Result<pb::Stay, Failure> {
    let stay = &stored.of;
    let end_cause = match stay.state.end_cause() {
        None => pb::EndCause::Unspecified,
        Some(EndCause::Death { .. }) => pb::EndCause::Death,
        Some(EndCause::Left) => pb::EndCause::Left,
        Some(EndCause::Replaced) => pb::EndCause::Replaced,
    };
    Ok(pb::Stay {
        id: stay.id.to_string(),
        person_id: stay.person_id.to_string(),
        facility_id: stay.facility_id.to_string(),
        bed_id: stay.bed_id.to_string(),
        division: stored.division.to_string(),
        state: match stay.state {
            StayState::Active => pb::StayState::Active,
            StayState::Held => pb::StayState::Held,
            StayState::AwaitingSettlement(_) => pb::StayState::AwaitingSettlement,
            StayState::Ended(_) => pb::StayState::Ended,
            StayState::Displaced => pb::StayState::Displaced,
        }
        .into(),
        end_cause: end_cause.into(),
        first_day: Some(day(stay.first_day)?),
        last_day: stay.last_day.map(day).transpose()?,
        last_day_provisional: stay.last_day_provisional,
        owed_fen: stay.owed_fen,
        placed_at: Some(instant_to_wire(stay.placed_at)),
        etag: etag::of(stored.version),
    })
}

pub(super) fn entry(stored: &Stored<WaitingEntry>) -> pb::WaitingEntry {
    let entry = &stored.of;
    pb::WaitingEntry {
        id: entry.id.to_string(),
        facility_id: entry.facility_id.to_string(),
        person_id: entry.person_id.to_string(),
        division: stored.division.to_string(),
        rank: entry.rank.number(),
        priority: entry.priority,
        since: Some(instant_to_wire(entry.since)),
        state: match entry.state {
            EntryState::Waiting => pb::WaitingState::Waiting,
            EntryState::Suspended => pb::WaitingState::Suspended,
            EntryState::Offered => pb::WaitingState::Offered,
            EntryState::Placed => pb::WaitingState::Placed,
            EntryState::Withdrawn => pb::WaitingState::Withdrawn,
        }
        .into(),
        etag: etag::of(stored.version),
    }
}

pub(super) fn offer(stored: &Stored<Offer>) -> pb::Offer {
    let offer = &stored.of;
    pb::Offer {
        id: offer.id.to_string(),
        facility_id: offer.facility_id.to_string(),
        bed_id: offer.bed_id.to_string(),
        waiting_entry_id: offer.entry_id.to_string(),
        person_id: offer.person_id.to_string(),
        division: stored.division.to_string(),
        state: match offer.state {
            OfferState::Open => pb::OfferState::Open,
            OfferState::Accepted => pb::OfferState::Accepted,
            OfferState::Declined => pb::OfferState::Declined,
            OfferState::Expired => pb::OfferState::Expired,
            OfferState::Withdrawn => pb::OfferState::Withdrawn,
        }
        .into(),
        made_at: Some(instant_to_wire(offer.made_at)),
        expires_at: Some(instant_to_wire(offer.expires_at)),
        closed_at: offer.closed_at.map(instant_to_wire),
        rule_id: offer.rule_id.to_string(),
        etag: etag::of(stored.version),
    }
}

fn day(date: Date) -> Result<common::PartialDate, Failure> {
    Ok(date_to_wire(
        PartialDate::of_day(date).map_err(Failure::internal)?,
    ))
}

fn id_or_empty(id: Option<Uuid>) -> String {
    id.as_ref().map(Uuid::to_string).unwrap_or_default()
}
