//! The numbers that life-events decides with, as dated rows.

use minzheng_chassis::civil::today;
use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::rule::{self, Rule, Seed};
use minzheng_chassis::seam::{Failure, UnitOfWork};

use crate::domain::death::{Term, Terms};

/// Programme of life-events' own rules.
pub const PROGRAMME: &str = "life-events";
/// Working days that a verification may take; what a suspicion suspends lapses after them.
pub const VERIFY_DAYS: &str = "verify-death-days";
/// Working days within which a review, a conflict or a reversal is to be decided.
pub const DECIDE_DAYS: &str = "decide-days";
/// Minutes for which a clearance holds.
pub const CLEARANCE_MINUTES: &str = "clearance-minutes";

const fn seed(
    key: &'static str,
    value: i64,
    unit: &'static str,
    legal_basis: &'static str,
) -> Seed {
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
    seed(
        VERIFY_DAYS,
        5,
        "working_days",
        "cfg: no statute sets a period; a pause must not outlast a week",
    ),
    seed(
        DECIDE_DAYS,
        3,
        "working_days",
        "cfg: no statute sets a period",
    ),
    seed(
        CLEARANCE_MINUTES,
        30,
        "minutes",
        "cfg: no statute sets a period; long enough for the act at hand",
    ),
];

/// How long what waits for a person may take, in a division today.
///
/// # Errors
/// NO_RULE, or the database's.
pub async fn terms(uow: &UnitOfWork, division: DivisionCode) -> Result<Terms, Failure> {
    Ok(Terms::Read {
        verify: term(&find(uow, VERIFY_DAYS, division).await?)?,
        decide: term(&find(uow, DECIDE_DAYS, division).await?)?,
    })
}

/// One rule of life-events, in a division today.
///
/// # Errors
/// NO_RULE, or the database's.
pub async fn find(uow: &UnitOfWork, key: &str, division: DivisionCode) -> Result<Rule, Failure> {
    rule::find(uow.connection(), PROGRAMME, key, division, today(uow.now())).await
}

fn term(rule: &Rule) -> Result<Term, Failure> {
    let days = u32::try_from(rule.value);
    let working_days =
        days.map_err(|_| Failure::internal("a rule sets a negative number of days"))?;
    Ok(Term {
        working_days,
        rule_id: rule.id,
    })
}
