//! Cases: finders and saves. Names ending in `_anywhere` or `_of_person` look past the caller's
//! divisions.

use std::collections::BTreeMap;

use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::crypto::KeyRing;
use minzheng_chassis::grpc::etag;
use minzheng_chassis::problem::Problem;
use minzheng_chassis::seam::{Failure, UnitOfWork};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseConnection,
    DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use super::entity::{death_case, evidence, question};
use super::{case_row, evidence_row, question_row, scope};
use crate::domain::death::{Case, Evidence, Question};

/// A merged case leads to the survivor's, which may have been merged itself; never further.
const MERGES_FOLLOWED: usize = 16;

/// A case as it is kept.
#[derive(Clone, Debug)]
pub struct StoredCase {
    /// The case.
    pub case: Case,
    /// Version of the aggregate.
    pub version: i64,
}

impl StoredCase {
    /// # Errors
    /// ETAG_MISMATCH, if the caller has seen another version.
    pub fn expect(&self, etag: &str) -> Result<(), Problem> {
        etag::expect(etag, self.version)
    }
}

/// Nothing by that id that the caller may see.
pub fn no_such_case() -> Problem {
    Problem::not_found("case", "办件")
}

/// The cases of one database, as one connection sees them.
pub struct Cases<'a, C> {
    pub(super) db: &'a C,
    pub(super) keys: &'a KeyRing,
}

impl<'a> Cases<'a, DatabaseTransaction> {
    /// Within a unit of work.
    pub fn within(uow: &'a UnitOfWork) -> Self {
        Self {
            db: uow.connection(),
            keys: uow.context().keys(),
        }
    }

    /// Saves a case and what changed of its evidence and questions, if nobody else changed the
    /// case meanwhile. `before` is the case as it was loaded; a case of another id is new.
    ///
    /// # Errors
    /// Somebody did, or the episode was opened already.
    pub async fn save(
        &self,
        before: Option<&StoredCase>,
        case: Case,
    ) -> Result<StoredCase, Failure> {
        let before = before.filter(|before| before.case.id == case.id);
        let version = match before {
            None => self.insert(&case).await?,
            Some(before) => self.update(&case, before.version).await?,
        };
        let known = before.map(|before| &before.case);
        self.save_evidence(known, &case).await?;
        self.save_questions(known, &case).await?;
        Ok(StoredCase { case, version })
    }

    async fn insert(&self, case: &Case) -> Result<i64, Failure> {
        let row = case_row::row_of(case, 1).into_active_model().reset_all();
        death_case::Entity::insert(row)
            .exec_without_returning(self.db)
            .await?;
        Ok(1)
    }

    async fn update(&self, case: &Case, version: i64) -> Result<i64, Failure> {
        let saved = death_case::Entity::update_many()
            .set(case_row::update_of(case, version + 1))
            .filter(death_case::Column::Id.eq(case.id))
            .filter(death_case::Column::Version.eq(version))
            .exec(self.db)
            .await?;
        if saved.rows_affected != 1 {
            return Err(Failure::Conflict("death case".to_owned()));
        }
        Ok(version + 1)
    }

    /// Evidence is added, changes its standing, or comes from the case of a merged record.
    async fn save_evidence(&self, before: Option<&Case>, case: &Case) -> Result<(), Failure> {
        let known = before.map_or(&[][..], |before| &before.evidence);
        let changed: Vec<_> = case
            .evidence
            .iter()
            .enumerate()
            .filter(|(_, item)| !known.contains(item))
            .map(|(position, item)| evidence_row::row_of(self.keys, case.id, position, item))
            .collect();
        if changed.is_empty() {
            return Ok(());
        }
        let moved = OnConflict::column(evidence::Column::Id)
            .update_columns([
                evidence::Column::CaseId,
                evidence::Column::Position,
                evidence::Column::Standing,
            ])
            .to_owned();
        evidence::Entity::insert_many(changed)
            .on_conflict(moved)
            .exec_without_returning(self.db)
            .await?;
        Ok(())
    }

