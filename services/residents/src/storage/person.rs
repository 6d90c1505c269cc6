//! Persons: finders and saves. Names ending in `_anywhere` look past the caller's divisions.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::crypto::KeyRing;
use minzheng_chassis::db::Write;
use minzheng_chassis::db::dialect::padded;
use minzheng_chassis::problem::Problem;
use minzheng_chassis::seam::{Failure, UnitOfWork};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend,
    EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};
use uuid::Uuid;

use super::entity::{former_identity, household_member, person, person_number};
use super::numbers::Index;
use super::person_row::Row;
use super::scope::seen_in;
use super::{numbers, person_row};
use crate::domain::document::Document;
use crate::domain::person::{Person, RecordState};

/// The columns that place a record in divisions.
pub(super) const PLACES: [person::Column; 2] =
    [person::Column::Domicile, person::Column::Residence];

/// A record as it is kept.
#[derive(Clone, Debug)]
pub struct StoredPerson {
    /// The person.
    pub person: Person,
    /// The household that the person is a member of.
    pub household_id: Option<Uuid>,
    /// When the record was made.
    pub registered_at: Timestamp,
    /// Version of the aggregate.
    pub version: i64,
}

/// What a save changes.
#[derive(Clone, Copy, Debug)]
pub enum Changed {
    /// The state of the record.
    State,
    /// Number, name, date of birth, sex.
    Identity,
    /// Domicile and residence.
    Places,
}

/// Nobody by that id in the caller's divisions.
pub fn no_such_person() -> Problem {
    Problem::not_found("person", "人员")
}

/// The persons of one database, as one connection sees them.
pub struct Persons<'a, C> {
    pub(super) db: &'a C,
    pub(super) keys: &'a KeyRing,
}

impl<'a> Persons<'a, DatabaseTransaction> {
    /// Within a unit of work.
    pub fn within(uow: &'a UnitOfWork) -> Self {
        Self {
            db: uow.connection(),
            keys: uow.context().keys(),
        }
    }

    /// Adds a record that is new, and the index of its number.
    ///
    /// # Errors
    /// The database's.
    pub async fn add(&self, person: &Person, now: Timestamp) -> Result<StoredPerson, Failure> {
        let row = person_row::new_row(self.keys, person, now);
        person::Entity::insert(row)
            .exec_without_returning(self.db)
            .await?;
        numbers::note(self.db, self.keys, person.id, &person.identity.document).await?;
        Ok(StoredPerson {
            person: person.clone(),
            household_id: None,
            registered_at: now,
            version: 1,
        })
    }

    /// Saves what was changed of a record, if nobody else changed it meanwhile.
    ///
    /// # Errors
    /// Somebody did.
    pub async fn save(&self, stored: &mut StoredPerson, changed: Changed) -> Result<(), Failure> {
        let person = &stored.person;
        let mut row = person::ActiveModel::default();
        match changed {
            Changed::State => person_row::set_state(&mut row, person),
            Changed::Identity => person_row::set_identity(&mut row, self.keys, person),
            Changed::Places => person_row::set_places(&mut row, person),
        }
        let saved = person::Entity::update_many()
            .set(row)
            .col_expr(person::Column::Version, Expr::value(stored.version + 1))
            .filter(person::Column::Id.eq(person.id))
            .filter(person::Column::Version.eq(stored.version))
            .exec(self.db)
            .await?;
        if saved.rows_affected != 1 {
            return Err(Failure::Conflict("person".to_owned()));
        }
        stored.version += 1;
        Ok(())
    }

    /// Keeps an identity that was corrected, and the index of the number that replaced it.
    ///
    /// # Errors
    /// The database's.
    pub async fn keep_former(&self, person: &Person, id: Uuid) -> Result<(), Failure> {
        if let Some(former) = person.former.last() {
            let row = person_row::former_row(self.keys, id, person.id, former);
            former_identity::Entity::insert(row)
                .exec_without_returning(self.db)
                .await?;
        }
        numbers::note(self.db, self.keys, person.id, &person.identity.document).await
    }
}

/// What facts about their lives changed of records, each under its version; at least one.
pub fn lives(backend: DbBackend, stored: &[&StoredPerson]) -> Write {
    let (text, values) = person_row::update_lives(backend, stored);
    Write::new("person", text, values, stored.len())
}

impl<'a> Persons<'a, DatabaseConnection> {
    /// For queries.
    pub fn reading(cx: &'a Context) -> Self {
        Self {
            db: cx.db().reader(),
            keys: cx.keys(),
        }
    }
}

