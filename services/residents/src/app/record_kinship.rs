//! Recording that two known persons are kin.

use minzheng_chassis::audit::AuditEntry;
use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::convert::instant_to_wire;
use minzheng_chassis::grpc::etag;
use minzheng_chassis::seam::{Command, Failure, NothingAsked, UnitOfWork};
use minzheng_proto::residents::v1 as pb;
use uuid::Uuid;

use super::kin::{ROUNDS, Touched, republish};
use crate::domain::kinship::{Bond, KinGraph, Relation, record};
use crate::storage::kinship::{self, StoredLink};
use crate::storage::person::{Persons, no_such_person};

/// Records a kinship.
#[derive(Debug)]
pub struct RecordKinship {
    /// The person; of the caller's divisions.
    pub person_id: Uuid,
    /// What the relative is to the person.
    pub relation: Relation,
    /// The relative; of any division.
    pub relative_id: Uuid,
}

impl Command for RecordKinship {
    const NAME: &'static str = "ResidentsService/RecordKinship";
    type Asked = NothingAsked;
    type Answer = pb::RecordKinshipResponse;

    async fn ask(&self, _cx: &Context, _caller: &Caller) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<Self::Answer, Failure> {
        uow.know_all(&[self.person_id, self.relative_id]).await?;
        let persons = Persons::within(uow);
        let person = persons.find(uow.caller(), self.person_id).await?;
        let relative = persons.find_anywhere(self.relative_id).await?;
        let relative = relative.ok_or_else(no_such_person)?;
        let graph = self.graph(uow).await?;
        let link = record(&graph, &person.person, self.relation, &relative.person)?;
        let stored = kinship::add(uow, link).await?;
        let division = Some(person.person.places.domicile);
        uow.audit(
            AuditEntry::new("RecordKinship", "kinship", stored.id, division)
                .with("person", link.person_id)
                .with("relative", link.relative_id)
                .with("relation", bond_to_wire(link.bond).as_str_name()),
        );
        republish(uow, Touched::Link(link)).await?;
        Ok(pb::RecordKinshipResponse {
            kinship: Some(to_wire(&stored)),
        })
    }
}

impl RecordKinship {
    /// The family, and all ancestors of both: nobody becomes an ancestor of oneself.
    async fn graph(&self, uow: &UnitOfWork) -> Result<KinGraph, Failure> {
        let db = uow.connection();
        let ends = [self.person_id, self.relative_id];
        let mut graph = kinship::graph(&kinship::around(db, &ends, ROUNDS).await?);
        for end in ends {
            let ancestry = kinship::ancestry(db, end).await?;
            graph.extend(ancestry.into_iter().map(|stored| stored.link));
        }
        Ok(graph)
    }
}

/// A recorded kinship for the wire.
pub fn to_wire(stored: &StoredLink) -> pb::Kinship {
    pb::Kinship {
        kinship_id: stored.id.to_string(),
        person_id: stored.link.person_id.to_string(),
        relative_id: stored.link.relative_id.to_string(),
        relation: bond_to_wire(stored.link.bond).into(),
        recorded_at: Some(instant_to_wire(stored.recorded_at)),
        etag: etag::of(stored.version),
    }
}

fn bond_to_wire(bond: Bond) -> pb::KinRelation {
    match bond {
        Bond::Spouse => pb::KinRelation::Spouse,
        Bond::Parent => pb::KinRelation::Parent,
        Bond::Guardian => pb::KinRelation::Guardian,
        Bond::Sibling => pb::KinRelation::Sibling,
    }
}
