//! Children: finders that see only the caller's divisions, finders for reactions, and saves by
//! version.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use minzheng_chassis::authz::Caller;
use minzheng_chassis::db::dialect::{padded, placeholders};
use minzheng_chassis::db::{Sql, val};
use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::grpc::page::Page;
use minzheng_chassis::seam::Failure;
use sea_orm::sea_query::{OnConflict, Query};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel,
    Iterable, QueryFilter, QueryOrder, QuerySelect, Select,
};
use uuid::Uuid;

use super::entity::{child, child_kin, parent_situation};
use super::rows;
use super::rules::InForce;
use crate::domain::{Carer, Child, Relative, Situation};

/// Which children a list shows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    /// Only in this division.
    pub division: Option<DivisionCode>,
    /// Only in this situation.
    pub situation: Option<Situation>,
    /// Only those for whom this is left.
    pub carer: Option<Carer>,
}

/// One child in the caller's divisions.
///
/// # Errors
/// The database's.
pub async fn find(
    db: &impl ConnectionTrait,
    caller: &Caller,
    id: Uuid,
) -> Result<Option<Child>, Failure> {
    let Some(scope) = scope(caller) else {
        return Ok(None);
    };
    let query = child::Entity::find_by_id(id).filter(scope);
    Ok(load(db, query).await?.pop())
}

/// A page of children in the caller's divisions, by id, without those around them.
///
/// # Errors
/// The database's.
pub async fn page(
    db: &impl ConnectionTrait,
    caller: &Caller,
    filter: &Filter,
    page: &Page,
) -> Result<Vec<Child>, Failure> {
    let Some(scope) = scope(caller) else {
        return Ok(Vec::new());
    };
    let mut condition = Condition::all().add(scope);
    if let Some(division) = filter.division {
        condition = condition.add(within(&division.bounds()));
    }
    if let Some(situation) = filter.situation {
        condition = condition.add(child::Column::Situation.eq(situation.code()));
    }
    if let Some(carer) = filter.carer {
        condition = condition.add(child::Column::Carer.eq(carer.code()));
    }
    if let Some(after) = page.after {
        condition = condition.add(child::Column::Id.gt(after.id));
    }
    let query = child::Entity::find()
        .filter(condition)
        .order_by_asc(child::Column::Id)
        .limit(page.limit());
    let rows = query.all(db).await?;
    let children: Result<Vec<Child>, DbErr> = rows.iter().map(rows::alone).collect();
    Ok(children?)
}

/// These children, wherever they live; for reactions, deadlines and fingerprints.
///
/// # Errors
/// The database's.
pub async fn of_ids(db: &impl ConnectionTrait, ids: &[Uuid]) -> Result<Vec<Child>, Failure> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let query = child::Entity::find().filter(child::Column::Id.is_in(ids.iter().copied()));
    load(db, query).await
}

/// The person's own file, everybody's around whom the person stands, and these, wherever they
/// live; for reactions.
///
/// # Errors
/// The database's.
pub async fn around_person(
    db: &impl ConnectionTrait,
    person_id: Uuid,
    also: &[Uuid],
) -> Result<Vec<Child>, Failure> {
    let around = Query::select()
        .column(child_kin::Column::ChildId)
        .from(child_kin::Entity)
        .and_where(child_kin::Column::PersonId.eq(person_id))
        .take();
    let ids = also.iter().copied().chain([person_id]);
    let condition = Condition::any()
        .add(child::Column::Id.is_in(ids))
        .add(child::Column::Id.in_subquery(around));
    let query = child::Entity::find().filter(condition);
    load(db, query).await
}

/// Those of these persons who are children here, or stand around one, wherever they live; for
/// reactions.
///
/// # Errors
/// The database's.
pub async fn named_of(
    db: &impl ConnectionTrait,
    persons: &BTreeSet<Uuid>,
) -> Result<BTreeSet<Uuid>, Failure> {
    if persons.is_empty() {
        return Ok(BTreeSet::new());
    }
    let asked = padded(persons.iter().copied().collect());
    let places = placeholders(1, asked.len());
    let text = format!(
        "SELECT id AS person_id FROM child WHERE id IN ({places}) \
         UNION SELECT person_id FROM child_kin WHERE person_id IN ({places})"
    );
    let found = db.all(text, asked.into_iter().map(val)).await?;
    let named: Result<BTreeSet<Uuid>, DbErr> =
        found.iter().map(|row| row.get("person_id")).collect();
    Ok(named?)
}

/// Children that must be derived anew because their day has come.
///
/// # Errors
/// The database's.
pub async fn due_for_review(
    db: &impl ConnectionTrait,
    today: Date,
    limit: u64,
) -> Result<Vec<Uuid>, Failure> {
    let query = child::Entity::find()
        .select_only()
        .column(child::Column::Id)
        .filter(child::Column::ReviewOn.lte(today.to_string()))
        .order_by_asc(child::Column::ReviewOn)
        .order_by_asc(child::Column::Id)
        .limit(limit);
    Ok(query.into_tuple().all(db).await?)
}

