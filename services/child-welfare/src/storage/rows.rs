//! Rows into children and back.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::str::FromStr;

use jiff::civil::Date;
use minzheng_chassis::civil::{PartialDate, from_micros, micros};
use minzheng_chassis::division::DivisionCode;
use sea_orm::DbErr;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::entity::{child, child_kin, parent_situation};
use super::rules::RuleRows;
use crate::domain::{
    Appointment, Child, File, Heard, Life, OpenItem, Relation, Relative, Since, Spell, Standing,
    Urgency,
};

/// Where a standing counts from nothing.
const NOT_COUNTED: &str = "none";
/// Where the month cannot be computed.
const UNKNOWN: &str = "unknown";

pub(super) fn parse<T>(column: &str, text: &str) -> Result<T, DbErr>
where
    T: FromStr,
    T::Err: Display,
{
    text.parse()
        .map_err(|error| DbErr::Type(format!("column {column}: {error}")))
}

fn parse_opt<T>(column: &str, text: Option<&String>) -> Result<Option<T>, DbErr>
where
    T: FromStr,
    T::Err: Display,
{
    text.map(|text| parse(column, text)).transpose()
}

pub(super) fn from_json<T: DeserializeOwned>(column: &str, text: &str) -> Result<T, DbErr> {
    serde_json::from_str(text).map_err(|error| DbErr::Type(format!("column {column}: {error}")))
}

pub(super) fn to_json<T: Serialize>(column: &str, value: &T) -> Result<String, DbErr> {
    serde_json::to_string(value).map_err(|error| DbErr::Type(format!("column {column}: {error}")))
}

fn life(code: &str, died_on: &str) -> Result<Life, DbErr> {
    match code {
        "alive" => Ok(Life::Alive),
        "suspected" => Ok(Life::Suspected),
        "dead" => Ok(Life::Dead {
            died_on: parse("died_on", died_on)?,
        }),
        _ => Err(DbErr::Type("column life: no such code".to_owned())),
    }
}

fn life_code(life: Life) -> &'static str {
    match life {
        Life::Alive => "alive",
        Life::Suspected => "suspected",
        Life::Dead { .. } => "dead",
    }
}

fn died_on(life: Life) -> String {
    life.died_on().unwrap_or(PartialDate::UNKNOWN).to_string()
}

fn since(text: &str) -> Result<Since, DbErr> {
    match text {
        NOT_COUNTED => Ok(Since::NotCounted),
        UNKNOWN => Ok(Since::Unknown),
        month => Ok(Since::Month(parse("since", month)?)),
    }
}

fn since_text(since: Since) -> String {
    match since {
        Since::NotCounted => NOT_COUNTED.to_owned(),
        Since::Unknown => UNKNOWN.to_owned(),
        Since::Month(month) => month.to_string(),
    }
}

/// A child without those around it.
pub(super) fn alone(row: &child::Model) -> Result<Child, DbErr> {
    let division: DivisionCode = parse("division", &row.division)?;
    let opened_on: Option<Date> = parse_opt("opened_on", row.opened_on.as_ref())?;
    let parents_not_found_since = parse_opt(
        "parents_not_found_since",
        row.parents_not_found_since.as_ref(),
    )?;
    Ok(Child {
        id: row.id,
        birth_date: parse("birth_date", &row.birth_date)?,
        division,
        file: opened_on.map(|opened_on| File {
            opened_on,
            parents_not_found_since,
        }),
        kinship_heard: row.kinship_heard,
        relatives: BTreeMap::new(),
        own: Heard {
            life: life(&row.life, &row.died_on)?,
            fact_version: row.fact_version,
            case_id: row.case_id,
        },
        standing: Standing {
            situation: parse("situation", &row.situation)?,
            carer: parse_opt("carer", row.carer.as_ref())?,
            since: since(&row.since)?,
        },
        visited: row
            .visited
            .as_ref()
            .map(|text| from_json("visited", text))
            .transpose()?,
        visit: visit(row, division)?,
        month_item: month_item(row, division)?,
        start_month: row
            .start_month
            .as_ref()
            .map(|text| from_json("start_month", text))
            .transpose()?,
        version: row.version,
    })
}

fn visit(row: &child::Model, division: DivisionCode) -> Result<Option<OpenItem>, DbErr> {
    let Some(urgency) = parse_opt("visit_urgency", row.visit_urgency.as_ref())? else {
        return Ok(None);
    };
    let times = (row.visit_opened_at, row.visit_due_at);
    open_item(row.visit_item_id, urgency, division, times)
}

fn month_item(row: &child::Model, division: DivisionCode) -> Result<Option<OpenItem>, DbErr> {
    let times = (row.month_opened_at, row.month_due_at);
    open_item(row.month_item_id, Urgency::Normal, division, times)
}

fn open_item(
    id: Option<Uuid>,
    urgency: Urgency,
    division: DivisionCode,
    times: (Option<i64>, Option<i64>),
) -> Result<Option<OpenItem>, DbErr> {
    let (Some(id), (Some(opened_at), Some(due_at))) = (id, times) else {
        return Ok(None);
    };
    let instant = |micros| from_micros(micros).map_err(|error| DbErr::Type(error.to_string()));
    Ok(Some(OpenItem {
        id,
        urgency,
        division,
        opened_at: instant(opened_at)?,
        due_at: instant(due_at)?,
    }))
}

