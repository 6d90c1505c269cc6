//! Cases: finders and saves. Names ending in `_anywhere` or `_of_person` look past the caller's
//! divisions.

use std::collections::BTreeMap;

use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::crypto::KeyRing;
use minzheng_chassis::db::dialect::padded;
use minzheng_chassis::db::{Write, insert};
use minzheng_chassis::grpc::etag;
use minzheng_chassis::problem::Problem;
use minzheng_chassis::seam::{Failure, UnitOfWork};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, OnConflict, Order, Query};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, DatabaseTransaction, EntityTrait,
    Iterable, QueryFilter, QuerySelect,
};
use uuid::Uuid;

use super::entity::{death_case, evidence, question};
use super::{case_query, case_row, evidence_row, question_row, scope};
use crate::domain::death::Case;

const CASE: &str = "death_case";

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
}

/// Has a case and what changed of its evidence and questions written when the unit of work settles, if
/// nobody else changed the case meanwhile. `before` is the case as it was loaded; a case of another id
/// is new.
pub fn save(uow: &mut UnitOfWork, before: Option<&StoredCase>, case: Case) -> StoredCase {
    let before = before.filter(|before| before.case.id == case.id);
    let Some(before) = before else {
        save_opened(uow, std::slice::from_ref(&case));
        return StoredCase { case, version: 1 };
    };
    let version = before.version + 1;
    uow.write(update(&case, before.version));
    let known = Some(&before.case);
    let evidence = changed_evidence(uow.context().keys(), known, &case);
    put_evidence(uow, evidence);
    put_questions(uow, changed_questions(known, &case));
    StoredCase { case, version }
}

/// The same of several new cases, in a statement for each table.
pub fn save_opened(uow: &mut UnitOfWork, cases: &[Case]) {
    if cases.is_empty() {
        return;
    }
    let rows: Vec<death_case::Model> = cases.iter().map(|case| case_row::row_of(case, 1)).collect();
    uow.write(insert(uow.backend(), CASE, &rows, None));
    let keys = uow.context().keys();
    let mut evidence: Vec<evidence::Model> = cases
        .iter()
        .flat_map(|case| changed_evidence(keys, None, case))
        .collect();
    // A document is told once: two units must not wait for each other crosswise.
    evidence.sort_by(|one, other| one.document_index.cmp(&other.document_index));
    put_evidence(uow, evidence);
    let questions = cases.iter().flat_map(|case| changed_questions(None, case));
    put_questions(uow, questions.collect());
}

/// The same of several cases and the questions that changed, in a statement each. Their evidence must be as
/// it was loaded.
pub fn save_answered(uow: &mut UnitOfWork, changed: &[(StoredCase, Case)]) {
    if changed.is_empty() {
        return;
    }
    let rows: Vec<death_case::Model> = changed
        .iter()
        .map(|(before, case)| case_row::row_of(case, before.version + 1))
        .collect();
    let columns =
        death_case::Column::iter().filter(|column| !matches!(column, death_case::Column::Id));
    // No row is new: the conflict is what finds each.
    let under_its_version = Expr::col((death_case::Entity, death_case::Column::Version))
        .eq(Expr::col((Alias::new("excluded"), death_case::Column::Version)).sub(1));
    let saved = OnConflict::column(death_case::Column::Id)
        .update_columns(columns)
        .action_and_where(under_its_version)
        .to_owned();
    uow.write(insert(uow.backend(), CASE, &rows, Some(saved)));
    let questions = changed
        .iter()
        .flat_map(|(before, case)| changed_questions(Some(&before.case), case));
    put_questions(uow, questions.collect());
}

fn update(case: &Case, version: i64) -> Write {
    let update = death_case::Entity::update_many()
        .set(case_row::update_of(case, version + 1))
        .filter(death_case::Column::Id.eq(case.id))
        .filter(death_case::Column::Version.eq(version));
    Write::of(CASE, &update, 1)
}

/// Evidence is added, changes its standing, or comes from the case of a merged record.
fn changed_evidence(keys: &KeyRing, before: Option<&Case>, case: &Case) -> Vec<evidence::Model> {
    let known = before.map_or(&[][..], |before| &before.evidence);
    let items = case.evidence.iter().enumerate();
    items
        .filter(|(_, item)| !known.contains(item))
        .map(|(position, item)| evidence_row::row_of(keys, case.id, position, item))
        .collect()
}

