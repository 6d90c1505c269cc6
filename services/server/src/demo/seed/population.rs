//! The residents of the demonstration: 27 families of four in three counties, and two people of one
//! number.

use jiff::civil::{Date, date};
use minzheng_chassis::division::{DivisionCode, Divisions, Level};
use minzheng_proto::residents::v1 as pb;

use super::{RequestIds, together};
use crate::client::connect::Platform;
use crate::client::error::ClientError;
use crate::demo::ask::{self, Member};
use crate::demo::family::COUNTIES;
use crate::demo::people::{self, FAMILY_NAMES, MEN, WOMEN};

/// Families in each county.
const FAMILIES: usize = 9;

/// How many residents there are.
pub(super) const COUNT: usize = COUNTIES.len() * FAMILIES * 4 + 2;

/// Four people who are kin.
pub(super) struct Household {
    /// The village, 12 digits.
    pub(super) village: String,
    pub(super) father: Member,
    pub(super) mother: Member,
    pub(super) child: Member,
    /// The father's mother.
    pub(super) grandmother: Member,
}

/// Everybody.
pub(super) struct Population {
    /// By county, nine each.
    pub(super) households: Vec<Household>,
    /// Two people whom archives gave one number (重号).
    pub(super) twins: [Member; 2],
}

impl Population {
    /// The families of one of the counties.
    pub(super) fn county(&self, index: usize) -> &[Household] {
        self.households
            .chunks(FAMILIES)
            .nth(index)
            .unwrap_or_default()
    }
}

/// Registers everybody.
pub(super) async fn register(platform: &Platform) -> Result<Population, ClientError> {
    let requests = RequestIds::of(1);
    let villages = villages();
    let mut calls = Vec::new();
    for (family, village) in villages.iter().enumerate() {
        for member in 0..4 {
            let request = person(requests.next(), family, member, village)?;
            calls.push(ask::register(platform, request));
        }
    }
    let mut members = together(calls).await?.into_iter();
    let mut households = Vec::with_capacity(villages.len());
    for village in villages {
        let four = (
            members.next(),
            members.next(),
            members.next(),
            members.next(),
        );
        let (Some(father), Some(mother), Some(child), Some(grandmother)) = four else {
            return Err(ask::empty());
        };
        households.push(Household {
            village,
            father,
            mother,
            child,
            grandmother,
        });
    }
    let first = twin(platform).await?;
    let second = ask::register(platform, twin_request(1)?).await?;
    Ok(Population {
        households,
        twins: [first, second],
    })
}

/// The first of the two of one number; the same one every time.
pub(super) async fn twin(platform: &Platform) -> Result<Member, ClientError> {
    ask::register(platform, twin_request(0)?).await
}

/// Records who is whose kin.
pub(super) async fn relate(
    platform: &Platform,
    population: &Population,
) -> Result<(), ClientError> {
    let requests = RequestIds::of(2);
    let mut calls = Vec::new();
    for home in &population.households {
        for (person, relation, relative) in [
            (&home.father, pb::KinRelation::Spouse, &home.mother),
            (&home.father, pb::KinRelation::Parent, &home.grandmother),
            (&home.child, pb::KinRelation::Parent, &home.father),
            (&home.child, pb::KinRelation::Parent, &home.mother),
        ] {
            calls.push(ask::kin(
                platform,
                requests.next(),
                person,
                relation,
                relative,
            ));
        }
    }
    together(calls).await?;
    Ok(())
}

/// One village for every family, spread over the three counties.
fn villages() -> Vec<String> {
    let counties = COUNTIES
        .iter()
        .filter_map(|county| county.parse::<DivisionCode>().ok());
    let of_county = |county| {
        let all: Vec<DivisionCode> = Divisions::guizhou()
            .within(county, Level::Village)
            .map(|(code, _)| code)
            .collect();
        let apart = (all.len() / FAMILIES).max(1);
        all.into_iter()
            .step_by(apart)
            .take(FAMILIES)
            .map(|code| code.to_string())
            .collect::<Vec<String>>()
    };
    counties.flat_map(of_county).collect()
}

