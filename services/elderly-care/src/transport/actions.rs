//! Every RPC: who may call it, and what is recorded of it.

use minzheng_chassis::authz::Role::{
    Auditor, CountyClerk, ProvincialOperator, Service, TownshipWorker,
};
use minzheng_chassis::authz::{Action, Audited, Role};

/// Those who see the facilities of their divisions, and the services.
const READERS: &[Role] = &[
    CountyClerk,
    TownshipWorker,
    ProvincialOperator,
    Auditor,
    Service,
];

/// Those who run facilities and place residents.
const CLERKS: &[Role] = &[CountyClerk];

/// Townships keep the waiting lists and bring the offers to people.
const TOWNSHIPS: &[Role] = &[CountyClerk, TownshipWorker];

macro_rules! action {
    ($method:literal, $roles:expr, $audited:ident) => {
        Action {
            method: concat!("minzheng.elderly_care.v1.ElderlyCareService/", $method),
            roles: $roles,
            audited: Audited::$audited,
        }
    };
}

/// Every RPC.
pub const ACTIONS: &[Action] = &[
    action!("CreateFacility", CLERKS, Change),
    action!("GetFacility", READERS, No),
    action!("ListFacilities", READERS, No),
    action!("CreateBed", CLERKS, Change),
    action!("GetBed", READERS, No),
    action!("ListBeds", READERS, No),
    action!("SetBedState", CLERKS, Change),
    action!("PlaceResident", CLERKS, Change),
    action!("EndStay", CLERKS, Change),
    action!("GetStay", READERS, No),
    action!("ListStays", READERS, No),
    action!("SetStayAccount", CLERKS, Change),
    action!("AddToWaitingList", TOWNSHIPS, Change),
    action!("WithdrawFromWaitingList", TOWNSHIPS, Change),
    action!("ListWaitingList", READERS, No),
    action!("AcceptOffer", TOWNSHIPS, Change),
    action!("DeclineOffer", TOWNSHIPS, Change),
    action!("GetOffer", READERS, No),
    action!("ListOffers", READERS, No),
];
