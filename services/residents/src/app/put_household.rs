//! Recording a registered household, or replacing what is recorded of it.

use minzheng_chassis::audit::AuditEntry;
use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::grpc::etag;
use minzheng_chassis::seam::{Command, Failure, NothingAsked, UnitOfWork};
use minzheng_proto::residents::v1 as pb;
use uuid::Uuid;

use super::get_household::to_wire;
use crate::domain::household::{Candidate, Composition, Household};
use crate::storage::household::{self, StoredHousehold};
use crate::storage::person::{Persons, no_such_person};
use crate::storage::scope::expect_own;

/// Which household stands before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Before {
    /// None: a new one.
    Nothing,
    /// This one, at this version.
    Known {
        /// The household.
        id: Uuid,
        /// Version that the change is based on.
        etag: String,
    },
}

/// Records a household.
#[derive(Debug)]
pub struct PutHousehold {
    /// What stands before.
    pub before: Before,
    /// What is to stand.
    pub composition: Composition,
}

impl Command for PutHousehold {
    const NAME: &'static str = "ResidentsService/PutHousehold";
    type Asked = NothingAsked;
    type Answer = pb::PutHouseholdResponse;

    async fn ask(&self, _cx: &Context, _caller: &Caller) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<Self::Answer, Failure> {
        let members: Vec<Uuid> = self.composition.members.iter().copied().collect();
        uow.know_all(&members).await?;
        expect_own(uow.caller(), &[self.composition.division])?;
        let before = self.stands(uow).await?;
        let id = before
            .as_ref()
            .map_or_else(|| uow.new_id(), |stored| stored.household.id);
        let candidates = candidates(uow, &members, before.as_ref()).await?;
        let household = Household::put(id, self.composition.clone(), &candidates)?;
        let stored = match &before {
            Some(before) => household::replace(uow, before, household).await?,
            None => household::add(uow, household).await?,
        };
        let division = Some(stored.household.division);
        uow.audit(
            AuditEntry::new("PutHousehold", "household", id, division)
                .with("head", stored.household.head)
                .with("members", stored.household.members.len()),
        );
        Ok(pb::PutHouseholdResponse {
            household: Some(to_wire(&stored)),
        })
    }
}

impl PutHousehold {
    async fn stands(&self, uow: &UnitOfWork) -> Result<Option<StoredHousehold>, Failure> {
        let Before::Known { id, etag } = &self.before else {
            return Ok(None);
        };
        let stored = household::find(uow.connection(), uow.caller(), *id).await?;
        etag::expect(etag, stored.version)?;
        Ok(Some(stored))
    }
}

/// The members as they stand. Who joins lies in the caller's divisions; who is a member already may
/// have moved away.
async fn candidates(
    uow: &UnitOfWork,
    members: &[Uuid],
    before: Option<&StoredHousehold>,
) -> Result<Vec<Candidate>, Failure> {
    let persons = Persons::within(uow);
    let own = persons.all(uow.caller(), members).await?;
    let is_member = |id: &Uuid| before.is_some_and(|stored| stored.household.members.contains(id));
    let elsewhere: Vec<Uuid> = members
        .iter()
        .copied()
        .filter(|id| own.iter().all(|stored| stored.person.id != *id))
        .collect();
    if !elsewhere.iter().all(is_member) {
        return Err(no_such_person().into());
    }
    let moved_away = persons.all_anywhere(&elsewhere).await?;
    Ok(own
        .iter()
        .chain(&moved_away)
        .map(|stored| Candidate::of(&stored.person, stored.household_id))
        .collect())
}