/// Children whose open items and work items do not agree, and how; there should be none.
///
/// # Errors
/// The database's.
pub async fn items_out_of_step(
    db: &impl ConnectionTrait,
) -> Result<Vec<(Uuid, &'static str)>, Failure> {
    const OPEN: &str = "w.state IN ('open', 'claimed')";
    let closed = format!(
        "SELECT c.id FROM child c WHERE (c.visit_item_id IS NOT NULL AND NOT EXISTS \
         (SELECT 1 FROM work_item w WHERE w.id = c.visit_item_id AND {OPEN})) \
         OR (c.month_item_id IS NOT NULL AND NOT EXISTS \
         (SELECT 1 FROM work_item w WHERE w.id = c.month_item_id AND {OPEN})) ORDER BY c.id"
    );
    let forgotten = format!(
        "SELECT w.subject_id AS id FROM work_item w WHERE {OPEN} AND NOT EXISTS (SELECT 1 FROM child c \
         WHERE c.id = w.subject_id AND (c.visit_item_id = w.id OR c.month_item_id = w.id)) \
         ORDER BY w.subject_id"
    );
    let mut found = Vec::new();
    for (text, what) in [
        (closed, "an open item is no open work item"),
        (forgotten, "an open work item is not the child's"),
    ] {
        for row in db.all(text, []).await? {
            found.push((row.get("id")?, what));
        }
    }
    Ok(found)
}

/// Writes a child that was not followed before.
///
/// # Errors
/// Conflict, if somebody else was faster; the database's.
pub async fn insert(
    db: &impl ConnectionTrait,
    child: &Child,
    rules: &InForce,
    today: Date,
) -> Result<(), Failure> {
    let review_on = child.next_review_on(today, &rules.rules);
    let row = rows::row(child, review_on, &rules.rows, child.version + 1)?;
    child::Entity::insert(row.into_active_model())
        .exec_without_returning(db)
        .await?;
    save_kin(db, child.id, &BTreeMap::new(), &child.relatives).await?;
    save_spells(db, None, child).await
}

/// Writes a child under its version.
///
/// # Errors
/// Conflict, if somebody else was faster; the database's.
pub async fn update(
    db: &impl ConnectionTrait,
    before: &Child,
    child: &Child,
    rules: &InForce,
    today: Date,
) -> Result<(), Failure> {
    let review_on = child.next_review_on(today, &rules.rules);
    let row = rows::row(child, review_on, &rules.rows, before.version + 1)?;
    let saved = child::Entity::update_many()
        .set(row.into_active_model().reset_all())
        .filter(child::Column::Id.eq(child.id))
        .filter(child::Column::Version.eq(before.version))
        .exec(db)
        .await?;
    if saved.rows_affected == 0 {
        return Err(Failure::Conflict("child".to_owned()));
    }
    save_kin(db, child.id, &before.relatives, &child.relatives).await?;
    save_spells(db, Some(before), child).await
}

async fn save_kin(
    db: &impl ConnectionTrait,
    child_id: Uuid,
    before: &BTreeMap<Uuid, Relative>,
    after: &BTreeMap<Uuid, Relative>,
) -> Result<(), Failure> {
    let gone: Vec<Uuid> = before
        .keys()
        .copied()
        .filter(|id| !after.contains_key(id))
        .collect();
    if !gone.is_empty() {
        child_kin::Entity::delete_many()
            .filter(child_kin::Column::ChildId.eq(child_id))
            .filter(child_kin::Column::PersonId.is_in(gone))
            .exec(db)
            .await?;
    }
    let changed = after
        .iter()
        .map(|(id, relative)| (id, rows::kin_row(child_id, *id, relative)))
        .filter(|(id, row)| {
            let known = before.get(*id);
            known.is_none_or(|known| rows::kin_row(child_id, **id, known) != *row)
        });
    let changed: Vec<_> = changed.map(|(_, row)| row.into_active_model()).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let columns = child_kin::Column::iter().skip(2);
    let on_conflict =
        OnConflict::columns([child_kin::Column::ChildId, child_kin::Column::PersonId])
            .update_columns(columns)
            .to_owned();
    child_kin::Entity::insert_many(changed)
        .on_conflict(on_conflict)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

async fn save_spells(
    db: &impl ConnectionTrait,
    before: Option<&Child>,
    child: &Child,
) -> Result<(), Failure> {
    let known = before.map(rows::spell_rows).unwrap_or_default();
    let all = rows::spell_rows(child);
    if known == all {
        return Ok(());
    }
    if !known.is_empty() {
        parent_situation::Entity::delete_many()
            .filter(parent_situation::Column::ChildId.eq(child.id))
            .exec(db)
            .await?;
    }
    if all.is_empty() {
        return Ok(());
    }
    let all = all.into_iter().map(IntoActiveModel::into_active_model);
    parent_situation::Entity::insert_many(all)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// The children that a query finds, with those around them: in one statement, so that rows of one
/// child are of one version.
async fn load(
    db: &impl ConnectionTrait,
    query: Select<child::Entity>,
) -> Result<Vec<Child>, Failure> {
    let found = query
        .find_also_related(child_kin::Entity)
        .and_also_related(parent_situation::Entity)
        .order_by_asc(parent_situation::Column::Ordinal)
        .all(db)
        .await?;
    let mut children = BTreeMap::new();
    for (row, kin, spell) in &found {
        let child = match children.entry(row.id) {
            Entry::Vacant(place) => place.insert(rows::alone(row)?),
            Entry::Occupied(known) => known.into_mut(),
        };
        let Some(kin) = kin else { continue };
        let relative = match child.relatives.entry(kin.person_id) {
            Entry::Vacant(place) => place.insert(rows::relative(kin)?),
            Entry::Occupied(known) => known.into_mut(),
        };
        if let Some(spell) = spell {
            relative.spells.push(rows::spell(spell)?);
        }
    }
    Ok(children.into_values().collect())
}

/// What the caller sees; `None` for somebody who sees nothing.
fn scope(caller: &Caller) -> Option<Condition> {
    let subtrees = caller.scope();
    if subtrees.is_empty() {
        return None;
    }
    let any = subtrees
        .iter()
        .fold(Condition::any(), |any, bounds| any.add(within(bounds)));
    Some(any)
}

fn within((low, high): &(String, String)) -> sea_orm::sea_query::SimpleExpr {
    child::Column::Division.between(low.clone(), high.clone())
}
