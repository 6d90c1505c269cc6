//! Rows and the domain's own types, both ways.

use std::fmt::Display;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use minzheng_chassis::civil::{from_micros, micros};
use minzheng_chassis::division::DivisionCode;
use sea_orm::DbErr;

use super::entity::{bed, bed_pass, facility, offer, stay, waiting_entry};
use crate::domain::{
    Bed, BedState, EntryState, Facility, Filing, HeldFor, Offer, OfferState, Pass, Passing, Rank,
    Stay, StayState, Tier, WaitingEntry,
};

/// What a row has beside the aggregate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    /// The facility's division.
    pub(super) division: DivisionCode,
    /// Version that the row is saved under.
    pub(super) version: i64,
}

fn bad(column: &str, cause: impl Display) -> DbErr {
    DbErr::Type(format!("column {column}: {cause}"))
}

/// A text that stands for a value.
pub(super) fn parse<T>(column: &str, text: &str) -> Result<T, DbErr>
where
    T: FromStr,
    T::Err: Display,
{
    text.parse().map_err(|error| bad(column, error))
}

fn named<T>(column: &str, value: Option<T>) -> Result<T, DbErr> {
    value.ok_or_else(|| bad(column, "no such value"))
}

/// An instant in microseconds.
pub(super) fn instant(column: &str, value: i64) -> Result<Timestamp, DbErr> {
    from_micros(value).map_err(|error| bad(column, error))
}

pub(super) fn facility(row: &facility::Model) -> Result<Facility, DbErr> {
    Ok(Facility {
        id: row.id,
        tier: named("tier", Tier::named(&row.tier))?,
        division: parse("division", &row.division)?,
        name: row.name.clone(),
        filing: named("filing", Filing::named(&row.filing))?,
    })
}

pub(super) fn facility_row(facility: &Facility, created_at: Timestamp) -> facility::Model {
    facility::Model {
        id: facility.id,
        tier: facility.tier.name().to_owned(),
        division: facility.division.to_string(),
        name: facility.name.clone(),
        filing: facility.filing.name().to_owned(),
        created_at: micros(created_at),
        allocation_version: 1,
        version: 1,
    }
}

pub(super) fn bed(row: &bed::Model) -> Result<Bed, DbErr> {
    let state = BedState::named(&row.state, row.held_for.as_deref());
    Ok(Bed {
        id: row.id,
        facility_id: row.facility_id,
        label: row.label.clone(),
        state: named("state", state)?,
        stay_id: row.stay_id,
        vacancy_id: row.vacancy_id,
    })
}

pub(super) fn bed_row(bed: &Bed, stamp: Stamp, changed_at: Timestamp) -> bed::Model {
    bed::Model {
        id: bed.id,
        facility_id: bed.facility_id,
        division: stamp.division.to_string(),
        label: bed.label.clone(),
        state: bed.state.name().to_owned(),
        held_for: bed.state.held_for().map(HeldFor::name).map(str::to_owned),
        stay_id: bed.stay_id,
        vacancy_id: bed.vacancy_id,
        changed_at: micros(changed_at),
        version: stamp.version,
    }
}

pub(super) fn stay(row: &stay::Model) -> Result<Stay, DbErr> {
    let state = StayState::named(&row.state, row.end_cause.as_deref(), row.case_id);
    let last_day = row.last_day.as_deref();
    let last_day = last_day.map(|text| parse::<Date>("last_day", text));
    Ok(Stay {
        id: row.id,
        person_id: row.person_id,
        facility_id: row.facility_id,
        bed_id: row.bed_id,
        placed_at: instant("placed_at", row.placed_at)?,
        first_day: parse("first_day", &row.first_day)?,
        state: named("state", state)?,
        last_day: last_day.transpose()?,
        last_day_provisional: row.last_day_provisional,
        owed_fen: row.owed_fen,
    })
}

pub(super) fn stay_row(stay: &Stay, stamp: Stamp) -> stay::Model {
    let cause = stay.state.end_cause();
    stay::Model {
        id: stay.id,
        person_id: stay.person_id,
        facility_id: stay.facility_id,
        bed_id: stay.bed_id,
        division: stamp.division.to_string(),
        placed_at: micros(stay.placed_at),
        first_day: stay.first_day.to_string(),
        state: stay.state.name().to_owned(),
        end_cause: cause.map(|cause| cause.name().to_owned()),
        case_id: cause.and_then(|cause| cause.case_id()),
        last_day: stay.last_day.map(|day| day.to_string()),
        last_day_provisional: stay.last_day_provisional,
        owed_fen: stay.owed_fen,
        version: stamp.version,
    }
}

