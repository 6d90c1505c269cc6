//! What must always hold, asked of every service once nothing is on its way.

use minzheng_chassis::testing::eventually;
use minzheng_proto::operations::v1 as pb;

use crate::platform::{Platform, SERVICES, until_answered};

/// Asserts that `verify` finds nothing wrong in any service.
pub async fn finds_nothing(platform: &Platform) {
    everything_is_sent(platform).await;
    let mut findings = Vec::new();
    for service in SERVICES {
        let request = pb::VerifyRequest {
            service: service.to_owned(),
        };
        let answer = until_answered(|| {
            let (mut client, request) = (platform.operations(service), request.clone());
            async move { client.verify(request).await }
        })
        .await
        .expect("verified");
        let named = answer
            .findings
            .iter()
            .map(|finding| format!("{} {}: {}", finding.service, finding.check, finding.detail));
        findings.extend(named);
    }
    assert_eq!(findings, [""; 0], "what must always hold, holds");
}

/// Waits until no service has an event to send.
async fn everything_is_sent(platform: &Platform) {
    eventually("every outbox is empty", || async {
        for service in SERVICES {
            if outbox(platform, service).await?.rows > 0 {
                return None;
            }
        }
        Some(())
    })
    .await;
}

/// A service's outbox, if it answers.
pub async fn outbox(platform: &Platform, service: &str) -> Option<pb::OutboxStatus> {
    let request = pb::GetOutboxRequest {
        service: service.to_owned(),
    };
    let answer = platform.operations(service).get_outbox(request).await;
    answer.ok()?.into_inner().outboxes.pop()
}
