//! The rule rows that this service brings, and those in force for a child.

use jiff::civil::Date;
use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::rule::{self, Seed};
use minzheng_chassis::seam::Failure;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::domain::Rules;

/// [`DivisionCode::GUIZHOU`], as rule rows name it.
const GUIZHOU: &str = "520000000000";
const PROGRAMME: &str = "child-welfare";
const SEPARATION_MONTHS: &str = "separation_months";
const VISIT_HOURS: &str = "visit_hours";
const MONTH_DAYS: &str = "month_days";

/// The rows that a migration seeds.
pub const RULES: &[Seed] = &[
    Seed {
        programme: PROGRAMME,
        key: SEPARATION_MONTHS,
        division: GUIZHOU,
        value: 6,
        unit: "months",
        valid_from: "2020-01-01",
        legal_basis: "民发〔2019〕62号；民发〔2020〕125号",
    },
    // cfg: product §4.2 row 12 names the hours as a setting, the article asks for help without delay.
    Seed {
        programme: PROGRAMME,
        key: VISIT_HOURS,
        division: GUIZHOU,
        value: 24,
        unit: "hours",
        valid_from: "2020-01-01",
        legal_basis: "demo; 未成年人保护法第92—94条",
    },
    // demo: no text fixes it; in proportion to the 15 working days of a confirmation.
    Seed {
        programme: PROGRAMME,
        key: MONTH_DAYS,
        division: GUIZHOU,
        value: 15,
        unit: "days",
        valid_from: "2020-01-01",
        legal_basis: "demo; 民发〔2019〕62号",
    },
];

/// The numbers in force, and the rows they come from; the rows are stored with what they decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InForce {
    /// The numbers.
    pub rules: Rules,
    /// The rows.
    pub rows: RuleRows,
}

/// Ids of rule rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleRows {
    /// Months from which a separation counts.
    pub separation: Uuid,
    /// Hours within which a visit is due.
    pub visit: Uuid,
    /// Days within which a month is determined.
    pub month: Uuid,
}

/// The rules of a division on a day. For a child who lives outside the province its own rules are
/// not known here: the province's are followed.
///
/// # Errors
/// NO_RULE, if a row is missing: never a zero. INTERNAL, if a number is absurd.
pub async fn in_force(
    db: &impl ConnectionTrait,
    division: DivisionCode,
    day: Date,
) -> Result<InForce, Failure> {
    let place = match DivisionCode::GUIZHOU.contains(division) {
        true => division,
        false => DivisionCode::GUIZHOU,
    };
    let separation = rule::find(db, PROGRAMME, SEPARATION_MONTHS, place, day).await?;
    let visit = rule::find(db, PROGRAMME, VISIT_HOURS, place, day).await?;
    let month = rule::find(db, PROGRAMME, MONTH_DAYS, place, day).await?;
    let rules = Rules {
        separation_months: i32::try_from(separation.value).map_err(Failure::internal)?,
        visit_hours: visit.value,
        month_days: month.value,
    };
    let rows = RuleRows {
        separation: separation.id,
        visit: visit.id,
        month: month.id,
    };
    Ok(InForce { rules, rows })
}