impl<C: ConnectionTrait> Persons<'_, C> {
    /// The connection, for what lies beside persons.
    pub fn connection(&self) -> &C {
        self.db
    }

    /// A record of the caller's divisions.
    ///
    /// # Errors
    /// NOT_FOUND.
    pub async fn find(&self, caller: &Caller, id: Uuid) -> Result<StoredPerson, Failure> {
        let scope = seen_in(caller, &PLACES);
        let found = self.one(id, scope).await?;
        found.ok_or_else(|| no_such_person().into())
    }

    /// A record of any division.
    ///
    /// # Errors
    /// The database's.
    pub async fn find_anywhere(&self, id: Uuid) -> Result<Option<StoredPerson>, Failure> {
        self.one(id, Condition::all()).await
    }

    /// Records of any division, by id.
    ///
    /// # Errors
    /// The database's.
    pub async fn all_anywhere(&self, ids: &[Uuid]) -> Result<Vec<StoredPerson>, Failure> {
        self.of_ids(ids, Condition::all()).await
    }

    /// Those of these records that lie in the caller's divisions, by id.
    ///
    /// # Errors
    /// The database's.
    pub async fn all(&self, caller: &Caller, ids: &[Uuid]) -> Result<Vec<StoredPerson>, Failure> {
        self.of_ids(ids, seen_in(caller, &PLACES)).await
    }

    /// The records that have, or had, a number, and the survivors of those that were merged, by
    /// id; of any division.
    ///
    /// # Errors
    /// The database's.
    pub async fn with_number_anywhere(&self, document: &Document) -> Result<Vec<Person>, Failure> {
        let Some(index) = numbers::of_number(self.keys, document) else {
            return Ok(Vec::new());
        };
        let claims = person_number::Entity::find()
            .select_only()
            .column(person_number::Column::PersonId)
            .filter(person_number::Column::NumberIndex.eq(index.to_vec()))
            .into_query();
        let mut found = self
            .of(person::Column::Id.in_subquery(claims), Condition::all())
            .await?;
        let ids: Vec<Uuid> = found.iter().map(|record| record.person.id).collect();
        let survivors: Vec<Uuid> = found
            .iter()
            .filter_map(|record| match record.person.state {
                RecordState::Merged { into } if !ids.contains(&into) => Some(into),
                _ => None,
            })
            .collect();
        found.extend(self.all_anywhere(&survivors).await?);
        found.sort_by_key(|record| record.person.id);
        found.dedup_by_key(|record| record.person.id);
        Ok(found.into_iter().map(|record| record.person).collect())
    }

    /// The records that have, or had, some numbers, by the number's hash and then by id; of any division, and
    /// without the survivors of those that were merged.
    ///
    /// # Errors
    /// The database's.
    pub async fn with_numbers_anywhere(
        &self,
        asked: &BTreeSet<Index>,
    ) -> Result<BTreeMap<Index, Vec<Person>>, Failure> {
        let hashes: Vec<Vec<u8>> = asked.iter().map(|number| number.to_vec()).collect();
        let claims = person_number::Entity::find()
            .select_only()
            .column(person_number::Column::PersonId)
            .filter(person_number::Column::NumberIndex.is_in(padded(hashes)))
            .into_query();
        let rows = person::Entity::find()
            .filter(person::Column::Id.in_subquery(claims))
            .order_by_asc(person::Column::Id)
            .all(self.db)
            .await?;
        // Nobody asks for their households here.
        let rows: Vec<Row> = rows.into_iter().map(|row| (row, None)).collect();
        let found = self.with_former(&rows).await?;
        let mut by_number: BTreeMap<Index, Vec<Person>> = BTreeMap::new();
        for StoredPerson { person, .. } in found {
            let former = person.former.iter().map(|former| &former.identity);
            let identities = former.chain([&person.identity]);
            let own: BTreeSet<Index> = identities
                .filter_map(|identity| numbers::of_number(self.keys, &identity.document))
                .collect();
            for number in own {
                by_number.entry(number).or_default().push(person.clone());
            }
        }
        Ok(by_number)
    }

    async fn one(&self, id: Uuid, scope: Condition) -> Result<Option<StoredPerson>, Failure> {
        Ok(self.of_ids(&[id], scope).await?.pop())
    }

    async fn of_ids(&self, ids: &[Uuid], scope: Condition) -> Result<Vec<StoredPerson>, Failure> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.of(person::Column::Id.is_in(padded(ids.to_vec())), scope)
            .await
    }

    async fn of(&self, these: Expr, scope: Condition) -> Result<Vec<StoredPerson>, Failure> {
        let rows = person::Entity::find()
            .find_also_related(household_member::Entity)
            .filter(these)
            .filter(scope)
            .order_by_asc(person::Column::Id)
            .all(self.db)
            .await?;
        let with_household = |(row, membership): (_, Option<household_member::Model>)| {
            (row, membership.map(|membership| membership.household_id))
        };
        let rows: Vec<Row> = rows.into_iter().map(with_household).collect();
        self.with_former(&rows).await
    }

    /// Reads rows along with their former identities.
    async fn with_former(&self, rows: &[Row]) -> Result<Vec<StoredPerson>, Failure> {
        let corrected = rows.iter().filter(|(row, _)| row.corrections > 0);
        let corrected = corrected.map(|(row, _)| row.id).collect();
        let former = self.former(corrected).await?;
        rows.iter()
            .map(|row| {
                let own: Vec<former_identity::Model> = former
                    .iter()
                    .filter(|former| former.person_id == row.0.id)
                    .cloned()
                    .collect();
                person_row::read(self.keys, row, &own)
            })
            .collect()
    }

    /// The former identities of persons, oldest first.
    async fn former(&self, persons: Vec<Uuid>) -> Result<Vec<former_identity::Model>, Failure> {
        if persons.is_empty() {
            return Ok(Vec::new());
        }
        let former = former_identity::Entity::find()
            .filter(former_identity::Column::PersonId.is_in(persons))
            .order_by_asc(former_identity::Column::ReplacedAt)
            .order_by_asc(former_identity::Column::Id)
            .all(self.db)
            .await?;
        Ok(former)
    }
}
