//! Rows ↔ persons.

use jiff::Timestamp;
use jiff::civil::Date;
use minzheng_chassis::civil::{from_micros, micros};
use minzheng_chassis::crypto::KeyRing;
use minzheng_chassis::db::{rows_of, val};
use minzheng_chassis::identity::PersonName;
use minzheng_chassis::seam::Failure;
use sea_orm::{DbBackend, Set, Value};
use uuid::Uuid;

use super::codes::{self, unknown};
use super::entity::{former_identity, person};
use super::person::StoredPerson;
use super::seal::Seal;
use crate::domain::document::Document;
use crate::domain::effect::Places;
use crate::domain::identity::{FormerIdentity, Identity};
use crate::domain::life::{Life, Since};
use crate::domain::person::Person;
use crate::domain::phone::Phone;

const PERSON: &str = "person";
const FORMER_IDENTITY: &str = "former_identity";

/// A new row.
pub(super) fn new_row(keys: &KeyRing, person: &Person, now: Timestamp) -> person::ActiveModel {
    let seal = Seal::of(keys, PERSON, person.id);
    let phone = person.phone.as_ref().map(Phone::expose);
    let mut row = person::ActiveModel {
        id: Set(person.id),
        phone: Set(seal.close("phone", phone)),
        registered_at: Set(micros(now)),
        version: Set(1),
        ..Default::default()
    };
    set_state(&mut row, person);
    set_identity(&mut row, keys, person);
    set_places(&mut row, person);
    set_life(&mut row, person);
    row
}

/// The columns that a decision changes.
pub(super) fn set_state(row: &mut person::ActiveModel, person: &Person) {
    row.state = Set(codes::state_name(person.state).to_owned());
    row.merged_into = Set(codes::merged_into(person.state));
}

/// The columns that a correction changes.
pub(super) fn set_identity(row: &mut person::ActiveModel, keys: &KeyRing, person: &Person) {
    let seal = Seal::of(keys, PERSON, person.id);
    let document = &person.identity.document;
    let name = person.identity.name.as_ref().map(PersonName::expose);
    row.id_type = Set(document.id_type().name().to_owned());
    row.id_number = Set(seal.close("id_number", document.expose_number()));
    row.name = Set(seal.close("name", name));
    row.birth_date = Set(person.birth_date.to_string());
    row.sex = Set(person.sex.map(|sex| codes::sex_name(sex).to_owned()));
    row.corrections = Set(i64::try_from(person.former.len()).unwrap_or(i64::MAX));
}

/// The columns that a move changes.
pub(super) fn set_places(row: &mut person::ActiveModel, person: &Person) {
    row.domicile = Set(person.places.domicile.to_string());
    row.residence = Set(person.places.residence.to_string());
}

/// The columns that a fact changes.
pub(super) fn set_life(row: &mut person::ActiveModel, person: &Person) {
    let life = &person.life;
    row.life_status = Set(life.status.name().to_owned());
    row.died_on = Set(life.died_on.to_string());
    row.case_id = Set(life.since.map(|since| since.case_id));
    row.fact_version = Set(life.fact_version());
}

/// The columns that a fact changes, of several rows at once, each under its version.
pub(super) fn update_lives(backend: DbBackend, stored: &[&StoredPerson]) -> (String, Vec<Value>) {
    let rows = stored.iter().map(|stored| {
        let life = &stored.person.life;
        vec![
            val(stored.person.id),
            val(stored.version),
            val(life.status.name()),
            val(life.died_on.to_string()),
            val(life.since.map(|since| since.case_id)),
            val(life.fact_version()),
        ]
    });
    let (rows, values) = rows_of(backend, rows);
    let text = format!(
        "UPDATE person SET life_status = told.column3, died_on = told.column4, case_id = told.column5, \
         fact_version = told.column6, version = person.version + 1 FROM ({rows}) AS told \
         WHERE person.id = told.column1 AND person.version = told.column2"
    );
    (text, values)
}

