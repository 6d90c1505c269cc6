//! What a run came to, for people and as JSON.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::checkers::{CHECKERS, Check, Harm, Violation};
use super::history::{Kind, Op};
use super::recovery::faults;
use super::run::{Order, Outcome};

/// Violations of one checker that are told in full.
const TOLD: usize = 20;

/// The summary as JSON.
pub fn to_json(order: &Order, outcome: &Outcome) -> Value {
    let harm = |harm: Harm| {
        let of = outcome.violations.iter().filter(|one| one.harm == harm);
        of.count()
    };
    let quiet = match &outcome.quiet {
        Ok(after) => json!(after.as_secs_f64()),
        Err(open) => json!(open),
    };
    json!({
        "seed": order.seed,
        "deployment": order.kind.name(),
        "replicas": order.replicas,
        "consumers": format!("{:?}", order.members()),
        "workers": order.workers,
        "rate": order.rate,
        "minutes": order.time.as_secs_f64() / 60.0,
        "worked_s": outcome.worked.as_secs_f64(),
        "operations": operations(&outcome.ops),
        "faults": faults(&outcome.faults, &outcome.ops),
        "faults_total": outcome.faults.len(),
        "faults_beside_another": outcome.faults.iter().filter(|one| one.beside_another).count(),
        "failpoints_unreached": outcome.unreached,
        "lost": harm(Harm::Lost),
        "doubled": harm(Harm::Doubled),
        "wrong": harm(Harm::Wrong),
        "quiet_after_s": quiet,
        "checkers": checkers(&outcome.violations),
        "replay": replay(order),
    })
}

/// The command that does the same again.
pub fn replay(order: &Order) -> String {
    let faults = if order.faults { "" } else { " --no-faults" };
    format!(
        "cargo xtask chaos --minutes {} --seed {} --deployment {} --replicas {} --workers {} --rate {}{faults}",
        order.time.as_secs_f64() / 60.0,
        order.seed,
        order.kind.name(),
        order.replicas,
        order.workers,
        order.rate
    )
}

fn operations(ops: &[Op]) -> Value {
    let real = || ops.iter().filter(|op| op.does() != "story");
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    let mut refusals: BTreeMap<&str, usize> = BTreeMap::new();
    let mut open: BTreeMap<String, usize> = BTreeMap::new();
    let mut attempts = 0;
    for op in real() {
        *kinds.entry(op.does()).or_default() += 1;
        attempts += op.attempts.len();
        for attempt in &op.attempts {
            if attempt.kind == Kind::Fail {
                let reason = attempt.answer["reason"].as_str().unwrap_or_default();
                *refusals.entry(reason).or_default() += 1;
            }
            if attempt.kind == Kind::Unknown {
                let code = attempt.answer["code"].as_str().unwrap_or("no answer");
                *open.entry(code.to_owned()).or_default() += 1;
            }
        }
    }
    let stories = ops.iter().filter(|op| op.does() == "story");
    let mut ended: BTreeMap<String, usize> = BTreeMap::new();
    for story in stories {
        let last = story.attempts.last();
        let word = match last.map(|attempt| attempt.kind) {
            Some(Kind::Ok) => "lived to the end".to_owned(),
            Some(Kind::Fail) => {
                let reason = last.and_then(|attempt| attempt.answer["reason"].as_str());
                format!("refused: {}", reason.unwrap_or_default())
            }
            _ => "not ended".to_owned(),
        };
        *ended.entry(word).or_default() += 1;
    }
    json!({
        "total": real().count(),
        "changes": real().filter(|op| op.is_change()).count(),
        "acknowledged": real().filter(|op| op.ok().is_some()).count(),
        "refused": real().filter(|op| op.is_refused()).count(),
        "unknown_to_the_end": real().filter(|op| op.is_unknown()).count(),
        "attempts": attempts,
        "by_kind": kinds,
        "refusals": refusals,
        "attempts_without_answer": open,
        "stories": ended,
    })
}

fn checkers(violations: &[Violation]) -> Value {
    let shown = CHECKERS.iter().map(|checker| {
        let of: Vec<&str> = violations
            .iter()
            .filter(|one| one.checker == checker.number)
            .map(|one| one.text.as_str())
            .collect();
        let verdict = match checker.check {
            Check::NotYet(why) => format!("not applicable yet: {why}"),
            Check::Looks(_) if of.is_empty() => "holds".to_owned(),
            Check::Looks(_) => format!("{} violations", of.len()),
        };
        json!({
            "number": checker.number,
            "name": checker.name,
            "verdict": verdict,
            "violations": of.iter().take(TOLD).collect::<Vec<_>>(),
        })
    });
    Value::Array(shown.collect())
}

/// What there is to say of the recoveries of one kind.
fn timed(fault: &Value) -> String {
    let untimed = match fault["untimed"].as_u64() {
        Some(0) | None => String::new(),
        Some(count) => format!("; untimed alone {count}"),
    };
    let recovery = |name: &str| fault["recovery_ms"][name].as_f64();
    let (Some(median), Some(last)) = (recovery("median"), recovery("max")) else {
        return untimed;
    };
    let goal = match fault["goal_ms"].as_f64() {
        Some(goal) => format!(", later than {goal:.0} ms: {}", fault["goal_missed"]),
        None => String::new(),
    };
    format!(
        "; timed alone {}, worked again after {median:.0} ms (median), {last:.0} ms (longest){goal}{untimed}",
        fault["timed"]
    )
}

/// The summary in lines for people.
pub fn to_lines(summary: &Value) -> Vec<String> {
    let operations = &summary["operations"];
    let mut lines = vec![
        format!(
            "{} with {} replicas, consumers {}, seed {}: {} minutes, {} clients, at most {} operations a second",
            summary["deployment"],
            summary["replicas"],
            summary["consumers"],
            summary["seed"],
            summary["minutes"],
            summary["workers"],
            summary["rate"]
        ),
        format!(
            "operations {}, of which changes {}; acknowledged {}, refused {}, unknown to the end {}; attempts {}",
            operations["total"],
            operations["changes"],
            operations["acknowledged"],
            operations["refused"],
            operations["unknown_to_the_end"],
            operations["attempts"]
        ),
        format!("stories {}", operations["stories"]),
        format!("refusals {}", operations["refusals"]),
        format!(
            "attempts without an answer {}",
            operations["attempts_without_answer"]
        ),
        format!(
            "faults {}, of which {} beside another",
            summary["faults_total"], summary["faults_beside_another"]
        ),
    ];
    for (kind, fault) in summary["faults"].as_object().into_iter().flatten() {
        lines.push(format!("  {kind}: {}{}", fault["count"], timed(fault)));
    }
    let unreached = summary["failpoints_unreached"].as_array();
    for place in unreached.into_iter().flatten() {
        lines.push(format!("failpoint {place} was never reached"));
    }
    for checker in summary["checkers"].as_array().into_iter().flatten() {
        let verdict = checker["verdict"].as_str().unwrap_or_default();
        let name = checker["name"].as_str().unwrap_or_default();
        lines.push(format!("{:>2} {name}: {verdict}", checker["number"]));
        for violation in checker["violations"].as_array().into_iter().flatten() {
            lines.push(format!("     {}", violation.as_str().unwrap_or_default()));
        }
    }
    lines.push(format!(
        "lost {}, doubled {}, wrong {}; quiet after {} s",
        summary["lost"], summary["doubled"], summary["wrong"], summary["quiet_after_s"]
    ));
    lines
}
