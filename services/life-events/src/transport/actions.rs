//! Who may call what.

use minzheng_chassis::authz::Role::{
    Auditor, CountyClerk, ProvincialOperator, Reporter, Service, TownshipWorker,
};
use minzheng_chassis::authz::{Action, Audited, Role};

/// Those who report deaths.
const REPORTERS: &[Role] = &[Reporter, CountyClerk, TownshipWorker];

/// Those who see cases of their divisions, or what they reported themselves.
const READERS: &[Role] = &[
    Reporter,
    CountyClerk,
    TownshipWorker,
    ProvincialOperator,
    Auditor,
];

/// Those who decide.
const CLERKS: &[Role] = &[CountyClerk];

/// The township goes and looks whether somebody is dead.
const VERIFIERS: &[Role] = &[CountyClerk, TownshipWorker];

/// Whoever cremates, buries or hands over an estate asks first, from any county.
const PERFORMERS: &[Role] = &[Reporter, CountyClerk, TownshipWorker, Service];

macro_rules! action {
    ($method:literal, $roles:expr, $audited:ident) => {
        Action {
            method: concat!("minzheng.life_events.v1.DeathCaseService/", $method),
            roles: $roles,
            audited: Audited::$audited,
        }
    };
}

/// Every RPC.
pub const ACTIONS: &[Action] = &[
    action!("ReportDeath", REPORTERS, Change),
    action!("GetCase", READERS, No),
    action!("ListCases", READERS, No),
    action!("WatchCase", READERS, No),
    action!("DecideReview", CLERKS, Change),
    action!("DecideConflict", CLERKS, Change),
    action!("CompleteVerification", VERIFIERS, Change),
    action!("CorrectDeath", CLERKS, Change),
    action!("PrepareReversal", CLERKS, Change),
    action!("ApproveReversal", CLERKS, Change),
    action!("GetClearance", PERFORMERS, Change),
];
