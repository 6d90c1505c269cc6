//! 2: every report acknowledged to a client is settled, open in a visible queue, or rejected with a
//! reason; and so is everything else that was acknowledged: it is there, once.

use std::collections::{BTreeMap, BTreeSet};

use minzheng_proto::life_events::v1 as pb;
use minzheng_proto::life_events::v1::Phase;
use uuid::Uuid;

use super::{Found, Harm};
use crate::chaos::history::Op;
use crate::chaos::observe::Observed;

/// What an operation makes, as the tables call it.
fn makes(does: &str) -> Option<&'static str> {
    match does {
        "register" => Some("person"),
        "relate" => Some("kinship"),
        "create-facility" => Some("facility"),
        "create-bed" => Some("bed"),
        "place" | "accept" => Some("stay"),
        "wait" => Some("waiting_entry"),
        _ => None,
    }
}

pub(super) fn check(observed: &Observed) -> Found {
    let mut found = made(observed);
    found.extend(reports(observed));
    found.extend(visible(observed));
    found
}

/// What was acknowledged is there, and nothing else is.
fn made(observed: &Observed) -> Found {
    let mut acknowledged: BTreeMap<&str, BTreeSet<Uuid>> = BTreeMap::new();
    let mut unknown: BTreeMap<&str, usize> = BTreeMap::new();
    for op in &observed.ops {
        let Some(kind) = makes(op.does()) else {
            continue;
        };
        let ids = op.oks().filter_map(|answer| id_of(&answer["made"]));
        acknowledged.entry(kind).or_default().extend(ids);
        *unknown.entry(kind).or_default() += usize::from(op.is_unknown());
    }
    let mut found = Vec::new();
    for (kind, ids) in &acknowledged {
        let there = observed.tables.made.get(kind).cloned().unwrap_or_default();
        let lost = ids.difference(&there);
        found.extend(lost.map(|id| {
            (
                Harm::Lost,
                format!("{kind} {id} was acknowledged and is not there"),
            )
        }));
        found.extend(untold(kind, there.difference(ids), unknown[kind]));
    }
    found
}

/// What is there and no client was told of, where no operation is left that may have made it: one that nobody knows the
/// end of.
fn untold<'a>(kind: &str, surplus: impl Iterator<Item = &'a Uuid>, unknown: usize) -> Found {
    let surplus: Vec<&Uuid> = surplus.collect();
    if surplus.len() <= unknown {
        return Vec::new();
    }
    let text = |id| format!("{kind} {id} is there and no client was told of it");
    let told = |id| (Harm::Doubled, text(id));
    surplus.into_iter().map(told).collect()
}

fn id_of(value: &serde_json::Value) -> Option<Uuid> {
    value.as_str().and_then(|text| Uuid::parse_str(text).ok())
}

/// Every acknowledged report is evidence of the case that was named, once.
fn reports(observed: &Observed) -> Found {
    let mut found = Vec::new();
    let mut documents: BTreeSet<(String, String)> = BTreeSet::new();
    let mut unknown = 0;
    for op in observed.ops.iter().filter(|op| is_report(op)) {
        unknown += usize::from(op.is_unknown());
        let Some(case_id) = op.ok().and_then(|answer| answer["case"].as_str()) else {
            continue;
        };
        let (organisation, reference) = (op.what("organisation"), op.what("reference"));
        documents.insert((organisation.to_owned(), reference.to_owned()));
        let report = format!("report {reference} of {organisation}");
        let Some(case) = observed.api.cases.get(case_id) else {
            found.push((Harm::Lost, format!("{report}: case {case_id} is not there")));
            continue;
        };
        let evidence = case.evidence.iter().filter(|evidence| {
            evidence.source_organisation == organisation && evidence.reference == reference
        });
        match evidence.count() {
            0 => found.push((Harm::Lost, format!("{report} is not in case {case_id}"))),
            1 => {}
            more => found.push((
                Harm::Doubled,
                format!("{report} is {more} times in case {case_id}"),
            )),
        }
    }
    let answers = observed.ops.iter().flat_map(Op::oks);
    let told: BTreeSet<Uuid> = answers
        .filter_map(|answer| id_of(&answer["case"]))
        .collect();
    let cases = observed.tables.cases.keys();
    let surplus = cases.filter(|id| !told.contains(id));
    found.extend(untold("death_case", surplus, unknown));
    let there = observed
        .tables
        .made
        .get("evidence")
        .map_or(0, BTreeSet::len);
    if there > documents.len() + unknown {
        let told = documents.len();
        found.push((
            Harm::Doubled,
            format!("{there} pieces of evidence of {told} documents that were reported"),
        ));
    }
    found
}

fn is_report(op: &Op) -> bool {
    let proof = op.does() == "verify" && !op.what("reference").is_empty();
    proof || matches!(op.does(), "report" | "report-again")
}

/// A case is over, or says whom it waits for.
fn visible(observed: &Observed) -> Found {
    let waits_unseen = |case: &&pb::DeathCase| match case.phase() {
        Phase::Finished | Phase::Reversed | Phase::Rejected | Phase::MergedInto => false,
        Phase::Unspecified
        | Phase::InReview
        | Phase::Reported
        | Phase::Suspected
        | Phase::Notifying
        | Phase::Settled
        | Phase::Reversing => case.waiting.is_empty(),
    };
    let unseen = observed.api.cases.values().filter(waits_unseen);
    unseen
        .map(|case| {
            let phase = case.phase().as_str_name();
            (
                Harm::Lost,
                format!("case {} is {phase} and waits for nobody", case.id),
            )
        })
        .collect()
}
