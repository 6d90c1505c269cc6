//! What clerks ask of the departments themselves: the bed that became free is taken, a child gets a file and a guardian.

use jiff::ToSpan;
use minzheng_chassis::civil::PartialDate;
use minzheng_chassis::convert::date_to_wire;
use minzheng_proto::child_welfare::v1 as child;
use minzheng_proto::common::v1 as common;
use minzheng_proto::elderly_care::v1 as elderly;
use serde_json::json;

use super::client::{Client, Refused};
use crate::family::Member;
use crate::platform::Platform;

/// How long a client waits before it looks again for an offer.
const LOOK_EVERY: std::time::Duration = std::time::Duration::from_millis(200);

/// Waits until a bed is offered to a person, however long that takes, and accepts it.
pub(super) async fn take_bed(client: &Client<'_>, person: &Member) -> Result<(), Refused> {
    loop {
        if let Some(offer) = open_offer(client, person).await? {
            match accept(client, &offer).await {
                Err(refused) if refused.is("ETAG_MISMATCH") => {}
                settled => return settled,
            }
        }
        if client.shared.is_over() {
            return Err(Refused::Unknown);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn open_offer(
    client: &Client<'_>,
    person: &Member,
) -> Result<Option<elderly::Offer>, Refused> {
    let what = json!({ "do": "list-offers", "service": "elderly-care", "person": person.id });
    let call = async |platform: &Platform| {
        let request = elderly::ListOffersRequest {
            person_id: person.id.clone(),
            ..Default::default()
        };
        let mut client = platform.elderly_care(&client.shared.callers.clerk);
        client.list_offers(request).await
    };
    let show = |answer: &elderly::ListOffersResponse| json!({ "open": answer.offers.len() });
    let answer = client.read(what, call, show).await?;
    Ok(answer.offers.into_iter().next())
}

async fn accept(client: &Client<'_>, offer: &elderly::Offer) -> Result<(), Refused> {
    let what = json!({ "do": "accept", "service": "elderly-care", "offer": offer.id });
    let call = async |platform: &Platform, request_id: String| {
        let request = elderly::AcceptOfferRequest {
            request_id,
            offer_id: offer.id.clone(),
            etag: offer.etag.clone(),
            first_day: Some(days_ago(client, 2)),
        };
        let mut client = platform.elderly_care(&client.shared.callers.clerk);
        client.accept_offer(request).await
    };
    let show = |answer: &elderly::AcceptOfferResponse| json!({ "made": answer.stay.as_ref().map(|stay| &stay.id) });
    client.change(what, call, show).await?;
    Ok(())
}

/// Opens a child's file and appoints a guardian.
pub(super) async fn take_into_care(
    client: &Client<'_>,
    child: &Member,
    guardian: &Member,
) -> Result<(), Refused> {
    let open = async |platform: &Platform, request_id: String| {
        let request = child::OpenChildFileRequest {
            request_id,
            person_id: child.id.clone(),
            parents_not_found: false,
        };
        let mut client = platform.child_welfare(&client.shared.callers.clerk);
        client.open_child_file(request).await
    };
    let what = json!({ "do": "open-file", "service": "child-welfare", "child": child.id });
    client.change(what, open, |_| json!({})).await?;
    let appoint = async |platform: &Platform, request_id: String, etag: String| {
        let request = child::AppointGuardianRequest {
            request_id,
            child_id: child.id.clone(),
            etag,
            guardian_id: guardian.id.clone(),
            basis: child::GuardianBasis::Committee.into(),
            since: Some(days_ago(client, 90)),
            legal_basis: "minutes of the committee".to_owned(),
        };
        let mut client = platform.child_welfare(&client.shared.callers.clerk);
        client.appoint_guardian(request).await
    };
    let what = json!({ "do": "appoint", "service": "child-welfare", "child": child.id });
    // What is heard of a child's kin changes it meanwhile.
    let etag = async || etag_of(client, child).await;
    let appointed = client.change_of_version(&what, etag, appoint, |_| json!({}));
    appointed.await.map(drop)
}

async fn etag_of(client: &Client<'_>, child: &Member) -> Result<String, Refused> {
    let what = json!({ "do": "get-child", "service": "child-welfare", "child": child.id });
    let call = async |platform: &Platform| {
        let request = child::GetChildRequest {
            child_id: child.id.clone(),
        };
        let mut client = platform.child_welfare(&client.shared.callers.clerk);
        client.get_child(request).await
    };
    let answer = client.read(what, call, |_| json!({})).await?;
    Ok(answer.child.unwrap_or_default().etag)
}

/// A day so long before that of the run that no clock makes it the future.
fn days_ago(client: &Client<'_>, days: i64) -> common::PartialDate {
    let day = client.shared.today.saturating_sub(days.days());
    date_to_wire(PartialDate::of_day(day).expect("a day"))
}
