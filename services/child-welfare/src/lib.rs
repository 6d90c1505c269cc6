//! Children's files, guardianship, orphans and de facto unsupported children (product §6.3).

mod app;
pub mod domain;
pub mod storage;
mod transport;

use minzheng_chassis::module::Module;
use minzheng_proto::child_welfare::v1::child_welfare_service_server::ChildWelfareServiceServer;

use app::inspect::ChildWelfareInspect;
use app::review_child::Reviews;
use app::work_kinds::{ChildVisit, DetermineMonth};
use transport::grpc::Api;
use transport::subscriptions;

/// The service: start reading here.
pub fn module() -> Module {
    Module::named("child-welfare")
        .migrations(storage::MIGRATIONS)
        .rules(storage::RULES)
        .actions(transport::ACTIONS)
        .routes(|cx, routes| {
            let largest = cx.settings().grpc.max_message_bytes;
            let server = ChildWelfareServiceServer::new(Api::new(cx.clone()));
            routes.add_service(server.max_decoding_message_size(largest));
        })
        .subscription(subscriptions::follow_deaths)
        .subscription(subscriptions::follow_kinship)
        .subscription(subscriptions::follow_merges)
        .timer(Reviews)
        .work(ChildVisit)
        .work(DetermineMonth)
        .inspect(ChildWelfareInspect)
}