pub(super) fn entry(row: &waiting_entry::Model) -> Result<WaitingEntry, DbErr> {
    Ok(WaitingEntry {
        id: row.id,
        facility_id: row.facility_id,
        person_id: row.person_id,
        rank: Rank::new(row.rank).map_err(|error| bad("rank", error))?,
        priority: row.priority,
        since: instant("since", row.since)?,
        state: named("state", EntryState::named(&row.state))?,
        promised_bed_id: row.promised_bed_id,
        displaced_stay_id: row.displaced_stay_id,
    })
}

pub(super) fn entry_row(entry: &WaitingEntry, stamp: Stamp) -> waiting_entry::Model {
    waiting_entry::Model {
        id: entry.id,
        facility_id: entry.facility_id,
        person_id: entry.person_id,
        division: stamp.division.to_string(),
        rank: entry.rank.number(),
        priority: entry.priority,
        since: micros(entry.since),
        place: place(entry),
        state: entry.state.name().to_owned(),
        promised_bed_id: entry.promised_bed_id,
        displaced_stay_id: entry.displaced_stay_id,
        version: stamp.version,
    }
}

/// [`WaitingEntry::place`] without the person as one number: a bit for the priority, four for the
/// rank, 56 for the microseconds, which last until the year 4253.
fn place(entry: &WaitingEntry) -> i64 {
    let since = micros(entry.since).clamp(0, (1 << 56) - 1);
    (i64::from(!entry.priority) << 60) | (i64::from(entry.rank.number()) << 56) | since
}

pub(super) fn offer(row: &offer::Model) -> Result<Offer, DbErr> {
    let closed_at = row.closed_at.map(|value| instant("closed_at", value));
    Ok(Offer {
        id: row.id,
        facility_id: row.facility_id,
        bed_id: row.bed_id,
        entry_id: row.entry_id,
        person_id: row.person_id,
        state: named("state", OfferState::named(&row.state))?,
        made_at: instant("made_at", row.made_at)?,
        expires_at: instant("expires_at", row.expires_at)?,
        closed_at: closed_at.transpose()?,
        rule_id: row.rule_id,
    })
}

pub(super) fn offer_row(offer: &Offer, stamp: Stamp) -> offer::Model {
    offer::Model {
        id: offer.id,
        facility_id: offer.facility_id,
        bed_id: offer.bed_id,
        entry_id: offer.entry_id,
        person_id: offer.person_id,
        division: stamp.division.to_string(),
        state: offer.state.name().to_owned(),
        made_at: micros(offer.made_at),
        expires_at: micros(offer.expires_at),
        closed_at: offer.closed_at.map(micros),
        rule_id: offer.rule_id,
        version: stamp.version,
    }
}

pub(super) fn pass(row: &bed_pass::Model) -> Result<(Pass, Passing), DbErr> {
    let pass = Pass {
        bed_id: row.bed_id,
        vacancy_id: row.vacancy_id,
        person_id: row.person_id,
    };
    let how = match u32::try_from(row.lapses).map_err(|error| bad("lapses", error))? {
        0 => Passing::Declined,
        times => Passing::Lapsed(times),
    };
    Ok((pass, how))
}

pub(super) fn pass_row((pass, how): &(Pass, Passing)) -> bed_pass::Model {
    bed_pass::Model {
        bed_id: pass.bed_id,
        vacancy_id: pass.vacancy_id,
        person_id: pass.person_id,
        lapses: match how {
            Passing::Declined => 0,
            Passing::Lapsed(times) => i32::try_from(*times).unwrap_or(i32::MAX),
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn entry_at(priority: bool, rank: i32, micros: i64) -> WaitingEntry {
        WaitingEntry {
            id: Uuid::nil(),
            facility_id: Uuid::nil(),
            person_id: Uuid::nil(),
            rank: Rank::new(rank).unwrap(),
            priority,
            since: from_micros(micros).unwrap(),
            state: EntryState::Waiting,
            promised_bed_id: None,
            displaced_stay_id: None,
        }
    }

    proptest! {
        #[test]
        fn the_stored_place_orders_as_the_domain_does(
            one in (any::<bool>(), 1..=5, 0..4_000_000_000_000_000_i64),
            two in (any::<bool>(), 1..=5, 0..4_000_000_000_000_000_i64),
        ) {
            let one = entry_at(one.0, one.1, one.2);
            let two = entry_at(two.0, two.1, two.2);
            prop_assert_eq!(place(&one).cmp(&place(&two)), one.place().cmp(&two.place()));
        }
    }
}
