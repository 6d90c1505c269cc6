//! How operators look into a service: nothing but the service opens its database; the CLI asks.

mod api;
pub mod checks;
mod dead_letters;
mod sampler;
mod verify;

use minzheng_proto::operations::v1::operations_service_server::OperationsServiceServer;

pub use api::OperationsApi;
pub(crate) use sampler::Sampler;

use crate::authz::{Action, Audited, Role};

const OPERATORS: &[Role] = &[Role::ProvincialOperator];
const READERS: &[Role] = &[Role::ProvincialOperator, Role::Auditor];

macro_rules! method {
    ($name:literal, $roles:expr, $audited:expr) => {
        Action {
            method: concat!("minzheng.operations.v1.OperationsService/", $name),
            roles: $roles,
            audited: $audited,
        }
    };
}

/// The RPCs of operators.
pub const ACTIONS: &[Action] = &[
    method!("ListDeadLetters", READERS, Audited::No),
    method!("GetDeadLetter", READERS, Audited::No),
    method!("ReplayDeadLetter", OPERATORS, Audited::Change),
    method!("DiscardDeadLetter", OPERATORS, Audited::Change),
    method!("ListPositions", READERS, Audited::No),
    method!("ListStreamGaps", READERS, Audited::No),
    method!("GetOutbox", READERS, Audited::No),
    method!("GetFingerprint", READERS, Audited::No),
    method!("Verify", READERS, Audited::No),
];

/// The gRPC service.
pub(crate) fn server(api: OperationsApi) -> OperationsServiceServer<OperationsApi> {
    OperationsServiceServer::new(api)
}
