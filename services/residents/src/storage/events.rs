//! The only place where what was decided becomes a message with a topic and a key.

use minzheng_chassis::convert::date_to_wire;
use minzheng_chassis::seam::{Failure, UnitOfWork};
use minzheng_proto::residents::v1 as pb;

use crate::domain::effect::{Event, Places};
use crate::domain::kinship::{KinCircle, Relation};

/// Publishes an event with the unit of work.
///
/// # Errors
/// It is larger than a topic takes.
pub fn publish(uow: &mut UnitOfWork, event: &Event) -> Result<(), Failure> {
    match event {
        Event::Registered {
            person_id,
            places,
            provisional,
        } => {
            let (domicile_division, residence_division) = wire(*places);
            let message = pb::PersonRegistered {
                person_id: person_id.to_string(),
                domicile_division,
                residence_division,
                provisional: *provisional,
            };
            uow.publish(&message, Some(places.domicile))
        }
        Event::Moved { person_id, places } => {
            let (domicile_division, residence_division) = wire(*places);
            let message = pb::PersonMoved {
                person_id: person_id.to_string(),
                domicile_division,
                residence_division,
            };
            uow.publish(&message, Some(places.domicile))
        }
        Event::Merged {
            person_id,
            into,
            places,
        } => {
            let (domicile_division, residence_division) = wire(*places);
            let message = pb::PersonMerged {
                person_id: person_id.to_string(),
                into_person_id: into.to_string(),
                domicile_division,
                residence_division,
            };
            uow.publish(&message, Some(places.domicile))
        }
        Event::Established { person_id, places } => {
            let (domicile_division, residence_division) = wire(*places);
            let message = pb::PersonEstablished {
                person_id: person_id.to_string(),
                domicile_division,
                residence_division,
            };
            uow.publish(&message, Some(places.domicile))
        }
        Event::Rejected { person_id } => {
            let message = pb::PersonRejected {
                person_id: person_id.to_string(),
            };
            uow.publish(&message, None)
        }
        Event::KinshipChanged(circle) => {
            uow.publish(&circle_to_wire(circle), Some(circle.residence))
        }
    }
}

/// A circle of kin for the wire: the same in the event and in the answer to `ListDependants`.
pub fn circle_to_wire(circle: &KinCircle) -> pb::KinshipChanged {
    let kin = circle.kin.iter().map(|member| pb::Kin {
        person_id: member.kin.person_id.to_string(),
        relation: relation_to_wire(member.kin.relation).into(),
        birth_date: Some(date_to_wire(member.birth_date)),
    });
    pb::KinshipChanged {
        person_id: circle.person_id.to_string(),
        birth_date: Some(date_to_wire(circle.birth_date)),
        residence_division: circle.residence.to_string(),
        kin: kin.collect(),
    }
}

/// A relation for the wire.
pub fn relation_to_wire(relation: Relation) -> pb::KinRelation {
    match relation {
        Relation::Spouse => pb::KinRelation::Spouse,
        Relation::Parent => pb::KinRelation::Parent,
        Relation::Child => pb::KinRelation::Child,
        Relation::Guardian => pb::KinRelation::Guardian,
        Relation::Sibling => pb::KinRelation::Sibling,
        Relation::Grandparent => pb::KinRelation::Grandparent,
    }
}

fn wire(places: Places) -> (String, String) {
    (places.domicile.to_string(), places.residence.to_string())
}
