//! Recording a person known for certain.

use minzheng_chassis::audit::AuditEntry;
use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::seam::{Command, Failure, NothingAsked, UnitOfWork};
use minzheng_proto::residents::v1 as pb;

use super::effects::carry_out;
use super::show;
use crate::domain::matching::is_held;
use crate::domain::person::Person;
use crate::domain::registration::Registration;
use crate::storage::numbers;
use crate::storage::person::Persons;
use crate::storage::scope::expect_own;

/// Records a person.
#[derive(Debug)]
pub struct RegisterPerson {
    /// Who.
    pub registration: Registration,
}

impl Command for RegisterPerson {
    const NAME: &'static str = "ResidentsService/RegisterPerson";
    type Asked = NothingAsked;
    type Answer = pb::RegisterPersonResponse;

    async fn ask(&self, _cx: &Context, _caller: &Caller) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<Self::Answer, Failure> {
        let registration = self.registration.clone();
        let places = registration.places;
        expect_own(uow.caller(), &[places.domicile, places.residence])?;
        let document = &self.registration.identity.document;
        numbers::lock(uow, document).await?;
        let records = Persons::within(uow).with_number_anywhere(document).await?;
        let held = is_held(document, &records, None);
        let (person, effects) = Person::register(uow.new_id(), registration, held)?;
        let stored = Persons::within(uow).add(&person, uow.now()).await?;
        uow.audit(
            AuditEntry::new("RegisterPerson", "person", person.id, Some(places.domicile))
                .with("shared_number", held),
        );
        carry_out(uow, &effects).await?;
        let person = show::after_change(uow, &stored).await?;
        Ok(pb::RegisterPersonResponse {
            person: Some(person),
        })
    }
}
