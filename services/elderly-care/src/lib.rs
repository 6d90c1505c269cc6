//! Facilities, beds, stays, the waiting list and offers

pub mod app;
pub mod domain;
pub mod storage;
pub mod transport;

use minzheng_chassis::module::Module;
use minzheng_proto::elderly_care::v1::elderly_care_service_server::ElderlyCareServiceServer;

use app::expire_offer::OffersDue;
use app::fingerprint::ElderlyCareInspect;
use app::merge_conflict::MergeConflictItem;
use app::settle_stay::SettleStayItem;
use transport::{Api, subscriptions};

/// The service `elderly-care` 养老服务.
pub fn module() -> Module {
    Module::named("elderly-care")
        .migrations(storage::MIGRATIONS)
        .rules(storage::RULES)
        .actions(transport::ACTIONS)
        .routes(|cx, routes| {
            let largest = cx.settings().grpc.max_message_bytes;
            let server = ElderlyCareServiceServer::new(Api::new(cx.clone()));
            routes.add_service(server.max_decoding_message_size(largest));
        })
        .subscription(subscriptions::follow_deaths)
        .subscription(subscriptions::follow_merges)
        .timer(OffersDue)
        .work(SettleStayItem)
        .work(MergeConflictItem)
        .inspect(ElderlyCareInspect)
}
