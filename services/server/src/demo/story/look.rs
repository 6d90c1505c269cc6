//! What can be seen from outside: the children, the bed, fingerprints.

use std::collections::BTreeMap;

use minzheng_proto::child_welfare::v1 as children;
use minzheng_proto::elderly_care::v1 as care;
use minzheng_proto::operations::v1 as operations;

use crate::client::connect::Platform;
use crate::client::dates::Instant;
use crate::client::error::ClientError;
use crate::client::words::word;
use crate::demo::ask::empty;
use crate::demo::family::Family;
use crate::demo::view::{BedView, ChildView, FingerprintView};

/// Digest by service.
pub(super) type Fingerprint = BTreeMap<String, String>;

/// A child's file.
pub(super) async fn child(platform: &Platform, child_id: &str) -> Result<ChildView, ClientError> {
    let request = children::GetChildRequest {
        child_id: child_id.to_owned(),
    };
    let answer = platform
        .child_welfare()
        .get_child(request)
        .await
        .map_err(|status| platform.refused(&status))?;
    let child = answer.into_inner().child.ok_or_else(empty)?;
    Ok(ChildView {
        situation: word(child.situation().as_str_name(), "SITUATION_"),
        carer: word(child.carer().as_str_name(), "CARER_"),
        since_month: child.since_month.clone(),
        visit: !child.visit_item_id.is_empty(),
        urgent: child.visit_urgent,
        visit_due_at: Instant::from_wire(child.visit_due_at.as_ref()),
        child_id: child.id,
    })
}

/// Bed 3-12, and to whom it is offered.
pub(super) async fn bed(platform: &Platform, family: &Family) -> Result<BedView, ClientError> {
    let request = care::GetBedRequest {
        bed_id: family.bed_id.clone(),
    };
    let mut elderly_care = platform.elderly_care();
    let bed = elderly_care
        .get_bed(request)
        .await
        .map_err(|status| platform.refused(&status))?;
    let bed = bed.into_inner().bed.ok_or_else(empty)?;
    let request = care::ListOffersRequest {
        facility_id: family.facility_id.clone(),
        ..Default::default()
    };
    let offers = elderly_care
        .list_offers(request)
        .await
        .map_err(|status| platform.refused(&status))?;
    let offer = offers
        .into_inner()
        .offers
        .into_iter()
        .find(|offer| offer.bed_id == family.bed_id);
    let held_for = match bed.held_for() {
        care::HeldFor::Unspecified => String::new(),
        kept => word(kept.as_str_name(), "HELD_FOR_"),
    };
    Ok(BedView {
        state: word(bed.state().as_str_name(), "BED_STATE_"),
        held_for,
        person_id: bed.person_id,
        offered_to: offer.map(|offer| offer.person_id).unwrap_or_default(),
    })
}

/// What stands now of the family, in every service.
pub(super) async fn fingerprint(
    platform: &Platform,
    family: &Family,
) -> Result<Fingerprint, ClientError> {
    let mut fingerprint = Fingerprint::new();
    for mut client in platform.operations("")? {
        let request = operations::GetFingerprintRequest {
            person_ids: family.person_ids(),
            service: String::new(),
        };
        let answer = client
            .get_fingerprint(request)
            .await
            .map_err(|status| platform.refused(&status))?;
        fingerprint.extend(
            answer
                .into_inner()
                .fingerprints
                .into_iter()
                .map(|one| (one.service, one.digest)),
        );
    }
    Ok(fingerprint)
}

/// Events that wait to be sent, over all services.
pub(super) async fn unsent(platform: &Platform) -> Result<i64, ClientError> {
    let mut rows = 0;
    for mut client in platform.operations("")? {
        let request = operations::GetOutboxRequest::default();
        let answer = client
            .get_outbox(request)
            .await
            .map_err(|status| platform.refused(&status))?;
        rows += answer
            .into_inner()
            .outboxes
            .iter()
            .map(|outbox| outbox.rows)
            .sum::<i64>();
    }
    Ok(rows)
}

/// Service by service.
pub(super) fn compare(before: &Fingerprint, after: &Fingerprint) -> Vec<FingerprintView> {
    before
        .iter()
        .map(|(service, digest)| {
            let now = after.get(service).cloned().unwrap_or_default();
            FingerprintView {
                service: service.clone(),
                before: digest.clone(),
                equal: now == *digest,
                after: now,
            }
        })
        .collect()
}
