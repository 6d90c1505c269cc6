//! Ending a recorded kinship; what followed from it ends too.

use minzheng_chassis::audit::AuditEntry;
use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::grpc::etag;
use minzheng_chassis::problem::Problem;
use minzheng_chassis::seam::{Command, Failure, UnitOfWork};
use minzheng_proto::residents::v1 as pb;
use uuid::Uuid;

use super::kin::{Touched, republish};
use super::record_kinship::to_wire;
use crate::domain::kinship::Link;
use crate::storage::kinship;
use crate::storage::person::Persons;

/// Ends a kinship.
#[derive(Debug)]
pub struct EndKinship {
    /// The kinship; one of its two persons lies in the caller's divisions.
    pub kinship_id: Uuid,
    /// Version of it that the end is based on.
    pub etag: String,
    /// Why, without personal data.
    pub reason: String,
}

/// The two persons of a kinship, which never change: read before their guard rows are locked.
#[derive(Debug)]
pub struct Ends(Option<Link>);

impl Command for EndKinship {
    const NAME: &'static str = "ResidentsService/EndKinship";
    type Asked = Ends;
    type Answer = pb::EndKinshipResponse;

    async fn ask(&self, cx: &Context, _caller: &Caller) -> Result<Ends, Failure> {
        let stored = kinship::find(cx.db().reader(), self.kinship_id).await?;
        Ok(Ends(stored.map(|stored| stored.link)))
    }

    async fn apply(
        &self,
        uow: &mut UnitOfWork,
        Ends(link): &Ends,
    ) -> Result<Self::Answer, Failure> {
        let link = link.ok_or_else(no_such_kinship)?;
        let ends = [link.person_id, link.relative_id];
        uow.know_all(&ends).await?;
        let seen = Persons::within(uow).all(uow.caller(), &ends).await?;
        let seen = seen.first().ok_or_else(no_such_kinship)?;
        let stored = kinship::find(uow.connection(), self.kinship_id).await?;
        let stored = stored.filter(|stored| stored.stands);
        let stored = stored.ok_or_else(no_such_kinship)?;
        etag::expect(&self.etag, stored.version)?;
        kinship::end(uow, &stored, &self.reason).await?;
        let division = Some(seen.person.places.domicile);
        uow.audit(
            AuditEntry::new("EndKinship", "kinship", stored.id, division)
                .with("person", link.person_id)
                .with("relative", link.relative_id)
                .with("reason", &self.reason),
        );
        republish(uow, Touched::Link(link)).await?;
        Ok(pb::EndKinshipResponse {
            kinship: Some(to_wire(&stored)),
        })
    }
}

fn no_such_kinship() -> Problem {
    Problem::not_found("kinship", "亲属关系")
}