    async fn save_questions(&self, before: Option<&Case>, case: &Case) -> Result<(), Failure> {
        use question::Column;
        let known = before.map_or(&[][..], |before| &before.questions);
        let changed: Vec<_> = case
            .questions
            .iter()
            .filter(|question| !known.contains(question))
            .map(|question| question_row::row_of(case.id, question))
            .collect();
        if changed.is_empty() {
            return Ok(());
        }
        let key = [
            Column::CaseId,
            Column::FactVersion,
            Column::Department,
            Column::Action,
        ];
        let answered = OnConflict::columns(key)
            .update_columns([
                Column::State,
                Column::DueAt,
                Column::Escalated,
                Column::Outcome,
                Column::LegalBasis,
                Column::Undo,
                Column::WorkItemId,
                Column::Reason,
                Column::ReceiptEventId,
                Column::AnsweredAt,
            ])
            .to_owned();
        question::Entity::insert_many(changed)
            .on_conflict(answered)
            .exec_without_returning(self.db)
            .await?;
        Ok(())
    }
}

impl<'a> Cases<'a, DatabaseConnection> {
    /// For queries.
    pub fn reading(cx: &'a Context) -> Self {
        Self {
            db: cx.db().reader(),
            keys: cx.keys(),
        }
    }
}

impl<C: ConnectionTrait> Cases<'_, C> {
    /// A case that stands in the caller's divisions: what a command may change.
    ///
    /// # Errors
    /// NOT_FOUND.
    pub async fn find(&self, caller: &Caller, id: Uuid) -> Result<StoredCase, Failure> {
        let found = self.one(scope::own(caller), id).await?;
        Ok(found.ok_or_else(no_such_case)?)
    }

    /// A case that the caller may look at.
    ///
    /// # Errors
    /// NOT_FOUND.
    pub async fn find_visible(&self, caller: &Caller, id: Uuid) -> Result<StoredCase, Failure> {
        let found = self.one(scope::visible(caller), id).await?;
        Ok(found.ok_or_else(no_such_case)?)
    }

    /// A case of any division.
    ///
    /// # Errors
    /// The database's.
    pub async fn find_anywhere(&self, id: Uuid) -> Result<Option<StoredCase>, Failure> {
        self.one(Condition::all(), id).await
    }

    /// The version of a case of any division, whoever asks: it tells nothing of it.
    ///
    /// # Errors
    /// The database's.
    pub async fn version_anywhere(&self, id: Uuid) -> Result<Option<i64>, Failure> {
        let version = death_case::Entity::find_by_id(id)
            .select_only()
            .column(death_case::Column::Version)
            .into_tuple()
            .one(self.db)
            .await?;
        Ok(version)
    }

    /// The case that goes on in place of a merged one; a case that was not merged itself.
    ///
    /// # Errors
    /// The database's, or a case points nowhere.
    pub async fn surviving(&self, found: StoredCase) -> Result<StoredCase, Failure> {
        let mut current = found;
        for _ in 0..MERGES_FOLLOWED {
            let Some(into) = current.case.merged_into else {
                return Ok(current);
            };
            let next = self.find_anywhere(into).await?;
            current = next.ok_or_else(|| Failure::internal("a case was merged into none"))?;
        }
        Err(Failure::internal("a case was merged in a circle"))
    }

    /// The person's latest case.
    ///
    /// # Errors
    /// The database's.
    pub async fn latest_of_person(&self, person_id: Uuid) -> Result<Option<StoredCase>, Failure> {
        let row = death_case::Entity::find()
            .filter(death_case::Column::PersonId.eq(person_id))
            .order_by_desc(death_case::Column::Episode)
            .one(self.db)
            .await?;
        self.whole_opt(row).await
    }

    /// The person's cases before an episode.
    ///
    /// # Errors
    /// The database's.
    pub async fn earlier_of_person(
        &self,
        person_id: Uuid,
        episode: i32,
    ) -> Result<Vec<StoredCase>, Failure> {
        let rows = death_case::Entity::find()
            .filter(death_case::Column::PersonId.eq(person_id))
            .filter(death_case::Column::Episode.lt(episode))
            .order_by_asc(death_case::Column::Episode)
            .all(self.db)
            .await?;
        self.whole(rows).await
    }

    /// All cases of these persons.
    ///
    /// # Errors
    /// The database's.
    pub async fn of_persons(&self, persons: &[Uuid]) -> Result<Vec<StoredCase>, Failure> {
        let rows = death_case::Entity::find()
            .filter(death_case::Column::PersonId.is_in(persons.iter().copied()))
            .order_by_asc(death_case::Column::PersonId)
            .order_by_asc(death_case::Column::Episode)
            .all(self.db)
            .await?;
        self.whole(rows).await
    }

    /// Cases by id after this one, of any division.
    ///
    /// # Errors
    /// The database's.
    pub async fn after_anywhere(
        &self,
        after: Uuid,
        limit: u64,
    ) -> Result<Vec<StoredCase>, Failure> {
        let rows = death_case::Entity::find()
            .filter(death_case::Column::Id.gt(after))
            .order_by_asc(death_case::Column::Id)
            .limit(limit)
            .all(self.db)
            .await?;
        self.whole(rows).await
    }

    async fn one(&self, seen: Condition, id: Uuid) -> Result<Option<StoredCase>, Failure> {
        let row = death_case::Entity::find_by_id(id)
            .filter(seen)
            .one(self.db)
            .await?;
        self.whole_opt(row).await
    }

    async fn whole_opt(
        &self,
        row: Option<death_case::Model>,
    ) -> Result<Option<StoredCase>, Failure> {
        let rows = row.into_iter().collect();
        Ok(self.whole(rows).await?.pop())
    }

    /// Cases with their evidence and questions, two statements for all of them.
    async fn whole(&self, rows: Vec<death_case::Model>) -> Result<Vec<StoredCase>, Failure> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
        let mut evidence = self.evidence_of(&ids).await?;
        let mut questions = self.questions_of(&ids).await?;
        let read = |row: &death_case::Model| {
            let evidence = evidence.remove(&row.id).unwrap_or_default();
            let questions = questions.remove(&row.id).unwrap_or_default();
            Ok(StoredCase {
                case: case_row::read(row, evidence, questions)?,
                version: row.version,
            })
        };
        rows.iter().map(read).collect()
    }

    async fn evidence_of(&self, cases: &[Uuid]) -> Result<BTreeMap<Uuid, Vec<Evidence>>, Failure> {
        let rows = evidence::Entity::find()
            .filter(evidence::Column::CaseId.is_in(cases.iter().copied()))
            .order_by_asc(evidence::Column::Position)
            .all(self.db)
            .await?;
        let mut by_case: BTreeMap<Uuid, Vec<Evidence>> = BTreeMap::new();
        for row in rows {
            let of_case = by_case.entry(row.case_id).or_default();
            of_case.push(evidence_row::read(self.keys, row)?);
        }
        Ok(by_case)
    }

    async fn questions_of(&self, cases: &[Uuid]) -> Result<BTreeMap<Uuid, Vec<Question>>, Failure> {
        let rows = question::Entity::find()
            .filter(question::Column::CaseId.is_in(cases.iter().copied()))
            .all(self.db)
            .await?;
        let mut by_case: BTreeMap<Uuid, Vec<Question>> = BTreeMap::new();
        for row in rows {
            let of_case = by_case.entry(row.case_id).or_default();
            of_case.push(question_row::read(&row)?);
        }
        by_case
            .values_mut()
            .for_each(|questions| questions.sort_by_key(question_row::place));
        Ok(by_case)
    }
}
