//! 9 and 13: settled only when everybody has answered; and once nothing is broken any more,
//! everybody does.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use minzheng_chassis::operations::checks;
use minzheng_proto::topics::LIFE_EVENTS_RECEIPTS;
use uuid::Uuid;

use super::{Found, Harm, verified};
use crate::chaos::observe::{Case, Observed};

/// How long after the last fault has healed something may still be open.
pub const QUIET_WITHIN: Duration = Duration::from_secs(60);

/// Whether a case in this phase has all its answers.
pub(in crate::chaos) fn says_settled(phase: &str) -> bool {
    let phase = phase.to_lowercase();
    let phase = phase.trim_start_matches("phase_");
    matches!(phase, "settled" | "finished" | "reversed")
}

pub(super) fn answered(observed: &Observed) -> Found {
    let mut found = Vec::new();
    for op in &observed.ops {
        for answer in op.oks() {
            let phase = answer["phase"].as_str().unwrap_or_default();
            let open = answer["open"].as_u64().unwrap_or_default();
            if says_settled(phase) && open > 0 {
                let case = &answer["case"];
                found.push((
                    Harm::Wrong,
                    format!("a client saw case {case} {phase} with {open} open questions"),
                ));
            }
        }
    }
    found.extend(stored(observed));
    found.extend(verified(observed, checks::ANSWER_RECEIPT, Harm::Wrong));
    found.extend(verified(observed, checks::SERVICE, Harm::Wrong));
    found
}

/// A case that says it is settled has an answer to every question of its latest fact, and each
/// answer is a receipt of the department that was asked.
fn stored(observed: &Observed) -> Found {
    let receipts: BTreeMap<Uuid, &str> = observed
        .events
        .iter()
        .filter(|event| event.envelope.topic == LIFE_EVENTS_RECEIPTS.name)
        .map(|event| (event.envelope.id, event.envelope.source.as_str()))
        .collect();
    let mut asked: BTreeSet<Uuid> = BTreeSet::new();
    let mut found = Vec::new();
    for question in &observed.tables.questions {
        let Some(case) = observed.tables.cases.get(&question.case) else {
            continue;
        };
        if question.fact_version != case.fact_version || !says_settled(&case.phase) {
            continue;
        }
        asked.insert(question.case);
        let about = format!(
            "case {} is {}, and {}/{}",
            question.case, case.phase, question.department, question.action
        );
        if question.state == "open" {
            found.push((Harm::Wrong, format!("{about} is open")));
            continue;
        }
        // The person's next episode asks anew.
        if question.state == "superseded" && overtaken(observed, case) {
            continue;
        }
        let by = question.receipt.and_then(|receipt| receipts.get(&receipt));
        if by.is_none_or(|by| *by != question.department) {
            found.push((
                Harm::Wrong,
                format!("{about} was answered by no receipt of its own"),
            ));
        }
    }
    let silent = observed
        .tables
        .cases
        .iter()
        .filter(|(id, case)| says_settled(&case.phase) && !asked.contains(id));
    found.extend(silent.map(|(id, case)| {
        (
            Harm::Wrong,
            format!("case {id} is {}, and nobody was asked", case.phase),
        )
    }));
    found
}

/// Whether a later case of the person has a later fact.
fn overtaken(observed: &Observed, case: &Case) -> bool {
    observed
        .tables
        .cases
        .values()
        .any(|other| other.person == case.person && other.fact_version > case.fact_version)
}

pub(super) fn nothing_open(observed: &Observed) -> Found {
    let mute = observed.mute.iter().cloned();
    let mut found: Found = mute.map(|text| (Harm::Wrong, text)).collect();
    let crashes = observed.crashes.iter().cloned();
    found.extend(crashes.map(|text| (Harm::Wrong, text)));
    found.extend(bewildered(observed));
    match observed.quiet_after {
        Some(after) if after <= QUIET_WITHIN => {}
        Some(after) => found.push((
            Harm::Wrong,
            format!("it took {} s until nothing was open", after.as_secs()),
        )),
        None => found.push((Harm::Wrong, "something stayed open to the end".to_owned())),
    }
    let parked = observed
        .api
        .dead_letters
        .iter()
        .filter(|(_, count)| **count > 0);
    found.extend(parked.map(|(service, count)| {
        (
            Harm::Wrong,
            format!("{count} events of {service} are parked or stopped"),
        )
    }));
    let open = observed.tables.questions.iter().filter(|question| {
        let case = observed.tables.cases.get(&question.case);
        question.state == "open"
            && case.is_some_and(|case| case.fact_version == question.fact_version)
    });
    found.extend(open.map(|question| {
        let text = format!(
            "{}/{} of case {} is open",
            question.department, question.action, question.case
        );
        (Harm::Wrong, text)
    }));
    found.extend(owners(observed));
    found.extend(unlived(observed));
    for waits in [
        checks::DEAD_LETTERS,
        checks::OUTBOX_AGE,
        checks::SUBSCRIPTION_LAG,
    ] {
        found.extend(verified(observed, waits, Harm::Wrong));
    }
    found
}

/// The platform's own INTERNAL: something happened that it has no name for. One without a reason is the client's library
/// about a broken connection.
fn bewildered(observed: &Observed) -> Found {
    let attempts = observed.ops.iter().flat_map(|op| {
        let attempts = op.attempts.iter();
        attempts.map(move |attempt| (op, &attempt.answer))
    });
    let internal =
        attempts.filter(|(_, answer)| answer["code"] == "Internal" && answer["reason"].is_string());
    internal
        .map(|(op, _)| {
            (
                Harm::Wrong,
                format!("operation {} was answered INTERNAL", op.deed.op),
            )
        })
        .collect()
}

/// A story that did not come to its end: it was refused what it had a right to, or nobody knows. Who refuses everything
/// loses nothing, either.
fn unlived(observed: &Observed) -> Found {
    let stories = observed.ops.iter().filter(|op| op.does() == "story");
    let unlived = stories.filter(|op| op.ok().is_none());
    unlived
        .map(|op| {
            let last = op.attempts.last();
            let reason = last.and_then(|last| last.answer["reason"].as_str());
            let text = format!(
                "story {} ended: {}",
                op.deed.op,
                reason.unwrap_or("without an answer to the end")
            );
            (Harm::Wrong, text)
        })
        .collect()
}

/// Whatever a case waits for has an owner, a beginning and advice.
fn owners(observed: &Observed) -> Found {
    let mut found = Vec::new();
    for case in observed.api.cases.values() {
        for waiting in &case.waiting {
            if waiting.on.is_empty() || waiting.since.is_none() || waiting.advice.is_empty() {
                found.push((
                    Harm::Wrong,
                    format!(
                        "case {} waits for {} and says not on whom",
                        case.id, waiting.what
                    ),
                ));
            }
        }
    }
    found
}
