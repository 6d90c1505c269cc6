//! Completing a verification: dead, with proof, or alive.

use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::seam::{Command, Failure, UnitOfWork};
use minzheng_proto::life_events::v1 as pb;

use super::desk::{Entry, Target, handle};
use super::evidence::Document;
use super::residents::Residents;
use super::show;
use crate::domain::death::{Case, DocumentKey, Finding, Input, Match, Opening, Report, Statement};
use crate::storage::cases::Cases;

/// What a verification found.
pub enum Found {
    /// The person is dead; this document proves it.
    Dead(DocumentKey, Statement),
    /// The person is alive.
    Alive,
}

/// Completes the verification of a suspicion or a hint.
pub struct CompleteVerification {
    /// The case.
    pub target: Target,
    /// What was found.
    pub found: Found,
    /// Note; no personal data.
    pub note: String,
}

impl Command for CompleteVerification {
    const NAME: &'static str = "DeathCaseService/CompleteVerification";
    type Asked = Option<Document>;
    type Answer = pb::CompleteVerificationResponse;

    async fn ask(&self, cx: &Context, caller: &Caller) -> Result<Self::Asked, Failure> {
        let Found::Dead(document, _) = &self.found else {
            return Ok(None);
        };
        let stored = Cases::reading(cx).find(caller, self.target.case_id).await?;
        let mut residents = Residents::of(cx, caller)?;
        let person_id = stored.case.person_id;
        let found = Document::look_up(cx, &mut residents, document, person_id).await?;
        Ok(Some(found))
    }

    async fn apply(
        &self,
        uow: &mut UnitOfWork,
        asked: &Option<Document>,
    ) -> Result<Self::Answer, Failure> {
        let stored = self.target.load(uow).await?;
        let (finding, result) = match (&self.found, asked) {
            (Found::Dead(document, statement), Some(told)) => {
                let case = &stored.case;
                told.known_case(uow, case.person_id, statement).await?;
                let elsewhere = told.revisions_elsewhere(Some(case));
                let report = proof(uow, case, document, statement, elsewhere);
                (Finding::Dead(Box::new(report)), "dead")
            }
            (Found::Dead(..), None) => return Err(Failure::internal("the document was not asked")),
            (Found::Alive, _) => (Finding::Alive, "alive"),
        };
        let mut entry = Entry::of("CompleteVerification").with("result", result);
        if !self.note.is_empty() {
            entry = entry.with("note", &self.note);
        }
        let stored = handle(uow, entry, stored, &Input::Verified(finding)).await?;
        let case = Some(show::whole(&stored, uow.caller()));
        Ok(pb::CompleteVerificationResponse { case })
    }
}

fn proof(
    uow: &UnitOfWork,
    case: &Case,
    document: &DocumentKey,
    statement: &Statement,
    revisions_elsewhere: i32,
) -> Report {
    Report {
        evidence_id: uow.new_id(),
        document: document.clone(),
        statement: statement.clone(),
        reporter: uow.caller().subject.clone(),
        // Whom the verification was about was certain before it began.
        identity: Match::Matched,
        revisions_elsewhere,
        opening: Opening {
            case_id: uow.new_id(),
            person_id: case.person_id,
            divisions: case.divisions,
        },
    }
}
