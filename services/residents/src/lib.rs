//! The only place with names and ID numbers: identity, matching, kinship, residence, life status

pub mod app;
pub mod domain;
pub mod storage;
pub mod transport;

use minzheng_chassis::module::Module;
use minzheng_proto::residents::v1::residents_service_server::ResidentsServiceServer;

use app::decide_match::DecideMatchItem;
use app::fingerprint::ResidentsInspect;
use transport::{Api, subscriptions};

/// The service `residents` 居民基础库.
pub fn module() -> Module {
    Module::named("residents")
        .migrations(storage::MIGRATIONS)
        .rules(storage::RULES)
        .actions(transport::ACTIONS)
        .routes(|cx, routes| {
            let largest = cx.settings().grpc.max_message_bytes;
            let server = ResidentsServiceServer::new(Api::new(cx.clone()));
            routes.add_service(server.max_decoding_message_size(largest));
        })
        .subscription(subscriptions::mark_life_status)
        .work(DecideMatchItem)
        .inspect(ResidentsInspect)
}
