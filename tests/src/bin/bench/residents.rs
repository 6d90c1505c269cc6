//! Many residents at once, written as the service `residents` writes them: encrypted, findable by
//! their numbers, spread over the villages of as many counties as so many people live in.

use std::fmt::Write;
use std::ops::Range;
use std::sync::Arc;

use jiff::ToSpan;
use jiff::civil::Date;
use minzheng_chassis::crypto::{FieldAddress, KeyRing};
use minzheng_chassis::db::{Database, Sql};
use minzheng_chassis::division::{DivisionCode, Divisions, Level};
use minzheng_chassis::identity::{ResidentNumber, Sex};
use minzheng_tests::family::COUNTY;
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::facts;

/// Rows that are made before they are sent.
const AT_ONCE: u64 = 2000;

/// Days of birth: ninety years, up to 2019. A prime, so that days and villages are spread apart from each other.
const DAYS: u64 = 32_869;

/// Who writes at once: one for each processor.
const WRITERS: u64 = 2;

/// People of a county of Guizhou: 38.6 million in 88 (census of 2020).
const PER_COUNTY: u64 = 438_000;

/// One person of so many lives elsewhere than at home.
const AWAY: u64 = 10;

/// Spreads what is counted on; a prime that divides no amount used here.
const SPREAD: u64 = 1_000_003;

const PERSONS: &str = "COPY person (id, state, id_type, id_number, name, phone, birth_date, sex, domicile, residence, \
                       life_status, died_on, fact_version, corrections, registered_at, version) FROM STDIN";

const NUMBERS: &str = "COPY person_number (number_index, person_id) FROM STDIN";

/// Villages in which so many people live: those of the county of the story first.
pub(crate) fn villages(residents: u64) -> anyhow::Result<Vec<DivisionCode>> {
    let all = Divisions::guizhou();
    let home: DivisionCode = COUNTY.parse()?;
    let others = all.within(DivisionCode::GUIZHOU, Level::County);
    let others = others.map(|(code, _)| code).filter(|code| *code != home);
    let counties = usize::try_from(residents.div_ceil(PER_COUNTY))?;
    let counties = std::iter::once(home).chain(others).take(counties);
    let of = |county| all.within(county, Level::Village).map(|(code, _)| code);
    Ok(counties.flat_map(of).collect())
}

/// Fills the tables of persons and of their numbers; the person at a place of [`facts::person`] is
/// there.
pub(crate) async fn fill(url: &str, keys: Arc<KeyRing>, count: u64) -> anyhow::Result<()> {
    let villages = villages(count)?;
    let slices = (0..WRITERS).map(|writer| {
        let slice = count * writer / WRITERS..count * (writer + 1) / WRITERS;
        let (url, villages) = (url.to_owned(), villages.clone());
        let keys = keys.clone();
        tokio::spawn(async move { write(&url, &keys, &villages, slice).await })
    });
    for slice in futures::future::try_join_all(slices).await? {
        slice?;
    }
    let db = Database::open_postgres(url, "bench", 1)?;
    db.writer().run("VACUUM ANALYZE person", []).await?;
    db.writer().run("VACUUM ANALYZE person_number", []).await?;
    db.close().await;
    Ok(())
}

async fn write(
    url: &str,
    keys: &KeyRing,
    villages: &[DivisionCode],
    slice: Range<u64>,
) -> anyhow::Result<()> {
    let (mut one, mut other) = (
        PgConnection::connect(url).await?,
        PgConnection::connect(url).await?,
    );
    let mut persons = one.copy_in_raw(PERSONS).await?;
    let mut numbers = other.copy_in_raw(NUMBERS).await?;
    for begin in slice.clone().step_by(usize::try_from(AT_ONCE)?) {
        let mut rows = Rows::default();
        for n in begin..(begin + AT_ONCE).min(slice.end) {
            rows.add(keys, villages, n)?;
        }
        persons.send(rows.persons.as_bytes()).await?;
        numbers.send(rows.numbers.as_bytes()).await?;
    }
    persons.finish().await?;
    numbers.finish().await?;
    Ok(())
}

/// Lines of both tables.
#[derive(Default)]
struct Rows {
    persons: String,
    numbers: String,
}

impl Rows {
    fn add(&mut self, keys: &KeyRing, villages: &[DivisionCode], n: u64) -> anyhow::Result<()> {
        let number = number(n)?;
        let birth = number.birth_date();
        let id = facts::by_number(n);
        let village = |n: u64| {
            let place = (n * SPREAD) % villages.len() as u64;
            villages[place as usize]
        };
        let residence = if n.is_multiple_of(AWAY) {
            village(n + 1)
        } else {
            village(n)
        };
        let sex = match number.sex() {
            Sex::Male => "male",
            Sex::Female => "female",
        };
        writeln!(
            self.persons,
            "{id}\testablished\tresident-id\t{}\t{}\t{}\t{birth}\t{sex}\t{}\t{residence}\talive\tunknown\t0\t0\t{}\t1",
            sealed(keys, id, "id_number", number.expose()),
            sealed(keys, id, "name", &name(n)),
            sealed(keys, id, "phone", &format!("138{:08}", n % 100_000_000)),
            village(n),
            1_700_000_000_000_000 + n
        )?;
        let text = format!("resident-id:{}", number.expose());
        let index = keys.blind_index("id-number", text.as_bytes());
        writeln!(self.numbers, "{}\t{id}", bytes(&index))?;
        Ok(())
    }
}

/// A number that nobody else has: another day of birth for each of so many people, then another sequence; every other
/// person is a man.
fn number(n: u64) -> anyhow::Result<ResidentNumber> {
    let first: Date = "1930-01-01".parse()?;
    let day = n * SPREAD % DAYS;
    let birth = first.saturating_add(i64::try_from(day)?.days());
    let sequence = n / DAYS * 2 + n % 2;
    Ok(ResidentNumber::demo(birth, u16::try_from(sequence)?)?)
}

/// An invented name.
fn name(n: u64) -> String {
    const GIVEN: [char; 16] = [
        '安', '宁', '和', '平', '明', '远', '清', '源', '山', '川', '云', '林', '春', '秋', '文',
        '武',
    ];
    let of = |n: u64| GIVEN[(n % 16) as usize];
    format!("测{}{}", of(n), of(n / 16))
}

fn sealed(keys: &KeyRing, id: Uuid, column: &str, text: &str) -> String {
    let row = id.to_string();
    let address = FieldAddress {
        service: "residents",
        table: "person",
        column,
        row: &row,
    };
    bytes(&keys.encrypt_field(address, text.as_bytes()))
}

/// A byte string as COPY reads it.
pub(crate) fn bytes(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2 + 3);
    text.push_str("\\\\x");
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn numbers_are_unique_and_spread_over_ninety_years_and_both_sexes() {
        let count = DAYS * 3;
        let numbers: Vec<ResidentNumber> = (0..count).map(|n| number(n).unwrap()).collect();
        let different: HashSet<&ResidentNumber> = numbers.iter().collect();
        assert_eq!(different.len() as u64, count);
        // Of few people as of many.
        for some in [&numbers[..3_000], &numbers[..]] {
            let decades: HashSet<i16> = some
                .iter()
                .map(|one| one.birth_date().year() / 10)
                .collect();
            assert_eq!(decades, (193..=201).collect());
            let men = some.iter().filter(|one| one.sex() == Sex::Male).count();
            assert_eq!(men, some.len() / 2);
        }
    }

    #[test]
    fn there_are_numbers_for_four_million() {
        assert!(number(3_999_999).is_ok());
    }
}
