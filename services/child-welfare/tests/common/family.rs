//! Two children, their parents and a grandmother, and what happens to them.

use minzheng_chassis::bus::Envelope;
use minzheng_proto::life_events::v1 as life_events;
use minzheng_proto::residents::v1 as residents;
use residents::KinRelation;
use uuid::Uuid;

use super::{VILLAGE, date, envelope};

/// A family of nobody else's.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    pub child: Uuid,
    pub teen: Uuid,
    pub father: Uuid,
    pub mother: Uuid,
    pub grandmother: Uuid,
}

pub const CHILD_BORN: &str = "2017-01-10";
pub const TEEN_BORN: &str = "2011-01-10";

impl Family {
    pub fn new() -> Self {
        Self {
            child: Uuid::now_v7(),
            teen: Uuid::now_v7(),
            father: Uuid::now_v7(),
            mother: Uuid::now_v7(),
            grandmother: Uuid::now_v7(),
        }
    }

    pub fn everybody(&self) -> [Uuid; 5] {
        [
            self.child,
            self.teen,
            self.father,
            self.mother,
            self.grandmother,
        ]
    }

    pub fn children(&self) -> [Uuid; 2] {
        [self.child, self.teen]
    }

    fn elders(&self) -> Vec<residents::Kin> {
        vec![
            kin(self.father, KinRelation::Parent, "1980-01-01"),
            kin(self.mother, KinRelation::Parent, "1982-02-02"),
            kin(self.grandmother, KinRelation::Grandparent, "1948-03-03"),
        ]
    }

    /// What is told of the younger child.
    pub fn of_child(&self) -> residents::KinshipChanged {
        let mut all = self.elders();
        all.push(kin(self.teen, KinRelation::Sibling, TEEN_BORN));
        told(self.child, CHILD_BORN, all)
    }

    /// What is told of the older child.
    pub fn of_teen(&self) -> residents::KinshipChanged {
        let mut all = self.elders();
        all.push(kin(self.child, KinRelation::Sibling, CHILD_BORN));
        told(self.teen, TEEN_BORN, all)
    }

    pub fn kinship(&self) -> [Envelope; 2] {
        [envelope(&self.of_child()), envelope(&self.of_teen())]
    }

    /// The lines of both children and of the dead among the elders, as they stand in the end.
    pub fn lines(&self, child: &str, items: &[&str], dead: &[(Uuid, &str)]) -> Vec<String> {
        let mut lines = Vec::new();
        for id in self.children() {
            lines.push(format!("child {id} {child}"));
            lines.extend(items.iter().map(|item| format!("item {item} {id}")));
        }
        let deaths = dead
            .iter()
            .map(|(id, date)| format!("person {id} dead {date}"));
        lines.extend(deaths);
        lines.sort();
        lines
    }
}

pub fn kin(person: Uuid, relation: KinRelation, birth: &str) -> residents::Kin {
    residents::Kin {
        person_id: person.to_string(),
        relation: relation.into(),
        birth_date: Some(date(birth)),
    }
}

pub fn told(person: Uuid, birth: &str, kin: Vec<residents::Kin>) -> residents::KinshipChanged {
    residents::KinshipChanged {
        person_id: person.to_string(),
        birth_date: Some(date(birth)),
        residence_division: VILLAGE.to_owned(),
        kin,
    }
}

/// The case of somebody's episode.
pub fn case_of(person: Uuid, episode: i32) -> Uuid {
    Uuid::from_u128(person.as_u128() ^ (0xc0_ffee + episode as u128))
}

fn death(person: Uuid, version: i64, died_on: &str) -> Option<life_events::DeathFact> {
    Some(life_events::DeathFact {
        person_id: person.to_string(),
        case_id: case_of(person, 1).to_string(),
        episode: 1,
        fact_version: version,
        died_on: Some(date(died_on)),
        domicile_division: VILLAGE.to_owned(),
        residence_division: VILLAGE.to_owned(),
        ..Default::default()
    })
}

pub fn suspected(person: Uuid, version: i64, died_on: &str) -> Envelope {
    envelope(&life_events::DeathSuspected {
        fact: death(person, version, died_on),
    })
}

pub fn lifted(person: Uuid, version: i64, died_on: &str) -> Envelope {
    envelope(&life_events::SuspicionLifted {
        fact: death(person, version, died_on),
    })
}

pub fn confirmed(person: Uuid, version: i64, died_on: &str) -> Envelope {
    envelope(&life_events::DeathConfirmed {
        fact: death(person, version, died_on),
    })
}

pub fn corrected(person: Uuid, version: i64, died_on: &str) -> Envelope {
    envelope(&life_events::DeathCorrected {
        fact: death(person, version, died_on),
    })
}

pub fn reversed(person: Uuid, version: i64, died_on: &str) -> Envelope {
    envelope(&life_events::DeathReversed {
        fact: death(person, version, died_on),
    })
}
