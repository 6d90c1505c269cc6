//! The numbers that residents decides with, as dated rows.

use minzheng_chassis::rule::Seed;

/// Programme of residents' own rules.
pub const PROGRAMME: &str = "residents";
/// Working days within which a provisional record is to be decided.
pub const DECIDE_MATCH_DAYS: &str = "decide-match-days";

/// The rows that come with the service.
pub const RULES: &[Seed] = &[Seed {
    programme: PROGRAMME,
    key: DECIDE_MATCH_DAYS,
    division: "520000000000",
    value: 1,
    unit: "working_days",
    valid_from: "2020-01-01",
    legal_basis: "cfg: no statute sets a period; one working day, since the family waits",
}];