fn put_evidence(uow: &mut UnitOfWork, changed: Vec<evidence::Model>) {
    if changed.is_empty() {
        return;
    }
    let moved = OnConflict::column(evidence::Column::Id)
        .update_columns([
            evidence::Column::CaseId,
            evidence::Column::Position,
            evidence::Column::Standing,
        ])
        .to_owned();
    uow.write(insert(uow.backend(), "evidence", &changed, Some(moved)));
}

fn changed_questions(before: Option<&Case>, case: &Case) -> Vec<question::Model> {
    let known = before.map_or(&[][..], |before| &before.questions);
    let changed = case.questions.iter().filter(|one| !known.contains(one));
    changed
        .map(|question| question_row::row_of(case.id, question))
        .collect()
}

fn put_questions(uow: &mut UnitOfWork, changed: Vec<question::Model>) {
    use question::Column;
    if changed.is_empty() {
        return;
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
            Column::DueProvisional,
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
    uow.write(insert(uow.backend(), "question", &changed, Some(answered)));
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

    /// Cases of any division, in no particular order.
    ///
    /// # Errors
    /// The database's.
    pub async fn find_all_anywhere(&self, ids: &[Uuid]) -> Result<Vec<StoredCase>, Failure> {
        let these = death_case::Column::Id.is_in(padded(ids.to_vec()));
        self.load(Condition::all().add(these)).await
    }

    /// The versions of those of these cases that are there, of any division: a version tells nothing of its case.
    ///
    /// # Errors
    /// The database's.
    pub async fn versions_anywhere(&self, ids: &[Uuid]) -> Result<BTreeMap<Uuid, i64>, Failure> {
        let versions: Vec<(Uuid, i64)> = death_case::Entity::find()
            .filter(death_case::Column::Id.is_in(padded(ids.to_vec())))
            .select_only()
            .columns([death_case::Column::Id, death_case::Column::Version])
            .into_tuple()
            .all(self.db)
            .await?;
        Ok(versions.into_iter().collect())
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
        let latest = Query::select()
            .column(death_case::Column::Id)
            .from(death_case::Entity)
            .and_where(death_case::Column::PersonId.eq(person_id))
            .order_by(death_case::Column::Episode, Order::Desc)
            .limit(1)
            .to_owned();
        let latest = death_case::Column::Id.in_subquery(latest);
        Ok(self.load(Condition::all().add(latest)).await?.pop())
    }

    /// The person's cases before an episode, the first first.
    ///
    /// # Errors
    /// The database's.
    pub async fn earlier_of_person(
        &self,
        person_id: Uuid,
        episode: i32,
    ) -> Result<Vec<StoredCase>, Failure> {
        let earlier = Condition::all()
            .add(death_case::Column::PersonId.eq(person_id))
            .add(death_case::Column::Episode.lt(episode));
        self.load(earlier).await
    }

    /// All cases of these persons, by person and episode.
    ///
    /// # Errors
    /// The database's.
    pub async fn of_persons(&self, persons: &[Uuid]) -> Result<Vec<StoredCase>, Failure> {
        let about = death_case::Column::PersonId.is_in(persons.iter().copied());
        self.load(Condition::all().add(about)).await
    }

    /// So many cases by id after this one, of any division; in no particular order.
    ///
    /// # Errors
    /// The database's.
    pub async fn after_anywhere(
        &self,
        after: Uuid,
        limit: u64,
    ) -> Result<Vec<StoredCase>, Failure> {
        let next = Query::select()
            .column(death_case::Column::Id)
            .from(death_case::Entity)
            .and_where(death_case::Column::Id.gt(after))
            .order_by(death_case::Column::Id, Order::Asc)
            .limit(limit)
            .to_owned();
        let next = death_case::Column::Id.in_subquery(next);
        self.load(Condition::all().add(next)).await
    }

    async fn one(&self, seen: Condition, id: Uuid) -> Result<Option<StoredCase>, Failure> {
        let this = death_case::Column::Id.eq(id);
        Ok(self.load(Condition::all().add(this).add(seen)).await?.pop())
    }

    async fn load(&self, condition: Condition) -> Result<Vec<StoredCase>, Failure> {
        case_query::load(self.db, self.keys, condition).await
    }
}
