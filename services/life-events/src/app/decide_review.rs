//! Deciding a case in review: whom it is about, or whether a document counts. Who a provisional
//! record is, `residents` decides; the same decision is told there first.

use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::problem::{Kind, Problem};
use minzheng_chassis::seam::{Command, Failure, UnitOfWork};
use minzheng_proto::life_events::v1 as pb;
use minzheng_proto::residents::v1::MatchDecision;
use uuid::Uuid;

use super::desk::{Entry, Target, handle};
use super::merging::{By, merge};
use super::residents::{Known, Record, Residents};
use super::show;
use super::whereabouts::{divisions, standing_record};
use crate::domain::death::{Doubt, Evidence, Input, Rejection, ReviewDecision};
use crate::storage::cases::{Cases, StoredCase};

/// What becomes of a case in review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is about this known person.
    IsPerson(Uuid),
    /// It is about a person who was not known before; or a document in doubt counts.
    Counts,
    /// The report is refused.
    Refused,
}

impl Decision {
    fn name(self) -> &'static str {
        match self {
            Self::IsPerson(_) => "is_person",
            Self::Counts => "counts",
            Self::Refused => "refused",
        }
    }
}

/// Decides a case in review.
pub struct DecideReview {
    /// The case.
    pub target: Target,
    /// The decision.
    pub decision: Decision,
    /// Why; no personal data.
    pub reason: String,
}

/// What is in doubt, and what residents says of it.
pub enum Asked {
    /// Whom the evidence is about; the record as it was decided.
    Identity(Known),
    /// Whether a document counts: nobody else's concern.
    Document,
}

impl Command for DecideReview {
    const NAME: &'static str = "DeathCaseService/DecideReview";
    type Asked = Asked;
    type Answer = pb::DecideReviewResponse;

    /// Residents decides who the record is.
    fn asking_writes(&self) -> bool {
        true
    }

    async fn ask(&self, cx: &Context, caller: &Caller) -> Result<Asked, Failure> {
        let stored = Cases::reading(cx).find(caller, self.target.case_id).await?;
        if !in_doubt(&stored, Doubt::Identity) {
            return Ok(Asked::Document);
        }
        let mut residents = Residents::of(cx, caller)?;
        let record = residents.person(stored.case.person_id).await?;
        if record.record != Record::Provisional {
            self.expect_agreement(&stored, &record)?;
            return Ok(Asked::Identity(record));
        }
        stored.expect(&self.target.etag)?;
        let (decision, into) = match self.decision {
            Decision::IsPerson(person_id) => (MatchDecision::IsPerson, Some(person_id)),
            Decision::Counts => (MatchDecision::NewPerson, None),
            Decision::Refused => (MatchDecision::Reject, None),
        };
        let decided = residents
            .decide_match(&record, decision, into, &self.reason)
            .await?;
        Ok(Asked::Identity(decided))
    }

    async fn apply(&self, uow: &mut UnitOfWork, asked: &Asked) -> Result<Self::Answer, Failure> {
        let stored = match asked {
            Asked::Document => self.decide_document(uow).await?,
            Asked::Identity(record) => self.decide_identity(uow, record).await?,
        };
        let case = Some(show::whole(&stored, uow.caller()));
        Ok(pb::DecideReviewResponse { case })
    }
}

impl DecideReview {
    async fn decide_document(&self, uow: &mut UnitOfWork) -> Result<StoredCase, Failure> {
        let stored = self.target.load(uow).await?;
        let decision = match self.decision {
            Decision::IsPerson(_) => return Err(Rejection::NotInReview.into()),
            Decision::Counts => ReviewDecision::Counts {
                divisions: stored.case.divisions,
            },
            Decision::Refused => ReviewDecision::Refused,
        };
        let doubt = Doubt::Document;
        let input = Input::ReviewDecided { doubt, decision };
        handle(uow, self.entry(), stored, &input).await
    }

    /// Residents has decided, so the case follows, whatever its version; the record's event may
    /// have done it already.
    async fn decide_identity(
        &self,
        uow: &mut UnitOfWork,
        record: &Known,
    ) -> Result<StoredCase, Failure> {
        let seen = self.find(uow).await?;
        uow.know_all(&[seen.case.person_id, record.person_id])
            .await?;
        // Once more, now that the persons are locked: the event may have been handled meanwhile. A
        // conflict would not do, since a second run finds nothing in doubt to ask about.
        let stored = self.find(uow).await?;
        if !in_doubt(&stored, Doubt::Identity) {
            return Cases::within(uow).surviving(stored).await;
        }
        let record = standing_record(uow, record).await?;
        let decision = match self.decision {
            Decision::IsPerson(_) => return self.merge(uow, stored, &record).await,
            Decision::Counts => ReviewDecision::Counts {
                divisions: divisions(&record, stored.case.divisions.standing),
            },
            Decision::Refused => ReviewDecision::Refused,
        };
        let doubt = Doubt::Identity;
        let input = Input::ReviewDecided { doubt, decision };
        handle(uow, self.entry(), stored, &input).await
    }

    async fn find(&self, uow: &UnitOfWork) -> Result<StoredCase, Failure> {
        let cases = Cases::within(uow);
        cases.find(uow.caller(), self.target.case_id).await
    }

    async fn merge(
        &self,
        uow: &mut UnitOfWork,
        stored: StoredCase,
        survivor: &Known,
    ) -> Result<StoredCase, Failure> {
        let gone = stored.case.person_id;
        let merged = merge(uow, self.entry(), stored, survivor, By::Review).await?;
        uow.merge_known(gone, survivor.person_id).await?;
        merged.ok_or_else(|| Rejection::NothingInDoubt.into())
    }

    fn entry(&self) -> Entry {
        Entry::of("DecideReview")
            .with("decision", self.decision.name())
            .with("reason", &self.reason)
    }

    /// Somebody decided the record in residents itself: it must have been the same decision.
    fn expect_agreement(&self, stored: &StoredCase, record: &Known) -> Result<(), Problem> {
        let own = record.person_id == stored.case.person_id;
        let agrees = match self.decision {
            Decision::IsPerson(person_id) => record.person_id == person_id,
            Decision::Counts => own && record.record == Record::Established,
            Decision::Refused => own && record.record == Record::Rejected,
        };
        if agrees {
            return Ok(());
        }
        Err(Problem::new(
            Kind::FailedPrecondition,
            "ALREADY_DECIDED",
            "the record was decided otherwise",
            "该人员记录已另行核定",
        ))
    }
}

fn in_doubt(stored: &StoredCase, doubt: Doubt) -> bool {
    stored
        .case
        .evidence
        .iter()
        .filter_map(Evidence::doubt)
        .any(|found| found == doubt)
}
