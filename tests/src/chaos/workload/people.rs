//! Registering a family: people, kinship, the grandmother's bed and who waits for it.

use jiff::ToSpan;
use minzheng_chassis::civil::PartialDate;
use minzheng_chassis::convert::date_to_wire;
use minzheng_chassis::identity::ResidentNumber;
use minzheng_proto::common::v1::{IdType, Identity};
use minzheng_proto::elderly_care::v1 as elderly;
use minzheng_proto::residents::v1 as residents;
use serde_json::{Value, json};

use super::client::{Client, Refused};
use crate::family::{Member, TOWNSHIP, VILLAGE};
use crate::platform::Platform;

/// Serial numbers of one birth date.
const NUMBERS_A_DAY: u32 = 900;

/// Registers a person of a family; all of one role are of one age.
pub(super) async fn register(
    client: &Client<'_>,
    family: &Value,
    role: &'static str,
) -> Result<Member, Refused> {
    let number = client.shared.next_number();
    let born = client
        .shared
        .today
        .saturating_sub(age(role).years())
        .saturating_sub(40.days())
        .saturating_sub(i64::from(number / NUMBERS_A_DAY).days());
    let serial = u16::try_from(number % NUMBERS_A_DAY + 1).expect("below a thousand");
    let number = ResidentNumber::demo(born, serial).expect("a demo number");
    let identity = Identity {
        id_type: IdType::ResidentId.into(),
        id_number: number.expose().to_owned(),
        name: "测试人".to_owned(),
    };
    let mut what = json!({ "do": "register", "service": "residents", "role": role });
    what["family"] = family.clone();
    let call = async |platform: &Platform, request_id: String| {
        let request = residents::RegisterPersonRequest {
            request_id,
            identity: Some(identity.clone()),
            domicile_division: VILLAGE.to_owned(),
            residence_division: VILLAGE.to_owned(),
            ..Default::default()
        };
        let mut client = platform.residents(&client.shared.callers.clerk);
        client.register_person(request).await
    };
    let answer = client
        .change(
            what,
            call,
            |answer| json!({ "made": answer.person.as_ref().map(|person| &person.person_id) }),
        )
        .await?;
    let id = answer.person.unwrap_or_default().person_id;
    Ok(Member { id, identity })
}

fn age(role: &str) -> i32 {
    match role {
        "father" => 42,
        "mother" => 40,
        "child" => 9,
        "waiting" => 80,
        _ => 78,
    }
}

/// Records what one person is to another.
pub(super) async fn relate(
    client: &Client<'_>,
    person: &Member,
    relative: &Member,
    relation: residents::KinRelation,
) -> Result<(), Refused> {
    let what = json!({ "do": "relate", "service": "residents", "person": person.id, "relative": relative.id });
    let call = async |platform: &Platform, request_id: String| {
        let request = residents::RecordKinshipRequest {
            request_id,
            person_id: person.id.clone(),
            relative_id: relative.id.clone(),
            relation: relation.into(),
        };
        let mut client = platform.residents(&client.shared.callers.clerk);
        client.record_kinship(request).await
    };
    let show = |answer: &residents::RecordKinshipResponse| json!({ "made": answer.kinship.as_ref().map(|kinship| &kinship.kinship_id) });
    client.change(what, call, show).await?;
    Ok(())
}

/// Looks at a name, which leaves an audit record.
pub(super) async fn look(client: &Client<'_>, person: &Member) -> Result<(), Refused> {
    let what = json!({ "do": "look", "service": "residents", "person": person.id });
    let call = async |platform: &Platform| {
        let request = residents::GetPersonRequest {
            person_id: person.id.clone(),
            reveal: vec![residents::PersonalField::Name.into()],
            purpose: "chaos".to_owned(),
        };
        let mut client = platform.residents(&client.shared.callers.clerk);
        client.get_person(request).await
    };
    client.read(what, call, |_| json!({})).await?;
    Ok(())
}

