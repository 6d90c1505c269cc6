//! Evidence that is about to join a case: whether its document was told before.

use minzheng_chassis::context::Context;
use minzheng_chassis::seam::{Failure, UnitOfWork};
use uuid::Uuid;

use super::residents::Residents;
use crate::domain::death::{Case, DocumentKey, Rejection, Statement};
use crate::storage::cases::{Cases, StoredCase};
use crate::storage::documents::{Told, told_before_anywhere};

/// What is known of a document before it joins a case.
pub struct Document {
    told: Vec<Told>,
}

impl Document {
    /// Looks a document up. Where it was told of another record, residents is asked whether that
    /// record was merged into this person's meanwhile: then it is the same person.
    ///
    /// # Errors
    /// The database's, or residents is away.
    pub(super) async fn look_up(
        cx: &Context,
        residents: &mut Residents,
        document: &DocumentKey,
        person_id: Uuid,
    ) -> Result<Self, Failure> {
        let mut told = told_before_anywhere(cx, document).await?;
        for revision in told
            .iter_mut()
            .filter(|revision| revision.person_id != person_id)
        {
            revision.person_id = residents.person(revision.person_id).await?.person_id;
        }
        Ok(Self { told })
    }

    /// The case of which just this statement was told before.
    ///
    /// # Errors
    /// REFERENCE_REUSED: the document is about another person. SOURCE_CHANGED: it is another document.
    pub(super) async fn known_case(
        &self,
        uow: &UnitOfWork,
        person_id: Uuid,
        statement: &Statement,
    ) -> Result<Option<StoredCase>, Failure> {
        if self
            .told
            .iter()
            .any(|revision| revision.person_id != person_id)
        {
            return Err(Rejection::ReferenceReused.into());
        }
        if self
            .told
            .iter()
            .any(|revision| revision.statement.source != statement.source)
        {
            return Err(Rejection::SourceChanged.into());
        }
        let same = self
            .told
            .iter()
            .find(|revision| revision.statement == *statement);
        let Some(same) = same else { return Ok(None) };
        let cases = Cases::within(uow);
        let found = cases.find_anywhere(same.case_id).await?;
        let found = found.ok_or_else(|| Failure::internal("evidence belongs to no case"))?;
        Ok(Some(cases.surviving(found).await?))
    }

    /// Highest revision of the document in cases other than the one it joins; 0 if none. A case that
    /// has ended takes no evidence: then a new one is opened, and every case is another.
    pub(super) fn revisions_elsewhere(&self, latest: Option<&Case>) -> i32 {
        let joined = latest.filter(|case| case.phase.takes_evidence());
        let case_id = joined.map(|case| case.id);
        let elsewhere = self
            .told
            .iter()
            .filter(|revision| Some(revision.case_id) != case_id);
        elsewhere
            .map(|revision| revision.revision)
            .max()
            .unwrap_or(0)
    }
}
