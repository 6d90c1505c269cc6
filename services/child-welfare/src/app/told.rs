//! Kinship as `residents` tells it, by event or when asked.

use minzheng_chassis::convert::{self, WireError};
use minzheng_proto::residents::v1 as pb;
use uuid::Uuid;

use super::people::People;
use crate::domain::{KinTold, KinshipTold, Relation};

/// A child, or somebody of age, and all their kin that matter here.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) child_id: Uuid,
    pub(super) kinship: KinshipTold,
}

impl Told {
    /// # Errors
    /// An id, date or division is malformed, or a relation unknown to this version.
    pub(super) fn from_wire(message: &pb::KinshipChanged) -> Result<Self, WireError> {
        let mut kin = Vec::new();
        for relative in &message.kin {
            let Some(relation) = relation(relative.relation)? else {
                continue;
            };
            kin.push(KinTold {
                person_id: convert::uuid("kin.person_id", &relative.person_id)?,
                relation,
                birth_date: convert::partial_date("kin.birth_date", relative.birth_date.as_ref())?,
            });
        }
        let birth_date = convert::partial_date("birth_date", message.birth_date.as_ref())?;
        Ok(Self {
            child_id: convert::uuid("person_id", &message.person_id)?,
            kinship: KinshipTold {
                birth_date,
                division: convert::division("residence_division", &message.residence_division)?,
                kin,
            },
        })
    }

    /// Everybody it names.
    pub(super) fn persons(&self) -> Vec<Uuid> {
        let kin = self.kinship.kin.iter().map(|kin| kin.person_id);
        kin.chain([self.child_id]).collect()
    }

    /// The same with survivors in the place of merged records.
    pub(super) fn of_survivors(mut self, people: &People) -> Self {
        self.child_id = people.fact(self.child_id).person_id;
        for kin in &mut self.kinship.kin {
            kin.person_id = people.fact(kin.person_id).person_id;
        }
        self
    }
}

/// `None` for kin who are not asked to care for a child: its spouse, its own children.
fn relation(number: i32) -> Result<Option<Relation>, WireError> {
    let malformed = || WireError::Malformed("kin.relation");
    let relation = pb::KinRelation::try_from(number).map_err(|_| malformed())?;
    match relation {
        pb::KinRelation::Unspecified => Err(malformed()),
        pb::KinRelation::Spouse | pb::KinRelation::Child => Ok(None),
        pb::KinRelation::Parent => Ok(Some(Relation::Parent)),
        pb::KinRelation::Guardian => Ok(Some(Relation::Guardian)),
        pb::KinRelation::Sibling => Ok(Some(Relation::Sibling)),
        pb::KinRelation::Grandparent => Ok(Some(Relation::Grandparent)),
    }
}
