//! A family of the story: father, mother, two children, the grandmother in bed 3-12, and the one who
//! waits for a bed. Fresh people each time.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use jiff::ToSpan;
use jiff::civil::Date;
use minzheng_chassis::civil::{self, PartialDate};
use minzheng_chassis::convert::date_to_wire;
use minzheng_chassis::identity::ResidentNumber;
use minzheng_proto::common::v1::{IdType, Identity};
use minzheng_proto::elderly_care::v1 as elderly;
use minzheng_proto::residents::v1 as residents;
use uuid::Uuid;

use crate::platform::{Callers, Platform, until_answered};

/// The county of the story (南明区), its township and its village.
pub const COUNTY: &str = "520102";
/// The township, 12 digits.
pub const TOWNSHIP: &str = "520102016000";
/// The village, 12 digits.
pub const VILLAGE: &str = "520102016001";

/// One person of a family.
#[derive(Clone, Debug)]
pub struct Member {
    /// Id.
    pub id: String,
    /// Identity, as a reporter names it.
    pub identity: Identity,
}

impl Member {
    /// Telephone number: another for each, and made of nothing that the identity shows.
    pub fn phone(&self) -> String {
        phone_of(&self.identity)
    }
}

fn phone_of(identity: &Identity) -> String {
    let mix = |mixed: u64, byte: u8| (mixed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let mixed = identity.id_number.bytes().fold(0xcbf2_9ce4_8422_2325, mix);
    format!("138{:08}", mixed % 100_000_000)
}

/// A family.
#[derive(Clone, Debug)]
pub struct Family {
    /// Father.
    pub father: Member,
    /// Mother.
    pub mother: Member,
    /// The 9-year-old.
    pub younger: Member,
    /// The 15-year-old.
    pub older: Member,
    /// The father's mother, 78.
    pub grandmother: Member,
    /// Who waits for a bed.
    pub waiting: Member,
    /// The facility.
    pub facility_id: String,
    /// Bed 3-12.
    pub bed_id: String,
    /// Distinguishes references of this family's reports.
    pub tag: String,
}

/// How many numbers of a day of birth are given to one person each before it is the day before's turn.
const NUMBERS_OF_A_DAY: u16 = 900;

/// The last number given for each day of birth.
static GIVEN: Mutex<BTreeMap<Date, u16>> = Mutex::new(BTreeMap::new());

/// A number that no other person of this process has, of that day of birth or one not long before.
fn fresh_number(mut birth: Date) -> (Date, ResidentNumber) {
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    while given.get(&birth) == Some(&NUMBERS_OF_A_DAY) {
        birth = birth.saturating_sub(1.day());
    }
    let sequence = given.entry(birth).or_default();
    *sequence += 1;
    let number = ResidentNumber::demo(birth, *sequence);
    (birth, number.expect("a demo number"))
}

/// An invented name.
fn name(given: &str) -> String {
    format!("测{given}")
}

/// Registers one person.
pub async fn register(
    platform: &Platform,
    callers: &Callers,
    given: &str,
    birth: Date,
    sex: residents::Sex,
) -> Member {
    let (birth, number) = fresh_number(birth);
    let identity = Identity {
        id_type: IdType::ResidentId.into(),
        id_number: number.expose().to_owned(),
        name: name(given),
    };
    let sex = if number.sex() == minzheng_chassis::identity::Sex::Male {
        residents::Sex::Male
    } else {
        sex_other(sex)
    };
    let request = residents::RegisterPersonRequest {
        request_id: Uuid::new_v4().to_string(),
        identity: Some(identity.clone()),
        birth_date: Some(date_to_wire(PartialDate::of_day(birth).expect("a day"))),
        sex: sex.into(),
        domicile_division: VILLAGE.to_owned(),
        residence_division: VILLAGE.to_owned(),
        phone: phone_of(&identity),
        ..Default::default()
    };
    let answer = until_answered(|| {
        let (mut client, request) = (platform.residents(&callers.clerk), request.clone());
        async move { client.register_person(request).await }
    })
    .await
    .expect("registered");
    let person = answer.person.expect("a person");
    assert!(
        !person.phone.is_empty(),
        "residents knows the telephone number"
    );
    Member {
        id: person.person_id,
        identity,
    }
}

/// The number decides the sex; the story does not care.
fn sex_other(_wanted: residents::Sex) -> residents::Sex {
    residents::Sex::Female
}

/// Records that `relative` is the parent of `person`.
pub async fn record_parent(
    platform: &Platform,
    callers: &Callers,
    person: &Member,
    parent: &Member,
) {
    let request = residents::RecordKinshipRequest {
        request_id: Uuid::new_v4().to_string(),
        person_id: person.id.clone(),
        relative_id: parent.id.clone(),
        relation: residents::KinRelation::Parent.into(),
    };
    until_answered(|| {
        let (mut client, request) = (platform.residents(&callers.clerk), request.clone());
        async move { client.record_kinship(request).await }
    })
    .await
    .expect("kinship recorded");
}

impl Family {
    /// Registers a family with its kinship, the grandmother's stay and the waiting person.
    pub async fn settle_in(platform: &Platform, callers: &Callers) -> Self {
        let today = civil::today(platform.clock.now());
        let years_ago = |years: i32| {
            today
                .saturating_sub(years.years())
                .saturating_sub(40.days())
        };
        let (man, woman) = (residents::Sex::Male, residents::Sex::Female);
        let father = register(platform, callers, "父", years_ago(42), man).await;
        let mother = register(platform, callers, "母", years_ago(40), woman).await;
        let younger = register(platform, callers, "幼", years_ago(9), woman).await;
        let older = register(platform, callers, "长", years_ago(15), man).await;
        let grandmother = register(platform, callers, "祖母", years_ago(78), woman).await;
        let waiting = register(platform, callers, "候", years_ago(80), woman).await;
        for child in [&younger, &older] {
            record_parent(platform, callers, child, &father).await;
            record_parent(platform, callers, child, &mother).await;
        }
        record_parent(platform, callers, &father, &grandmother).await;
        let (facility_id, bed_id) = facility_with_bed(platform, callers, "3-12").await;
        place(platform, callers, &bed_id, &grandmother).await;
        wait_for_bed(platform, callers, &facility_id, &waiting).await;
        Self {
            father,
            mother,
            younger,
            older,
            grandmother,
            waiting,
            facility_id,
            bed_id,
            tag: Uuid::new_v4().simple().to_string(),
        }
    }

    /// Everybody, with the role under which fingerprints show them.
    pub fn members(&self) -> [(&'static str, &Member); 6] {
        [
            ("father", &self.father),
            ("mother", &self.mother),
            ("younger", &self.younger),
            ("older", &self.older),
            ("grandmother", &self.grandmother),
            ("waiting", &self.waiting),
        ]
    }
}

/// A facility of the township with one free bed; its id and the bed's.
pub async fn facility_with_bed(
    platform: &Platform,
    callers: &Callers,
    label: &str,
) -> (String, String) {
    let request = elderly::CreateFacilityRequest {
        request_id: Uuid::new_v4().to_string(),
        tier: elderly::FacilityTier::Township.into(),
        division: TOWNSHIP.to_owned(),
        name: "测试敬老院".to_owned(),
        filing: elderly::FilingState::Filed.into(),
    };
    let facility = until_answered(|| {
        let (mut client, request) = (platform.elderly_care(&callers.clerk), request.clone());
        async move { client.create_facility(request).await }
    })
    .await
    .expect("a facility");
    let facility_id = facility.facility.expect("a facility").id;
    let bed_id = add_bed(platform, callers, &facility_id, label).await;
    (facility_id, bed_id)
}

/// One more free bed; its id.
pub async fn add_bed(
    platform: &Platform,
    callers: &Callers,
    facility_id: &str,
    label: &str,
) -> String {
    let request = elderly::CreateBedRequest {
        request_id: Uuid::new_v4().to_string(),
        facility_id: facility_id.to_owned(),
        label: label.to_owned(),
        state: elderly::BedState::Free.into(),
    };
    let bed = until_answered(|| {
        let (mut client, request) = (platform.elderly_care(&callers.clerk), request.clone());
        async move { client.create_bed(request).await }
    })
    .await
    .expect("a bed");
    bed.bed.expect("a bed").id
}

/// Places somebody in a free bed; the stay.
pub async fn place(
    platform: &Platform,
    callers: &Callers,
    bed_id: &str,
    member: &Member,
) -> elderly::Stay {
    let bed = until_answered(|| {
        let (mut client, bed_id) = (platform.elderly_care(&callers.clerk), bed_id.to_owned());
        async move { client.get_bed(elderly::GetBedRequest { bed_id }).await }
    })
    .await
    .expect("the bed");
    let today = civil::today(platform.clock.now());
    let request = elderly::PlaceResidentRequest {
        request_id: Uuid::new_v4().to_string(),
        bed_id: bed_id.to_owned(),
        etag: bed.bed.expect("the bed").etag,
        person_id: member.id.clone(),
        identity: None,
        first_day: Some(date_to_wire(
            PartialDate::of_day(today.saturating_sub(200.days())).expect("a day"),
        )),
    };
    let stay = until_answered(|| {
        let (mut client, request) = (platform.elderly_care(&callers.clerk), request.clone());
        async move { client.place_resident(request).await }
    })
    .await
    .expect("placed");
    stay.stay.expect("a stay")
}

/// Puts somebody on a facility's waiting list.
pub async fn wait_for_bed(
    platform: &Platform,
    callers: &Callers,
    facility_id: &str,
    member: &Member,
) {
    let request = elderly::AddToWaitingListRequest {
        request_id: Uuid::new_v4().to_string(),
        person_id: member.id.clone(),
        identity: None,
        facility_id: facility_id.to_owned(),
        rank: 2,
    };
    until_answered(|| {
        let (mut client, request) = (platform.elderly_care(&callers.clerk), request.clone());
        async move { client.add_to_waiting_list(request).await }
    })
    .await
    .expect("on the list");
}