/// The child's own row.
pub(super) fn row(
    child: &Child,
    review_on: Option<Date>,
    rules: &RuleRows,
    version: i64,
) -> Result<child::Model, DbErr> {
    let not_found = child.file.and_then(|file| file.parents_not_found_since);
    Ok(child::Model {
        id: child.id,
        birth_date: child.birth_date.to_string(),
        division: child.division.to_string(),
        opened_on: child.file.map(|file| file.opened_on.to_string()),
        parents_not_found_since: not_found.map(|day| day.to_string()),
        kinship_heard: child.kinship_heard,
        life: life_code(child.own.life).to_owned(),
        died_on: died_on(child.own.life),
        fact_version: child.own.fact_version,
        case_id: child.own.case_id,
        situation: child.standing.situation.code().to_owned(),
        carer: child.standing.carer.map(|carer| carer.code().to_owned()),
        since: since_text(child.standing.since),
        visited: child
            .visited
            .as_ref()
            .map(|visit| to_json("visited", visit))
            .transpose()?,
        visit_item_id: child.visit.map(|item| item.id),
        visit_urgency: child.visit.map(|item| item.urgency.code().to_owned()),
        visit_opened_at: child.visit.map(|item| micros(item.opened_at)),
        visit_due_at: child.visit.map(|item| micros(item.due_at)),
        month_item_id: child.month_item.map(|item| item.id),
        month_opened_at: child.month_item.map(|item| micros(item.opened_at)),
        month_due_at: child.month_item.map(|item| micros(item.due_at)),
        start_month: child
            .start_month
            .as_ref()
            .map(|month| to_json("start_month", month))
            .transpose()?,
        review_on: review_on.map(|day| day.to_string()),
        separation_rule_id: rules.separation,
        visit_rule_id: rules.visit,
        month_rule_id: rules.month,
        version,
    })
}

/// One person around a child, without a parent's situations.
pub(super) fn relative(row: &child_kin::Model) -> Result<Relative, DbErr> {
    let codes = row.relations.split(',').filter(|code| !code.is_empty());
    let relations: Result<BTreeSet<Relation>, DbErr> =
        codes.map(|code| parse("relations", code)).collect();
    Ok(Relative {
        birth_date: parse("birth_date", &row.birth_date)?,
        relations: relations?,
        appointment: appointment(row)?,
        heard: Heard {
            life: life(&row.life, &row.died_on)?,
            fact_version: row.fact_version,
            case_id: row.case_id,
        },
        spells: Vec::new(),
        ability: parse("ability", &row.ability)?,
    })
}

fn appointment(row: &child_kin::Model) -> Result<Option<Appointment>, DbErr> {
    let basis = parse_opt("appointment_basis", row.appointment_basis.as_ref())?;
    let since = parse_opt("appointment_since", row.appointment_since.as_ref())?;
    let (Some(basis), Some(since)) = (basis, since) else {
        return Ok(None);
    };
    Ok(Some(Appointment {
        basis,
        since,
        until: parse_opt("appointment_until", row.appointment_until.as_ref())?,
        legal_basis: row.appointment_legal_basis.clone().unwrap_or_default(),
    }))
}

pub(super) fn kin_row(child_id: Uuid, person_id: Uuid, relative: &Relative) -> child_kin::Model {
    let relations: Vec<&str> = relative.relations.iter().map(|it| it.code()).collect();
    let appointment = relative.appointment.as_ref();
    child_kin::Model {
        child_id,
        person_id,
        relations: relations.join(","),
        birth_date: relative.birth_date.to_string(),
        life: life_code(relative.heard.life).to_owned(),
        died_on: died_on(relative.heard.life),
        fact_version: relative.heard.fact_version,
        case_id: relative.heard.case_id,
        ability: relative.ability.code().to_owned(),
        appointment_basis: appointment.map(|it| it.basis.code().to_owned()),
        appointment_since: appointment.map(|it| it.since.to_string()),
        appointment_until: appointment.and_then(|it| it.until.map(|day| day.to_string())),
        appointment_legal_basis: appointment.map(|it| it.legal_basis.clone()),
    }
}

pub(super) fn spell(row: &parent_situation::Model) -> Result<Spell, DbErr> {
    Ok(Spell {
        kind: parse("kind", &row.kind)?,
        since: parse("since", &row.since)?,
        term_until: parse_opt("term_until", row.term_until.as_ref())?,
        ended_on: parse_opt("ended_on", row.ended_on.as_ref())?,
        legal_basis: row.legal_basis.clone(),
    })
}

pub(super) fn spell_rows(child: &Child) -> Vec<parent_situation::Model> {
    let of_each = child.relatives.iter().flat_map(|(person_id, relative)| {
        let numbered = (0_i32..).zip(&relative.spells);
        numbered.map(move |(ordinal, spell)| parent_situation::Model {
            child_id: child.id,
            person_id: *person_id,
            ordinal,
            kind: spell.kind.code().to_owned(),
            since: spell.since.to_string(),
            term_until: spell.term_until.map(|day| day.to_string()),
            ended_on: spell.ended_on.map(|day| day.to_string()),
            legal_basis: spell.legal_basis.clone(),
        })
    });
    of_each.collect()
}
