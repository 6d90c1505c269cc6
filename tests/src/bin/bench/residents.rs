//! Many residents at once, written as the service `residents` writes them.

use jiff::ToSpan;
use jiff::civil::Date;
use minzheng_chassis::crypto::{FieldAddress, KeyRing};
use minzheng_chassis::db::Database;
use minzheng_chassis::identity::ResidentNumber;
use minzheng_tests::family::VILLAGE;
use sea_orm::ConnectionTrait;

use crate::facts;

/// Rows in one statement.
const AT_ONCE: u64 = 2000;

/// Demo numbers of one day of birth.
const PER_DAY: u64 = 900;

/// Fills the table of persons; the person at a place of [`facts::person`] is there.
pub(crate) async fn fill(db: &Database, keys: &KeyRing, count: u64) -> anyhow::Result<()> {
    let first: Date = "1930-01-01".parse()?;
    for begin in (0..count).step_by(usize::try_from(AT_ONCE)?) {
        let mut rows = Vec::new();
        for n in begin..(begin + AT_ONCE).min(count) {
            rows.push(row(keys, first, n)?);
        }
        let text = format!(
            "INSERT INTO person (id, state, id_type, id_number, name, phone, birth_date, sex, domicile, residence, \
             life_status, died_on, fact_version, corrections, registered_at, version) VALUES {}",
            rows.join(",")
        );
        db.writer().execute_unprepared(&text).await?;
    }
    db.writer()
        .execute_unprepared("VACUUM ANALYZE person")
        .await?;
    Ok(())
}

fn row(keys: &KeyRing, first: Date, n: u64) -> anyhow::Result<String> {
    let birth = first.saturating_add(i64::try_from(n / PER_DAY)?.days());
    let number = ResidentNumber::demo(birth, u16::try_from(n % PER_DAY)?)?;
    let id = facts::by_number(n).to_string();
    let sealed = |column: &str, text: &str| {
        let address = FieldAddress {
            service: "residents",
            table: "person",
            column,
            row: &id,
        };
        let bytes = keys.encrypt_field(address, text.as_bytes());
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        hex
    };
    let sex = if number.sex() == minzheng_chassis::identity::Sex::Male {
        "male"
    } else {
        "female"
    };
    Ok(format!(
        "('{id}','established','resident-id','\\x{}','\\x{}','\\x{}','{birth}','{sex}','{VILLAGE}','{VILLAGE}',\
         'alive','unknown',0,0,{},1)",
        sealed("id_number", number.expose()),
        sealed("name", "测载"),
        sealed("phone", &format!("138{:08}", n % 100_000_000)),
        1_700_000_000_000_000 + n
    ))
}
