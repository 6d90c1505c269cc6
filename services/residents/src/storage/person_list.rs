//! Lists of persons, and what is shown beside them.

use std::collections::BTreeMap;

use minzheng_chassis::authz::Caller;
use minzheng_chassis::civil::micros;
use minzheng_chassis::db::dialect::placeholders;
use minzheng_chassis::db::{Sql, val};
use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::grpc::page::{After, Page};
use minzheng_chassis::seam::Failure;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use super::entity::person;
use super::person::{PLACES, Persons, StoredPerson};
use super::scope::seen_in;
use super::{household, person_row};
use crate::domain::life::Life;

/// Which persons a list shows.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Only those whose domicile or residence lies here.
    pub division: Option<DivisionCode>,
    /// Only records in one of these states.
    pub states: Vec<&'static str>,
}

impl StoredPerson {
    /// Its place in a list.
    pub fn after(&self) -> After {
        After {
            order: micros(self.registered_at),
            id: self.person.id,
        }
    }
}

impl<C: ConnectionTrait> Persons<'_, C> {
    /// Persons of the caller's divisions, newest first, without their former identities; one more
    /// than the page holds.
    ///
    /// # Errors
    /// The database's.
    pub async fn list(
        &self,
        caller: &Caller,
        filter: &Filter,
        page: &Page,
    ) -> Result<Vec<StoredPerson>, Failure> {
        let mut query = person::Entity::find()
            .filter(seen_in(caller, &PLACES))
            .filter(person::Column::State.is_in(filter.states.iter().copied()))
            .order_by_desc(person::Column::RegisteredAt)
            .order_by_desc(person::Column::Id)
            .limit(page.limit());
        if let Some(division) = filter.division {
            query = query.filter(lies_in(division));
        }
        if let Some(after) = page.after {
            query = query.filter(older_than(after));
        }
        let rows = query.all(self.db).await?;
        // Of those on the page only: joined, they might be looked for before the page is cut.
        let households = household::of_persons(self.db, rows.iter().map(|row| row.id)).await?;
        rows.into_iter()
            .map(|row| {
                let household_id = households.get(&row.id).copied();
                person_row::read(self.keys, &(row, household_id), &[])
            })
            .collect()
    }

    /// Ids and life of the persons whom a fact was told of, by id after this one, a thousand at a
    /// time; of any division.
    ///
    /// # Errors
    /// The database's.
    pub async fn told_of_anywhere(&self, after: Uuid) -> Result<Vec<(Uuid, Life)>, Failure> {
        let rows = person::Entity::find()
            .filter(person::Column::FactVersion.gt(0))
            .filter(person::Column::Id.gt(after))
            .order_by_asc(person::Column::Id)
            .limit(1000)
            .all(self.db)
            .await?;
        rows.iter()
            .map(|row| Ok((row.id, person_row::read_life(row)?)))
            .collect()
    }

    /// For each of these records, how many established persons have, or had, one of its numbers.
    ///
    /// # Errors
    /// The database's.
    pub async fn candidates(&self, records: &[Uuid]) -> Result<BTreeMap<Uuid, i64>, Failure> {
        if records.is_empty() {
            return Ok(BTreeMap::new());
        }
        let text = format!(
            "SELECT own.person_id AS id, count(DISTINCT COALESCE(holder.merged_into, holder.id)) AS n \
             FROM person_number own \
             JOIN person_number claim ON claim.number_index = own.number_index \
             JOIN person holder ON holder.id = claim.person_id AND holder.state IN ('established', 'merged') \
             WHERE own.person_id IN ({}) GROUP BY own.person_id",
            placeholders(1, records.len())
        );
        let values: Vec<sea_orm::Value> = records.iter().map(|id| val(*id)).collect();
        let rows = self.db.all(text, values).await?;
        rows.iter()
            .map(|row| Ok((row.get("id")?, row.get("n")?)))
            .collect()
    }
}

fn lies_in(division: DivisionCode) -> Condition {
    let (first, last) = division.bounds();
    let between = PLACES.map(|column| column.between(first.as_str(), last.as_str()));
    between.into_iter().fold(Condition::any(), Condition::add)
}

fn older_than(after: After) -> Condition {
    Condition::any()
        .add(person::Column::RegisteredAt.lt(after.order))
        .add(
            Condition::all()
                .add(person::Column::RegisteredAt.eq(after.order))
                .add(person::Column::Id.lt(after.id)),
        )
}
