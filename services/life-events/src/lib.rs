//! Death evidence, cases, the plan, deadlines: the process manager

pub mod app;
pub mod domain;
pub mod storage;
pub mod transport;

use minzheng_chassis::module::Module;
use minzheng_proto::life_events::v1::death_case_service_server::DeathCaseServiceServer;

use app::answers_overdue::AnswerDeadline;
use app::decisions_overdue::DecisionDeadline;
use app::fingerprint::CaseInspect;
use app::lapse_verification::VerificationDeadline;
use app::work::CaseItem;
use domain::death::ItemKind;
use transport::{Api, subscriptions};

/// The service `life-events` 人生事件.
pub fn module() -> Module {
    Module::named("life-events")
        .migrations(storage::MIGRATIONS)
        .rules(storage::RULES)
        .actions(transport::ACTIONS)
        .routes(|cx, routes| {
            let largest = cx.settings().grpc.max_message_bytes;
            let server = DeathCaseServiceServer::new(Api::new(cx.clone()));
            routes.add_service(server.max_decoding_message_size(largest));
        })
        .subscription(subscriptions::take_receipts)
        .subscription(subscriptions::follow_merges)
        .timer(VerificationDeadline)
        .timer(AnswerDeadline)
        .timer(DecisionDeadline)
        .work(CaseItem(ItemKind::DecideReview))
        .work(CaseItem(ItemKind::VerifyDeath))
        .work(CaseItem(ItemKind::DecideConflict))
        .work(CaseItem(ItemKind::ApproveReversal))
        .work(CaseItem(ItemKind::OverdueAnswer))
        .inspect(CaseInspect)
}
