//! Fingerprints of a family over all services, with ids replaced by roles so that families compare.

use std::collections::BTreeMap;

use minzheng_chassis::testing::eventually;
use minzheng_proto::operations::v1 as pb;

use crate::family::Family;
use crate::platform::{Platform, SERVICES, until_answered};

/// What stands about a family, by service.
pub type Fingerprint = BTreeMap<String, Vec<String>>;

/// The fingerprint of a family now.
pub async fn of(platform: &Platform, family: &Family) -> Fingerprint {
    let person_ids: Vec<String> = family
        .members()
        .iter()
        .map(|(_, member)| member.id.clone())
        .collect();
    let mut all = Fingerprint::new();
    for service in SERVICES {
        let request = pb::GetFingerprintRequest {
            person_ids: person_ids.clone(),
            service: service.to_owned(),
        };
        let answer = until_answered(|| {
            let (mut client, request) = (platform.operations(service), request.clone());
            async move { client.get_fingerprint(request).await }
        })
        .await
        .expect("a fingerprint");
        for fingerprint in answer.fingerprints {
            let mut lines: Vec<String> = fingerprint
                .lines
                .iter()
                .map(|line| with_roles(line, family))
                .collect();
            lines.sort_unstable();
            all.insert(fingerprint.service, lines);
        }
    }
    all
}

fn with_roles(line: &str, family: &Family) -> String {
    let mut line = line
        .replace(&family.bed_id, "bed 3-12")
        .replace(&family.facility_id, "facility");
    for (role, member) in family.members() {
        line = line.replace(&member.id, role);
    }
    line
}

/// Waits until the fingerprint of a family is the expected one.
pub async fn becomes(platform: &Platform, family: &Family, expected: &Fingerprint, what: &str) {
    let last = std::sync::Mutex::new(Fingerprint::new());
    let wait = eventually(what, || async {
        let now = of(platform, family).await;
        let same = now == *expected;
        *last.lock().expect("not poisoned") = now;
        same.then_some(())
    });
    let patience = minzheng_chassis::testing::PATIENCE.mul_f32(0.9);
    if tokio::time::timeout(patience, wait).await.is_err() {
        let last = last.into_inner().expect("not poisoned");
        assert_eq!(last, *expected, "{what}");
    }
}
