//! The numbers that elderly-care decides with, as dated rows.

use jiff::Timestamp;
use minzheng_chassis::calendar::{Deadline, WorkingCalendar};
use minzheng_chassis::civil::today;
use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::rule::{self, Seed};
use minzheng_chassis::seam::Failure;
use sea_orm::ConnectionTrait;

use crate::domain::{OfferTerms, WorkKind};

/// Programme of the service's own rules.
const PROGRAMME: &str = "elderly-care";
/// Hours that an offer stands.
const OFFER_HOURS: &str = "offer-hours";
/// Days within which a stay is to be settled; 0 is the same day.
const SETTLE_STAY_DAYS: &str = "settle-stay-days";
/// Days within which somebody looks at two records that turned out to be one person.
const MERGE_CONFLICT_DAYS: &str = "merge-conflict-days";

const fn cfg(key: &'static str, value: i64, unit: &'static str, legal_basis: &'static str) -> Seed {
    Seed {
        programme: PROGRAMME,
        key,
        division: "520000000000",
        value,
        unit,
        valid_from: "2020-01-01",
        legal_basis,
    }
}

/// The rows that come with the service.
pub const RULES: &[Seed] = &[
    cfg(
        OFFER_HOURS,
        48,
        "hours",
        "cfg: no statute sets the period; an offer binds until it is over (民法典第476条, to be confirmed)",
    ),
    cfg(
        SETTLE_STAY_DAYS,
        0,
        "days",
        "cfg: no statute sets a period; the same day, or the next working day (民法典第203条)",
    ),
    cfg(
        MERGE_CONFLICT_DAYS,
        1,
        "days",
        "cfg: no statute sets a period; one day, or the next working day (民法典第203条)",
    ),
];

/// The terms on which a facility of a division offers beds on the day of an instant.
///
/// # Errors
/// NO_RULE.
pub(super) async fn terms(
    db: &impl ConnectionTrait,
    division: DivisionCode,
    now: Timestamp,
) -> Result<OfferTerms, Failure> {
    let rule = rule::find(db, PROGRAMME, OFFER_HOURS, division, today(now)).await?;
    Ok(OfferTerms {
        valid_hours: positive(&rule)?,
        rule_id: rule.id,
    })
}

/// The last day of a work item opened now.
///
/// # Errors
/// NO_RULE.
pub async fn due(
    db: &impl ConnectionTrait,
    kind: WorkKind,
    division: DivisionCode,
    now: Timestamp,
) -> Result<Deadline, Failure> {
    let key = match kind {
        WorkKind::SettleStay => SETTLE_STAY_DAYS,
        WorkKind::MergeConflict => MERGE_CONFLICT_DAYS,
    };
    let rule = rule::find(db, PROGRAMME, key, division, today(now)).await?;
    Ok(WorkingCalendar::shipped().legal_deadline(today(now), positive(&rule)?))
}

fn positive(rule: &rule::Rule) -> Result<u32, Failure> {
    u32::try_from(rule.value)
        .map_err(|_| Failure::internal(format!("rule {} is out of range", rule.id)))
}
