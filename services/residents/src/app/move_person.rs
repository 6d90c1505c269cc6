//! Moving domicile or residence.

use minzheng_chassis::audit::AuditEntry;
use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::grpc::etag;
use minzheng_chassis::seam::{Command, Failure, NothingAsked, UnitOfWork};
use minzheng_proto::residents::v1 as pb;
use uuid::Uuid;

use super::effects::carry_out;
use super::show;
use crate::storage::person::{Changed, Persons};

/// Moves a person.
#[derive(Debug)]
pub struct MovePerson {
    /// The person.
    pub person_id: Uuid,
    /// Version of it that the move is based on.
    pub etag: String,
    /// New domicile, if it changes.
    pub domicile: Option<DivisionCode>,
    /// New residence, if it changes.
    pub residence: Option<DivisionCode>,
}

impl Command for MovePerson {
    const NAME: &'static str = "ResidentsService/MovePerson";
    type Asked = NothingAsked;
    type Answer = pb::MovePersonResponse;

    async fn ask(&self, _cx: &Context, _caller: &Caller) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<Self::Answer, Failure> {
        uow.know(self.person_id).await?;
        let persons = Persons::within(uow);
        let mut stored = persons.find(uow.caller(), self.person_id).await?;
        etag::expect(&self.etag, stored.version)?;
        let from = stored.person.places;
        let effects = stored.person.move_to(self.domicile, self.residence)?;
        if !effects.is_empty() {
            persons.save(&mut stored, Changed::Places).await?;
            uow.audit(
                AuditEntry::new("MovePerson", "person", self.person_id, Some(from.domicile))
                    .with("domicile", stored.person.places.domicile)
                    .with("residence", stored.person.places.residence),
            );
        }
        carry_out(uow, &effects).await?;
        let person = show::after_change(uow, &stored).await?;
        Ok(pb::MovePersonResponse {
            person: Some(person),
        })
    }
}