/// A row of an identity that was corrected.
pub(super) fn former_row(
    keys: &KeyRing,
    id: Uuid,
    person_id: Uuid,
    former: &FormerIdentity,
) -> former_identity::ActiveModel {
    let seal = Seal::of(keys, FORMER_IDENTITY, id);
    let document = &former.identity.document;
    let name = former.identity.name.as_ref().map(PersonName::expose);
    former_identity::ActiveModel {
        id: Set(id),
        person_id: Set(person_id),
        id_type: Set(document.id_type().name().to_owned()),
        id_number: Set(seal.close("id_number", document.expose_number())),
        name: Set(seal.close("name", name)),
        replaced_at: Set(micros(former.replaced_at)),
        reason: Set(former.reason.clone()),
    }
}

/// A person's row, and the household that they are a member of.
pub(super) type Row = (person::Model, Option<Uuid>);

/// The person of a row and of its former identities, oldest first.
pub(super) fn read(
    keys: &KeyRing,
    (row, household_id): &Row,
    former: &[former_identity::Model],
) -> Result<StoredPerson, Failure> {
    let seal = Seal::of(keys, PERSON, row.id);
    let phone = seal.open("phone", row.phone.as_ref())?;
    let phone = phone.map(|phone| Phone::parse(phone.expose()));
    let former = former
        .iter()
        .map(|row| read_former(keys, row))
        .collect::<Result<_, _>>()?;
    let person = Person {
        id: row.id,
        state: codes::state(&row.state, row.merged_into)?,
        identity: read_identity(
            &seal,
            &row.id_type,
            row.id_number.as_ref(),
            row.name.as_ref(),
        )?,
        former,
        phone: phone.transpose().map_err(|_| unknown("telephone"))?,
        birth_date: parse("date of birth", &row.birth_date)?,
        sex: row.sex.as_deref().map(codes::sex).transpose()?,
        places: Places {
            domicile: parse("domicile", &row.domicile)?,
            residence: parse("residence", &row.residence)?,
        },
        life: read_life(row)?,
    };
    Ok(StoredPerson {
        person,
        household_id: *household_id,
        registered_at: instant(row.registered_at)?,
        version: row.version,
    })
}

/// The life status of a row.
pub(super) fn read_life(row: &person::Model) -> Result<Life, Failure> {
    let since = row.case_id.map(|case_id| Since {
        case_id,
        fact_version: row.fact_version,
    });
    Ok(Life {
        status: parse("life status", &row.life_status)?,
        died_on: parse("date of death", &row.died_on)?,
        since,
    })
}

fn read_former(keys: &KeyRing, row: &former_identity::Model) -> Result<FormerIdentity, Failure> {
    let seal = Seal::of(keys, FORMER_IDENTITY, row.id);
    Ok(FormerIdentity {
        identity: read_identity(
            &seal,
            &row.id_type,
            row.id_number.as_ref(),
            row.name.as_ref(),
        )?,
        replaced_at: instant(row.replaced_at)?,
        reason: row.reason.clone(),
    })
}

fn read_identity(
    seal: &Seal<'_>,
    id_type: &str,
    id_number: Option<&Vec<u8>>,
    name: Option<&Vec<u8>>,
) -> Result<Identity, Failure> {
    let id_type = codes::id_type(id_type)?;
    let number = seal.open("id_number", id_number)?;
    let number = number.as_ref().map_or("", |number| number.expose());
    // It was checked against its day when it was recorded.
    let document = Document::parse(id_type, number, Date::MAX);
    let name = seal.open("name", name)?;
    let name = name.map(|name| PersonName::parse(name.expose()));
    Ok(Identity {
        document: document.map_err(|_| unknown("number"))?,
        name: name.transpose().map_err(|_| unknown("name"))?,
    })
}

/// Reads a stored text.
pub(super) fn parse<T: std::str::FromStr>(what: &'static str, text: &str) -> Result<T, Failure> {
    text.parse().map_err(|_| unknown(what))
}

/// Reads a stored instant.
pub(super) fn instant(micros: i64) -> Result<Timestamp, Failure> {
    from_micros(micros).map_err(Failure::internal)
}
