//! Deciding who a provisional record is, by its RPC or by closing its work item.

use async_trait::async_trait;
use minzheng_chassis::audit::AuditEntry;
use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::grpc::etag;
use minzheng_chassis::seam::{Command, Failure, NothingAsked, UnitOfWork};
use minzheng_chassis::work::{WorkItem, WorkKind};
use minzheng_proto::residents::v1 as pb;
use uuid::Uuid;

use super::effects::carry_out;
use super::show;
use crate::domain::effect::{DECIDE_MATCH, DECIDE_MATCH_OUTCOMES};
use crate::domain::merge::{Decision, decide};
use crate::storage::person::{Changed, Persons, StoredPerson, no_such_person};

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is this known person.
    IsPerson(Uuid),
    /// It is a person who was not known before.
    NewPerson,
    /// There is no such person.
    Reject,
}

impl Verdict {
    fn survivor(self) -> Option<Uuid> {
        match self {
            Self::IsPerson(into) => Some(into),
            Self::NewPerson | Self::Reject => None,
        }
    }
}

/// Decides a provisional record.
#[derive(Debug)]
pub struct DecideMatch {
    /// The record.
    pub person_id: Uuid,
    /// Version of it that the decision is based on.
    pub etag: String,
    /// The decision.
    pub verdict: Verdict,
    /// Why, without personal data.
    pub reason: String,
}

impl Command for DecideMatch {
    const NAME: &'static str = "ResidentsService/DecideMatch";
    type Asked = NothingAsked;
    type Answer = pb::DecideMatchResponse;

    async fn ask(&self, _cx: &Context, _caller: &Caller) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<Self::Answer, Failure> {
        let named: Vec<Uuid> = [self.person_id]
            .into_iter()
            .chain(self.verdict.survivor())
            .collect();
        uow.know_all(&named).await?;
        let record = Persons::within(uow)
            .find(uow.caller(), self.person_id)
            .await?;
        etag::expect(&self.etag, record.version)?;
        let answering = settle(uow, record, self.verdict, &self.reason).await?;
        let person = show::after_change(uow, &answering).await?;
        Ok(pb::DecideMatchResponse {
            person: Some(person),
        })
    }
}

/// Decides a record at hand; the record that answers for it from now on.
async fn settle(
    uow: &mut UnitOfWork,
    mut record: StoredPerson,
    verdict: Verdict,
    reason: &str,
) -> Result<StoredPerson, Failure> {
    let survivor = match verdict.survivor() {
        Some(into) => {
            // The survivor may live in any county: a city hospital reports a villager.
            let found = Persons::within(uow).find_anywhere(into).await?;
            Some(found.ok_or_else(no_such_person)?)
        }
        None => None,
    };
    let decision = match (verdict, &survivor) {
        (Verdict::NewPerson, _) => Decision::NewPerson,
        (Verdict::Reject, _) => Decision::Reject,
        (Verdict::IsPerson(_), Some(survivor)) => Decision::IsPerson(&survivor.person),
        (Verdict::IsPerson(_), None) => return Err(no_such_person().into()),
    };
    let outcome = decision.name();
    let effects = decide(&mut record.person, decision)?;
    Persons::within(uow)
        .save(&mut record, Changed::State)
        .await?;
    let (id, division) = (record.person.id, record.person.places.domicile);
    let mut entry = AuditEntry::new("DecideMatch", "person", id, Some(division))
        .with("decision", outcome)
        .with("reason", reason);
    if let Some(survivor) = &survivor {
        entry = entry.with("into", survivor.person.id);
        uow.merge_known(id, survivor.person.id).await?;
    }
    uow.audit(entry);
    carry_out(uow, &effects).await?;
    Ok(survivor.unwrap_or(record))
}

/// The work item that waits while a record is provisional.
#[derive(Debug)]
pub struct DecideMatchItem;

#[async_trait]
impl WorkKind for DecideMatchItem {
    fn name(&self) -> &'static str {
        DECIDE_MATCH
    }

    fn outcomes(&self) -> &'static [&'static str] {
        &DECIDE_MATCH_OUTCOMES
    }

    async fn completed(
        &self,
        uow: &mut UnitOfWork,
        item: &WorkItem,
        outcome: &str,
    ) -> Result<(), Failure> {
        let verdict = match outcome {
            "new-person" => Verdict::NewPerson,
            "reject" => Verdict::Reject,
            _ => return Err(Failure::internal("an outcome that is not offered")),
        };
        uow.know(item.subject_id).await?;
        let record = Persons::within(uow).find_anywhere(item.subject_id).await?;
        let record = record.ok_or_else(|| Failure::internal("the record under review is gone"))?;
        settle(uow, record, verdict, "").await?;
        Ok(())
    }
}