/// Father, mother, child, grandmother (0 to 3) of a family.
fn person(
    request_id: String,
    family: usize,
    member: usize,
    village: &str,
) -> Result<pb::RegisterPersonRequest, ClientError> {
    let own = FAMILY_NAMES[family % FAMILY_NAMES.len()];
    let other = FAMILY_NAMES[(family * 7 + member + 3) % FAMILY_NAMES.len()];
    let man = MEN[(family * 5 + member) % MEN.len()];
    let woman = WOMEN[(family * 3 + member * 5) % WOMEN.len()];
    // 27 families, so that every number stays below 1000 and no two are alike.
    let pair = small(family * 4 + member);
    let spread = small(family);
    let (name, birth, sequence) = match member {
        0 => (
            format!("{own}{man}"),
            birth(1982 + spread % 9, spread),
            pair * 2 + 1,
        ),
        1 => (
            format!("{other}{woman}"),
            birth(1984 + spread % 8, spread + 3),
            pair * 2,
        ),
        2 => (
            format!("{own}{woman}"),
            birth(2012 + spread % 10, spread + 5),
            pair * 2,
        ),
        _ => (
            format!("{other}{woman}"),
            birth(1946 + spread % 12, spread + 7),
            pair * 2,
        ),
    };
    request(request_id, name, birth, sequence, village)
}

/// Two people, one number: the second is recorded all the same, as archives hold such.
fn twin_request(index: usize) -> Result<pb::RegisterPersonRequest, ClientError> {
    let requests = RequestIds::of(3);
    let request_id = (0..=index)
        .map(|_| requests.next())
        .last()
        .unwrap_or_default();
    let villages = villages();
    let village = villages.get(index).map(String::as_str).unwrap_or_default();
    let name = ["吴德润", "吴德运"][index.min(1)].to_owned();
    let mut request = request(request_id, name, date(1951, 6, 12), 997, village)?;
    request.shared_number = index > 0;
    Ok(request)
}

fn request(
    request_id: String,
    name: String,
    birth: Date,
    sequence: u16,
    village: &str,
) -> Result<pb::RegisterPersonRequest, ClientError> {
    let identity = people::identity(name, birth, sequence)
        .map_err(|error| ClientError::new("NOT_INVENTED", error.to_string(), "report this"))?;
    Ok(pb::RegisterPersonRequest {
        request_id,
        identity: Some(identity),
        domicile_division: village.to_owned(),
        ..Default::default()
    })
}

fn birth(year: u16, day: u16) -> Date {
    let year = i16::try_from(year).unwrap_or(i16::MAX);
    let month = i8::try_from(day % 12 + 1).unwrap_or(1);
    // Every month has 28 days.
    let day = i8::try_from(day * 11 % 28 + 1).unwrap_or(1);
    date(year, month, day)
}

/// A small index as a part of a number.
fn small(index: usize) -> u16 {
    u16::try_from(index).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_number_is_different_but_the_shared_one() {
        let villages = villages();
        assert_eq!(villages.len(), 27);
        let mut numbers = BTreeSet::new();
        for (family, village) in villages.iter().enumerate() {
            for member in 0..4 {
                let request = person(String::new(), family, member, village).unwrap();
                assert!(numbers.insert(request.identity.unwrap().id_number));
            }
        }
        let twins = [0, 1].map(|index| twin_request(index).unwrap());
        let of = |index: usize| twins[index].identity.clone().unwrap().id_number;
        assert!(numbers.insert(of(0)));
        assert_eq!(of(0), of(1));
        assert_ne!(twins[0].request_id, twins[1].request_id);
        assert_eq!(numbers.len() + 1, COUNT);
    }
}
