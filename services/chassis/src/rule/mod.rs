//! Rules as dated data: every rule with a number is a row. The longest division prefix that is valid
//! on the day wins; the row's id is stored with the decision, so that it can be explained and
//! replayed.

use jiff::Timestamp;
use jiff::civil::Date;
use sea_orm::{ConnectionTrait, DbErr};
use uuid::Uuid;

use crate::civil::micros;
use crate::context::new_id;
use crate::db::dialect::placeholders;
use crate::db::{Insert, Sql, val};
use crate::division::DivisionCode;
use crate::problem::{Kind, Problem};
use crate::seam::Failure;

/// A row that the service brings with it.
#[derive(Clone, Copy, Debug)]
pub struct Seed {
    /// The programme it belongs to.
    pub programme: &'static str,
    /// The rule.
    pub key: &'static str,
    /// Division whose subtree it is for, 12 digits.
    pub division: &'static str,
    /// The number.
    pub value: i64,
    /// Its unit.
    pub unit: &'static str,
    /// First day, `YYYY-MM-DD`.
    pub valid_from: &'static str,
    /// The article, standard or `demo`.
    pub legal_basis: &'static str,
}

/// A rule as it was found: the number and the row that it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The row; store it with the decision.
    pub id: Uuid,
    /// The number.
    pub value: i64,
    /// Its unit.
    pub unit: String,
    /// The article, standard or `demo`.
    pub legal_basis: String,
}

/// The rule of a division on a day. Of several that are valid for one division the newest stands: whoever adds a
/// successor need not end the one before.
///
/// # Errors
/// NO_RULE, if no row is valid there and then: never a zero.
pub async fn find(
    db: &impl ConnectionTrait,
    programme: &str,
    key: &str,
    division: DivisionCode,
    day: Date,
) -> Result<Rule, Failure> {
    let mut places = vec![division.to_string()];
    let mut place = division;
    while let Some(parent) = place.parent() {
        places.push(parent.to_string());
        place = parent;
    }
    let text = format!(
        "SELECT id, value, unit, legal_basis, division FROM rule WHERE programme = $1 AND key = $2 AND valid_from <= $3 \
         AND (valid_to IS NULL OR valid_to >= $3) AND division IN ({}) ORDER BY valid_from DESC",
        placeholders(4, places.len())
    );
    let mut values = vec![val(programme), val(key), val(day.to_string())];
    values.extend(places.iter().map(|code| val(code.clone())));
    let rows = db.all(text, values).await?;
    let mut best: Option<(usize, Rule)> = None;
    for row in &rows {
        let at: String = row.get("division")?;
        let distance = places
            .iter()
            .position(|code| *code == at)
            .unwrap_or(usize::MAX);
        if best
            .as_ref()
            .is_some_and(|(nearest, _)| *nearest <= distance)
        {
            continue;
        }
        let rule = Rule {
            id: row.get("id")?,
            value: row.get("value")?,
            unit: row.get("unit")?,
            legal_basis: row.get("legal_basis")?,
        };
        best = Some((distance, rule));
    }
    best.map(|(_, rule)| rule)
        .ok_or_else(|| no_rule(programme, key, division).into())
}

fn no_rule(programme: &str, key: &str, division: DivisionCode) -> Problem {
    Problem::new(
        Kind::FailedPrecondition,
        "NO_RULE",
        format!("{division} has no rule {programme}/{key} for that day"),
        format!("该地区尚未设置规则 {programme}/{key}"),
    )
}

/// Writes the rows that a service brings; rows that exist are left alone.
pub(crate) async fn seed(
    db: &impl ConnectionTrait,
    seeds: &[Seed],
    now: Timestamp,
) -> Result<(), DbErr> {
    if seeds.is_empty() {
        return Ok(());
    }
    let insert = Insert {
        table: "rule",
        columns: &[
            "id",
            "programme",
            "key",
            "division",
            "value",
            "unit",
            "valid_from",
            "legal_basis",
            "recorded_at",
        ],
        tail: "ON CONFLICT (programme, key, division, valid_from) DO NOTHING",
    };
    let (text, values) = insert.rows(
        db.get_database_backend(),
        seeds.iter().map(|seed| {
            vec![
                val(new_id(now)),
                val(seed.programme),
                val(seed.key),
                val(seed.division),
                val(seed.value),
                val(seed.unit),
                val(seed.valid_from),
                val(seed.legal_basis),
                val(micros(now)),
            ]
        }),
    );
    db.run(text, values).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