/// A facility of its own with one bed, the grandmother in it and somebody who waits.
pub(super) async fn house(
    client: &Client<'_>,
    grandmother: &Member,
    waiting: &Member,
) -> Result<(), Refused> {
    let facility = create_facility(client).await?;
    let bed = create_bed(client, &facility).await?;
    place(client, &bed, grandmother).await?;
    wait_for_bed(client, &facility, waiting).await
}

async fn create_facility(client: &Client<'_>) -> Result<String, Refused> {
    let what = json!({ "do": "create-facility", "service": "elderly-care" });
    let call = async |platform: &Platform, request_id: String| {
        let request = elderly::CreateFacilityRequest {
            request_id,
            tier: elderly::FacilityTier::Township.into(),
            division: TOWNSHIP.to_owned(),
            name: "测试敬老院".to_owned(),
            filing: elderly::FilingState::Filed.into(),
        };
        let mut client = platform.elderly_care(&client.shared.callers.clerk);
        client.create_facility(request).await
    };
    let show = |answer: &elderly::CreateFacilityResponse| json!({ "made": answer.facility.as_ref().map(|facility| &facility.id) });
    let answer = client.change(what, call, show).await?;
    Ok(answer.facility.unwrap_or_default().id)
}

async fn create_bed(client: &Client<'_>, facility_id: &str) -> Result<elderly::Bed, Refused> {
    let what = json!({ "do": "create-bed", "service": "elderly-care", "facility": facility_id });
    let call = async |platform: &Platform, request_id: String| {
        let request = elderly::CreateBedRequest {
            request_id,
            facility_id: facility_id.to_owned(),
            label: "3-12".to_owned(),
            state: elderly::BedState::Free.into(),
        };
        let mut client = platform.elderly_care(&client.shared.callers.clerk);
        client.create_bed(request).await
    };
    let show = |answer: &elderly::CreateBedResponse| json!({ "made": answer.bed.as_ref().map(|bed| &bed.id) });
    let answer = client.change(what, call, show).await?;
    Ok(answer.bed.unwrap_or_default())
}

async fn place(client: &Client<'_>, bed: &elderly::Bed, person: &Member) -> Result<(), Refused> {
    let first_day = client.shared.today.saturating_sub(200.days());
    let first_day = PartialDate::of_day(first_day).expect("a day");
    let what =
        json!({ "do": "place", "service": "elderly-care", "bed": bed.id, "person": person.id });
    let call = async |platform: &Platform, request_id: String| {
        let request = elderly::PlaceResidentRequest {
            request_id,
            bed_id: bed.id.clone(),
            etag: bed.etag.clone(),
            person_id: person.id.clone(),
            identity: None,
            first_day: Some(date_to_wire(first_day)),
        };
        let mut client = platform.elderly_care(&client.shared.callers.clerk);
        client.place_resident(request).await
    };
    let show = |answer: &elderly::PlaceResidentResponse| json!({ "made": answer.stay.as_ref().map(|stay| &stay.id) });
    client.change(what, call, show).await?;
    Ok(())
}

async fn wait_for_bed(
    client: &Client<'_>,
    facility_id: &str,
    person: &Member,
) -> Result<(), Refused> {
    let what = json!({ "do": "wait", "service": "elderly-care", "facility": facility_id, "person": person.id });
    let call = async |platform: &Platform, request_id: String| {
        let request = elderly::AddToWaitingListRequest {
            request_id,
            person_id: person.id.clone(),
            identity: None,
            facility_id: facility_id.to_owned(),
            rank: 2,
        };
        let mut client = platform.elderly_care(&client.shared.callers.clerk);
        client.add_to_waiting_list(request).await
    };
    let show = |answer: &elderly::AddToWaitingListResponse| json!({ "made": answer.entry.as_ref().map(|entry| &entry.id) });
    client.change(what, call, show).await?;
    Ok(())
}
