//! Fingerprints of a family over all services, with ids replaced by roles so that families compare.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use minzheng_chassis::testing::{PATIENCE, eventually};
use minzheng_proto::operations::v1 as pb;

use crate::family::Family;
use crate::platform::{Platform, SERVICES, until_answered};
use crate::verify;

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
    let last = Mutex::new(Fingerprint::new());
    let wait = eventually(what, || async {
        let now = of(platform, family).await;
        let same = now == *expected;
        *last.lock().expect("not poisoned") = now;
        same.then_some(())
    });
    let patience = PATIENCE.mul_f32(0.9);
    if tokio::time::timeout(patience, wait).await.is_err() {
        let last = last.into_inner().expect("not poisoned");
        assert_eq!(last, *expected, "{what}");
    }
}

/// How long nothing may move before it counts as still. A position does not say it at once: events
/// that are not for a subscription move its position late or not at all.
const STILL_FOR: Duration = Duration::from_secs(2);

/// Waits until nothing is on its way: no event waits to be sent or to be tried again, and for a while
/// none is published and no subscription gets on.
pub async fn stands_still(platform: &Platform) {
    let last = Mutex::new((Vec::new(), Instant::now()));
    eventually("nothing is on its way", || async {
        let now = moved(platform).await;
        let mut last = last.lock().expect("not poisoned");
        let same = now.as_ref().is_some_and(|now| *now == last.0);
        if !same {
            *last = (now.unwrap_or_default(), Instant::now());
        }
        (same && !last.0.is_empty() && last.1.elapsed() >= STILL_FOR).then_some(())
    })
    .await;
}

/// How far the topics and the subscriptions of all services are, if all answer and nothing waits.
async fn moved(platform: &Platform) -> Option<Vec<pb::Position>> {
    let mut all = Vec::new();
    for service in SERVICES {
        let waiting = verify::outbox(platform, service).await?.rows;
        if waiting > 0 || parked(platform, service).await? > 0 {
            return None;
        }
        all.extend(positions(platform, service).await?);
    }
    Some(all)
}

/// A service's positions, if it answers.
async fn positions(platform: &Platform, service: &str) -> Option<Vec<pb::Position>> {
    let request = pb::ListPositionsRequest {
        service: service.to_owned(),
    };
    let answer = platform.operations(service).list_positions(request).await;
    Some(answer.ok()?.into_inner().positions)
}

/// How many events a service has put aside, if it answers.
async fn parked(platform: &Platform, service: &str) -> Option<i64> {
    let request = pb::ListDeadLettersRequest {
        service: service.to_owned(),
        ..Default::default()
    };
    let mut client = platform.operations(service);
    let answer = client.list_dead_letters(request).await;
    Some(answer.ok()?.into_inner().total)
}
