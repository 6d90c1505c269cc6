//! The family of the story: father and mother, their children of 9 and 15, and the father's mother
//! of 78 in bed 3-12 of a facility of the county, where one other person waits.

use jiff::ToSpan;
use jiff::civil::Date;
use minzheng_chassis::civil::PartialDate;
use minzheng_chassis::convert::date_to_wire;
use minzheng_chassis::division::{DivisionCode, Divisions, Level};
use minzheng_proto::elderly_care::v1 as care;
use minzheng_proto::residents::v1 as residents;
use rand::RngExt;

use super::ask::{self, Member, empty};
use super::people::{self, Sex};
use crate::client::connect::{Platform, request_id};
use crate::client::error::ClientError;

/// Counties in which a demonstration may play: 南明区, 红花岗区, 贞丰县.
pub const COUNTIES: [&str; 3] = ["520102", "520302", "522325"];

/// Other numbers that are tried where one is taken.
const TRIES: u32 = 5;

/// The family, and the bed.
#[derive(Clone, Debug)]
pub struct Family {
    /// The village where they live, 12 digits.
    pub village: String,
    /// Father, 41.
    pub father: Member,
    /// Mother, 38.
    pub mother: Member,
    /// Child of 9.
    pub younger: Member,
    /// Child of 15.
    pub elder: Member,
    /// The father's mother, 78.
    pub grandmother: Member,
    /// Who waits for a bed.
    pub waiting: Member,
    /// The facility.
    pub facility_id: String,
    /// Bed 3-12.
    pub bed_id: String,
}

impl Family {
    /// Everybody of the story.
    pub fn person_ids(&self) -> Vec<String> {
        [
            &self.father,
            &self.mother,
            &self.younger,
            &self.elder,
            &self.grandmother,
            &self.waiting,
        ]
        .map(|member| member.person_id.clone())
        .to_vec()
    }

    /// Registers them with their kinship, and the grandmother's bed.
    ///
    /// # Errors
    /// What the platform refused.
    pub async fn settle(platform: &Platform, today: Date) -> Result<Self, ClientError> {
        let village = village()?;
        let at = village.to_string();
        let (own, wed) = (people::family_name(), people::family_name());
        let father = invented(platform, own, Sex::Male, 41, &at, today).await?;
        let mother = invented(platform, wed, Sex::Female, 38, &at, today).await?;
        let younger = invented(platform, own, Sex::Female, 9, &at, today).await?;
        let elder = invented(platform, own, Sex::Male, 15, &at, today).await?;
        let grandmother =
            invented(platform, people::family_name(), Sex::Female, 78, &at, today).await?;
        let waiting = invented(platform, people::family_name(), Sex::Male, 81, &at, today).await?;
        for (person, relation, relative) in [
            (&father, residents::KinRelation::Spouse, &mother),
            (&father, residents::KinRelation::Parent, &grandmother),
            (&younger, residents::KinRelation::Parent, &father),
            (&younger, residents::KinRelation::Parent, &mother),
            (&elder, residents::KinRelation::Parent, &father),
            (&elder, residents::KinRelation::Parent, &mother),
        ] {
            ask::kin(platform, request_id(), person, relation, relative).await?;
        }
        let (facility_id, bed_id) = house(platform, village, &grandmother, &waiting, today).await?;
        Ok(Self {
            village: at,
            father,
            mother,
            younger,
            elder,
            grandmother,
            waiting,
            facility_id,
            bed_id,
        })
    }
}

/// Any village of the counties of the demonstration.
fn village() -> Result<DivisionCode, ClientError> {
    let mut dice = rand::rng();
    let county = COUNTIES[dice.random_range(0..COUNTIES.len())];
    let villages: Vec<DivisionCode> = match county.parse() {
        Ok(county) => Divisions::guizhou()
            .within(county, Level::Village)
            .map(|(code, _)| code)
            .collect(),
        Err(_) => Vec::new(),
    };
    let found = villages.get(dice.random_range(0..villages.len().max(1)));
    found.copied().ok_or_else(|| {
        ClientError::new(
            "NO_VILLAGE",
            format!("county {county} has no villages"),
            "report this",
        )
    })
}

/// Registers somebody invented; again with another number where the number is taken.
async fn invented(
    platform: &Platform,
    family_name: &str,
    sex: Sex,
    age: i16,
    village: &str,
    today: Date,
) -> Result<Member, ClientError> {
    let mut tries = 0;
    loop {
        let identity = people::invent(family_name, sex, age, today)
            .map_err(|error| ClientError::new("NOT_INVENTED", error.to_string(), "report this"))?;
        let request = residents::RegisterPersonRequest {
            request_id: request_id(),
            identity: Some(identity),
            domicile_division: village.to_owned(),
            ..Default::default()
        };
        match ask::register(platform, request).await {
            Err(error) if error.reason == "NUMBER_ALREADY_HELD" && tries < TRIES => tries += 1,
            settled => return settled,
        }
    }
}

/// The facility with bed 3-12, the grandmother in it for two years, and one person who waits.
async fn house(
    platform: &Platform,
    village: DivisionCode,
    resident: &Member,
    waiting: &Member,
    today: Date,
) -> Result<(String, String), ClientError> {
    let county = village.ancestor(Level::County).unwrap_or(village);
    let name = Divisions::guizhou().name(county).unwrap_or("县");
    let request = care::CreateFacilityRequest {
        request_id: request_id(),
        tier: care::FacilityTier::County.into(),
        division: county.to_string(),
        // Facilities have names of their own: several stories may be told in one county.
        name: format!("{name}演示养老院 {}", &request_id()[..8]),
        filing: care::FilingState::Filed.into(),
    };
    let mut elderly_care = platform.elderly_care();
    let facility = elderly_care
        .create_facility(request)
        .await
        .map_err(|status| platform.refused(&status))?;
    let facility_id = facility.into_inner().facility.ok_or_else(empty)?.id;
    let request = care::CreateBedRequest {
        request_id: request_id(),
        facility_id: facility_id.clone(),
        label: "3-12".to_owned(),
        state: care::BedState::Free.into(),
    };
    let bed = elderly_care
        .create_bed(request)
        .await
        .map_err(|status| platform.refused(&status))?;
    let bed = bed.into_inner().bed.ok_or_else(empty)?;
    let since = PartialDate::of_day(today.saturating_sub(2.years()))
        .map(date_to_wire)
        .ok();
    let request = care::PlaceResidentRequest {
        request_id: request_id(),
        bed_id: bed.id.clone(),
        etag: bed.etag,
        person_id: resident.person_id.clone(),
        identity: None,
        first_day: since,
    };
    elderly_care
        .place_resident(request)
        .await
        .map_err(|status| platform.refused(&status))?;
    let request = care::AddToWaitingListRequest {
        request_id: request_id(),
        person_id: waiting.person_id.clone(),
        identity: None,
        facility_id: facility_id.clone(),
        rank: 2,
    };
    elderly_care
        .add_to_waiting_list(request)
        .await
        .map_err(|status| platform.refused(&status))?;
    Ok((facility_id, bed.id))
}
