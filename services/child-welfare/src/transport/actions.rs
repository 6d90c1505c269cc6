//! Every RPC, once: who may call it and what is recorded.

use minzheng_chassis::authz::{Action, Audited, Role};

const READERS: &[Role] = &[
    Role::CountyClerk,
    Role::TownshipWorker,
    Role::ProvincialOperator,
    Role::Auditor,
    Role::Service,
];

/// What the county decides.
const CLERKS: &[Role] = &[Role::CountyClerk];

/// What a visit of the township finds.
const VISITORS: &[Role] = &[Role::CountyClerk, Role::TownshipWorker];

const fn reads(method: &'static str) -> Action {
    Action {
        method,
        roles: READERS,
        audited: Audited::No,
    }
}

const fn changes(method: &'static str, roles: &'static [Role]) -> Action {
    Action {
        method,
        roles,
        audited: Audited::Change,
    }
}

/// The table.
pub const ACTIONS: &[Action] = &[
    reads("minzheng.child_welfare.v1.ChildWelfareService/GetChild"),
    reads("minzheng.child_welfare.v1.ChildWelfareService/ListChildren"),
    changes(
        "minzheng.child_welfare.v1.ChildWelfareService/OpenChildFile",
        CLERKS,
    ),
    changes(
        "minzheng.child_welfare.v1.ChildWelfareService/RecordParentSituation",
        CLERKS,
    ),
    changes(
        "minzheng.child_welfare.v1.ChildWelfareService/EndParentSituation",
        CLERKS,
    ),
    changes(
        "minzheng.child_welfare.v1.ChildWelfareService/AppointGuardian",
        CLERKS,
    ),
    changes(
        "minzheng.child_welfare.v1.ChildWelfareService/EndGuardianship",
        CLERKS,
    ),
    changes(
        "minzheng.child_welfare.v1.ChildWelfareService/RecordCarerAbility",
        VISITORS,
    ),
    changes(
        "minzheng.child_welfare.v1.ChildWelfareService/DetermineStartMonth",
        CLERKS,
    ),
];
