//! Who may call what.

use minzheng_chassis::authz::Role::{
    Auditor, CountyClerk, ProvincialOperator, Service, TownshipWorker,
};
use minzheng_chassis::authz::{Action, Audited, Role};

/// Those who see persons of their divisions, and the services.
const READERS: &[Role] = &[
    CountyClerk,
    TownshipWorker,
    ProvincialOperator,
    Auditor,
    Service,
];

/// Those who keep the register.
const CLERKS: &[Role] = &[CountyClerk];

macro_rules! action {
    ($method:literal, $roles:expr, $audited:ident) => {
        Action {
            method: concat!("minzheng.residents.v1.ResidentsService/", $method),
            roles: $roles,
            audited: Audited::$audited,
        }
    };
}

/// Every RPC.
pub const ACTIONS: &[Action] = &[
    action!("RegisterPerson", CLERKS, Change),
    action!("GetPerson", READERS, Look),
    action!("ListPersons", READERS, No),
    // The whole province, but an answer and an id only.
    action!("Match", &[CountyClerk, TownshipWorker, Service], No),
    action!("ResolveOrProvision", &[Service], Change),
    action!("DecideMatch", &[CountyClerk, Service], Change),
    action!("CorrectIdentity", CLERKS, Change),
    action!("MovePerson", CLERKS, Change),
    action!("RecordKinship", CLERKS, Change),
    action!("EndKinship", CLERKS, Change),
    action!("ListKin", READERS, No),
    action!("ListDependants", &[Service], No),
    action!("PutHousehold", CLERKS, Change),
    action!("GetHousehold", READERS, No),
];
