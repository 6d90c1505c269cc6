//! 11: every change has one audit record of its own, a refused one has none, every look at personal
//! data has one; and none was changed afterwards.

use std::collections::BTreeMap;

use minzheng_chassis::operations::checks;
use uuid::Uuid;

use super::{Found, Harm, verified};
use crate::chaos::history::Op;
use crate::chaos::observe::{AuditRow, Observed};

/// The action of the audit record of an operation.
fn action(does: &str) -> Option<&'static str> {
    Some(match does {
        "register" => "RegisterPerson",
        "relate" => "RecordKinship",
        "create-facility" => "CreateFacility",
        "create-bed" => "CreateBed",
        "place" => "PlaceResident",
        "wait" => "AddToWaitingList",
        "accept" => "AcceptOffer",
        "open-file" => "OpenChildFile",
        "appoint" => "AppointGuardian",
        "report" | "report-again" => "ReportDeath",
        "verify" => "CompleteVerification",
        "correct" => "CorrectDeath",
        "prepare" => "PrepareReversal",
        "approve" | "approve-own" => "ApproveReversal",
        _ => return None,
    })
}

pub(super) fn one_each(observed: &Observed) -> Found {
    let mut by_cause: BTreeMap<Uuid, Vec<&AuditRow>> = BTreeMap::new();
    for row in &observed.tables.audit {
        if let Some(causation) = row.causation {
            by_cause.entry(causation).or_default().push(row);
        }
    }
    let mut found = Vec::new();
    let mut told: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for op in &observed.ops {
        let (Some(action), Ok(id)) = (action(op.does()), Uuid::parse_str(&op.deed.id)) else {
            continue;
        };
        let rows = by_cause.get(&id).map_or(&[][..], Vec::as_slice);
        let rows: Vec<&&AuditRow> = rows.iter().filter(|row| row.action == action).collect();
        found.extend(of_one(op, action, &rows));
        if matches!(op.does(), "report" | "report-again") && !op.is_unknown() {
            let document = (op.what("organisation"), op.what("reference"));
            *told.entry(document).or_default() += rows.len();
        }
    }
    found.extend(of_documents(observed, &told));
    found.extend(looks(observed));
    found.extend(verified(observed, checks::AUDIT_MAC, Harm::Wrong));
    found
}

fn of_one(op: &Op, action: &str, rows: &[&&AuditRow]) -> Found {
    let about = format!("{action} under {}", op.deed.id);
    let mut found = Vec::new();
    if op.is_refused() && !rows.is_empty() {
        found.push((
            Harm::Wrong,
            format!("{about} was refused and is in the audit"),
        ));
    }
    // The same document told again changes nothing: counted together, below.
    let is_report = matches!(op.does(), "report" | "report-again");
    if op.ok().is_some() && rows.is_empty() && !is_report {
        found.push((
            Harm::Lost,
            format!("{about} was acknowledged and is not in the audit"),
        ));
    }
    let mut changed: BTreeMap<(&str, Uuid), usize> = BTreeMap::new();
    for row in rows {
        *changed
            .entry((&row.aggregate, row.aggregate_id))
            .or_default() += 1;
    }
    for ((aggregate, id), times) in changed.into_iter().filter(|(_, times)| *times > 1) {
        found.push((
            Harm::Doubled,
            format!("{about} is {times} times in the audit of {aggregate} {id}"),
        ));
    }
    found
}

/// One document is one change, however often it is told.
fn of_documents(observed: &Observed, told: &BTreeMap<(&str, &str), usize>) -> Found {
    let acknowledged = observed
        .ops
        .iter()
        .filter(|op| matches!(op.does(), "report" | "report-again") && op.ok().is_some());
    let mut found = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for op in acknowledged {
        let document = (op.what("organisation"), op.what("reference"));
        let times = told.get(&document).copied().unwrap_or_default();
        if times == 1 || !seen.insert(document) {
            continue;
        }
        let harm = if times == 0 {
            Harm::Lost
        } else {
            Harm::Doubled
        };
        let (organisation, reference) = document;
        found.push((
            harm,
            format!("document {reference} of {organisation} is {times} times in the audit"),
        ));
    }
    found
}

fn looks(observed: &Observed) -> Found {
    let mut looked: BTreeMap<&str, usize> = BTreeMap::new();
    for op in observed.ops.iter().filter(|op| op.does() == "look") {
        *looked.entry(op.what("person")).or_default() += op.oks().count();
    }
    let mut recorded: BTreeMap<String, usize> = BTreeMap::new();
    for row in &observed.tables.audit {
        if row.action == "GetPerson" {
            *recorded.entry(row.aggregate_id.to_string()).or_default() += 1;
        }
    }
    let missing = looked
        .into_iter()
        .filter(|(person, times)| recorded.get(*person).copied().unwrap_or_default() < *times);
    missing
        .map(|(person, times)| {
            (
                Harm::Lost,
                format!("{times} looks at person {person} are not all in the audit"),
            )
        })
        .collect()
}
