//! People to report, and their reports.

use futures::StreamExt;
use jiff::ToSpan;
use minzheng_chassis::civil;
use minzheng_proto::life_events::v1::EvidenceSource;
use minzheng_proto::residents::v1::Sex;
use minzheng_tests::family::{COUNTY, Member, register};
use minzheng_tests::platform::{Callers, Platform};
use minzheng_tests::reports::{Report, day};
use uuid::Uuid;

/// Registrations at once.
const AT_ONCE: usize = 16;

/// Registers people of 60 and more.
pub(crate) async fn people(platform: &Platform, count: usize) -> Vec<Member> {
    let callers = Callers::of(COUNTY);
    let birth = civil::today(platform.clock.now()).saturating_sub(60.years());
    futures::stream::iter(0..count)
        .map(|_| register(platform, &callers, "载", birth, Sex::Female))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await
}

/// A medical certificate of somebody who died today.
pub(crate) fn certificate(platform: &Platform, member: &Member) -> Report {
    let today = civil::today(platform.clock.now());
    Report::of(
        member,
        EvidenceSource::MedicalCertificate,
        &Uuid::new_v4().to_string(),
        day(today),
    )
}
