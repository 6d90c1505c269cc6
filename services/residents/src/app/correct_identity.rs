//! Correcting number, name, date of birth or sex.

use minzheng_chassis::audit::AuditEntry;
use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::grpc::etag;
use minzheng_chassis::seam::{Command, Failure, NothingAsked, UnitOfWork};
use minzheng_proto::residents::v1 as pb;
use uuid::Uuid;

use super::effects::carry_out;
use super::show;
use crate::domain::matching::is_held;
use crate::domain::registration::Correction;
use crate::storage::numbers;
use crate::storage::person::{Changed, Persons};

/// Corrects an identity.
#[derive(Debug)]
pub struct CorrectIdentity {
    /// The person.
    pub person_id: Uuid,
    /// Version of it that the correction is based on.
    pub etag: String,
    /// What is right.
    pub correction: Correction,
}

impl Command for CorrectIdentity {
    const NAME: &'static str = "ResidentsService/CorrectIdentity";
    type Asked = NothingAsked;
    type Answer = pb::CorrectIdentityResponse;

    async fn ask(&self, _cx: &Context, _caller: &Caller) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<Self::Answer, Failure> {
        uow.know(self.person_id).await?;
        let document = &self.correction.identity.document;
        numbers::lock(uow, document).await?;
        let persons = Persons::within(uow);
        let mut stored = persons.find(uow.caller(), self.person_id).await?;
        etag::expect(&self.etag, stored.version)?;
        let records = persons.with_number_anywhere(document).await?;
        let held = is_held(document, &records, Some(self.person_id));
        let known_before = stored.person.former.len();
        let effects = stored
            .person
            .correct(self.correction.clone(), held, uow.now())?;
        persons.save(&mut stored, Changed::Identity).await?;
        if stored.person.former.len() > known_before {
            persons.keep_former(&stored.person, uow.new_id()).await?;
        }
        let domicile = Some(stored.person.places.domicile);
        uow.audit(
            AuditEntry::new("CorrectIdentity", "person", self.person_id, domicile)
                .with("reason", &self.correction.reason)
                .with("shared_number", held),
        );
        carry_out(uow, &effects).await?;
        let person = show::after_change(uow, &stored).await?;
        Ok(pb::CorrectIdentityResponse {
            person: Some(person),
        })
    }
}
