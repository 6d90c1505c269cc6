//! Work items (待办): what waits for a person, one thing in every service.

mod api;
mod change;
mod commands;
mod question;
pub(crate) mod table;
mod types;

use async_trait::async_trait;
use minzheng_proto::work::v1::work_service_server::WorkServiceServer;

pub use api::WorkApi;
pub use change::{cancel, change_open, complete_open, open, open_as};
pub use question::{Question, answer_done, questions, set_questions};
pub use table::{find, find_open, open_about};
pub use types::{NewWorkItem, Urgency, WorkItem, WorkState};

use crate::authz::{Action, Audited, Role};
use crate::seam::{Failure, UnitOfWork};

/// One kind of work item: who does it, how it may end, and what the service does then.
#[async_trait]
pub trait WorkKind: Send + Sync + 'static {
    /// Stable name, e.g. `child-visit`.
    fn name(&self) -> &'static str;

    /// How it may end. Empty: it is closed by another RPC of the service, not by completing it here.
    fn outcomes(&self) -> &'static [&'static str];

    /// What the service does when somebody closes an item, in the same transaction. The item's row is
    /// already closed; the questions that it answers are answered with "done" afterwards.
    async fn completed(
        &self,
        uow: &mut UnitOfWork,
        item: &WorkItem,
        outcome: &str,
    ) -> Result<(), Failure>;
}

/// The RPCs of work items.
pub const ACTIONS: &[Action] = &[
    Action {
        method: "minzheng.work.v1.WorkService/ListWorkItems",
        roles: EVERYBODY,
        audited: Audited::No,
    },
    Action {
        method: "minzheng.work.v1.WorkService/GetWorkItem",
        roles: EVERYBODY,
        audited: Audited::No,
    },
    Action {
        method: "minzheng.work.v1.WorkService/WatchWorkItems",
        roles: EVERYBODY,
        audited: Audited::No,
    },
    Action {
        method: "minzheng.work.v1.WorkService/ClaimWorkItem",
        roles: WORKERS,
        audited: Audited::Change,
    },
    Action {
        method: "minzheng.work.v1.WorkService/CompleteWorkItem",
        roles: WORKERS,
        audited: Audited::Change,
    },
];

const EVERYBODY: &[Role] = &[];
const WORKERS: &[Role] = &[
    Role::CountyClerk,
    Role::TownshipWorker,
    Role::ProvincialOperator,
];

/// The gRPC service.
pub(crate) fn server(api: WorkApi) -> WorkServiceServer<WorkApi> {
    WorkServiceServer::new(api)
}
