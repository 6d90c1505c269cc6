//! From a report to SETTLED: facts out, receipts in.

mod common;

use common::*;
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::person::FactKind;
use minzheng_chassis::testing::Deployment;
use minzheng_proto::life_events::v1::{EvidenceSource, Phase};

on_both_deployments!(a_certificate_confirms_and_everybody_answers);

async fn a_certificate_confirms_and_everybody_answers(deployment: Deployment) {
    let node = deployment.start(answering()).await;
    let (number, person_id) = residents::somebody();
    let request = report(
        identity(&number),
        EvidenceSource::MedicalCertificate,
        day(2026, 3, 4),
    );
    let told = tell(&node, &request).await;
    assert_eq!(
        (told.phase(), told.fact_version, told.episode),
        (Phase::Notifying, 1, 1)
    );
    assert_eq!(told.person_id, person_id);
    let case = reaches(&node, &told.id, Phase::Finished).await;
    assert_eq!(case.waiting, vec![]);
    let heard = departments::heard(&person_id);
    assert_eq!(heard.len(), 1);
    assert_eq!(
        (heard[0].kind, heard[0].fact_version, heard[0].died_on),
        (FactKind::Confirmed, 1, day(2026, 3, 4))
    );
    assert_eq!(heard[0].case_id.to_string(), case.id);
    node.stop().await;
}
