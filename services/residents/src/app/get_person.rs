//! One person, masked. In full for a purpose, and a provisional record along with those it may be:
//! then the look is recorded.

use minzheng_chassis::audit::AuditEntry;
use minzheng_chassis::authz::{Caller, Role};
use minzheng_chassis::context::Context;
use minzheng_chassis::seam::{Command, Failure, NothingAsked, UnitOfWork};
use minzheng_proto::residents::v1 as pb;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::show;
use crate::domain::masking::{PersonalField, Reveal};
use crate::domain::person::RecordState;
use crate::storage::person::{Persons, StoredPerson, no_such_person};

/// Shows one person.
#[derive(Debug)]
pub struct GetPerson {
    /// The person, or a record that was merged into theirs.
    pub person_id: Uuid,
    /// What is shown in full.
    pub reveal: Reveal,
}

impl GetPerson {
    /// Answers, and records the look if anything is shown in full.
    ///
    /// # Errors
    /// NOT_FOUND.
    pub async fn answer(
        self,
        cx: &Context,
        caller: &Caller,
    ) -> Result<pb::GetPersonResponse, Failure> {
        if self.reveal.anything() {
            return cx.run(caller, None, self).await;
        }
        let persons = Persons::reading(cx);
        let stored = self.find(&persons, caller).await?;
        if decides(caller, &stored) {
            return cx.run(caller, None, self).await;
        }
        let person = show::one(&persons, &stored, &self.reveal).await?;
        Ok(pb::GetPersonResponse {
            person: Some(person),
        })
    }

    /// The record that answers; it must lie in the caller's divisions.
    async fn find<C: ConnectionTrait>(
        &self,
        persons: &Persons<'_, C>,
        caller: &Caller,
    ) -> Result<StoredPerson, Failure> {
        let named = persons.find_anywhere(self.person_id).await?;
        let named = named.ok_or_else(no_such_person)?;
        let answering = named.person.answering_id();
        if answering != named.person.id {
            return persons.find(caller, answering).await;
        }
        if !show::is_seen(caller, &named.person) {
            return Err(no_such_person().into());
        }
        Ok(named)
    }
}

/// Whether the caller is the one who decides a provisional record, and so sees whom it may be.
fn decides(caller: &Caller, stored: &StoredPerson) -> bool {
    caller.has(Role::CountyClerk) && stored.person.state == RecordState::Provisional
}

impl Command for GetPerson {
    const NAME: &'static str = "ResidentsService/GetPerson";
    type Asked = NothingAsked;
    type Answer = pb::GetPersonResponse;

    async fn ask(&self, _cx: &Context, _caller: &Caller) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<Self::Answer, Failure> {
        let persons = Persons::within(uow);
        let stored = self.find(&persons, uow.caller()).await?;
        let mut person = show::one(&persons, &stored, &self.reveal).await?;
        if decides(uow.caller(), &stored) {
            person.possible_persons = show::candidates(&persons, &stored.person).await?;
        }
        let candidates = person.possible_persons.iter();
        let candidates: Vec<&str> = candidates
            .map(|candidate| candidate.person_id.as_str())
            .collect();
        let fields: Vec<&str> = self
            .reveal
            .fields()
            .iter()
            .map(|field| PersonalField::name(*field))
            .collect();
        let domicile = stored.person.places.domicile;
        uow.audit(
            AuditEntry::new("GetPerson", "person", stored.person.id, Some(domicile))
                .with("fields", fields.join(","))
                .with("purpose", self.reveal.purpose())
                .with("candidates", candidates.join(",")),
        );
        Ok(pb::GetPersonResponse {
            person: Some(person),
        })
    }
}
