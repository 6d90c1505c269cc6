//! 10: the same request has the same answer; the same id with other content is refused.

use std::collections::{BTreeMap, BTreeSet};

use super::{Found, Harm};
use crate::chaos::observe::Observed;
use crate::chaos::workload::OWN_APPROVAL;

pub(super) fn same(observed: &Observed) -> Found {
    let mut found = answers(observed);
    found.extend(references(observed));
    found.extend(misused(observed));
    found
}

/// All answers under one request id are one.
fn answers(observed: &Observed) -> Found {
    let mut found = Vec::new();
    for op in observed.ops.iter().filter(|op| op.is_change()) {
        let answers: BTreeSet<&str> = op
            .oks()
            .filter_map(|answer| answer["digest"].as_str())
            .collect();
        if answers.len() > 1 {
            found.push((
                Harm::Wrong,
                format!(
                    "{} under {} has {} answers",
                    op.does(),
                    op.deed.id,
                    answers.len()
                ),
            ));
        }
        let refused_later = op
            .attempts
            .iter()
            .skip_while(|attempt| attempt.kind != crate::chaos::history::Kind::Ok)
            .filter_map(|attempt| attempt.answer["reason"].as_str())
            .find(|reason| *reason != "CONTENDED");
        if let Some(reason) = refused_later {
            found.push((
                Harm::Wrong,
                format!(
                    "{} under {} was acknowledged, then refused: {reason}",
                    op.does(),
                    op.deed.id
                ),
            ));
        }
    }
    found
}

/// Everybody who tells one document is named one case.
fn references(observed: &Observed) -> Found {
    let mut cases: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for op in &observed.ops {
        if !matches!(op.does(), "report" | "report-again") {
            continue;
        }
        let named = op.oks().filter_map(|answer| answer["case"].as_str());
        let document = (op.what("organisation"), op.what("reference"));
        cases.entry(document).or_default().extend(named);
    }
    let split = cases.into_iter().filter(|(_, cases)| cases.len() > 1);
    split
        .map(|((organisation, reference), cases)| {
            let text = format!("document {reference} of {organisation} is in {cases:?}");
            (Harm::Doubled, text)
        })
        .collect()
}

/// What must be refused was taken: a request id or a reference that was used for something else, the approval of what
/// one prepared oneself.
fn misused(observed: &Observed) -> Found {
    let stories = observed.ops.iter().filter(|op| op.does() == "story");
    let taken = stories.flat_map(|op| &op.attempts).filter_map(|attempt| {
        let reason = attempt.answer["reason"].as_str()?;
        let is_taken = reason.starts_with("misuse") || reason == OWN_APPROVAL;
        is_taken.then(|| reason.to_owned())
    });
    taken.map(|reason| (Harm::Wrong, reason)).collect()
}
