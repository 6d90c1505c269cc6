//! How soon what was broken worked again, by the clients' log.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::checkers::says_settled;
use super::history::{Kind, Op};
use super::nemesis::Struck;

/// What is asked of a recovery (reliability §1), in milliseconds.
fn goal(kind: &str) -> Option<f64> {
    match kind {
        "kill postgres" => Some(10_000.0),
        "kill kafka" => Some(15_000.0),
        process if process.starts_with("kill process") || process.starts_with("failpoint") => {
            Some(1_000.0)
        }
        _ => None,
    }
}

/// By kind: how many, and how long until what it hit worked again. Untimed are those that nobody saw work again, as of a
/// service that no client commands, or not before the next of the kind.
pub(super) fn faults(faults: &[Struck], ops: &[Op]) -> Value {
    let signs = Signs::of(ops);
    let mut kinds: BTreeMap<&str, Vec<Option<f64>>> = BTreeMap::new();
    for fault in faults {
        let took = kinds.entry(&fault.kind).or_default();
        if !fault.beside_another {
            let recovered = signs.recovery(fault);
            took.push(recovered.filter(|took| fault.healed + took <= next_like(fault, faults)));
        }
    }
    let counts = |kind: &str| faults.iter().filter(|fault| fault.kind == kind).count();
    let shown = kinds.iter().map(|(kind, alone)| {
        let mut took: Vec<f64> = alone.iter().flatten().copied().collect();
        took.sort_by(f64::total_cmp);
        let missed = goal(kind).map(|goal| took.iter().filter(|took| **took > goal).count());
        let shown = json!({
            "count": counts(kind),
            "timed": took.len(),
            "untimed": alone.len() - took.len(),
            "recovery_ms": { "median": took.get(took.len() / 2), "max": took.last() },
            "goal_ms": goal(kind),
            "goal_missed": missed,
        });
        ((*kind).to_owned(), shown)
    });
    Value::Object(shown.collect())
}

/// When the next fault of the same server began: a recovery that is seen later may be that one's.
fn next_like(fault: &Struck, faults: &[Struck]) -> f64 {
    let concerns_kafka = |fault: &Struck| fault.kind.ends_with("kafka");
    let later = faults.iter().filter(|later| {
        later.injected > fault.injected && concerns_kafka(later) && concerns_kafka(fault)
    });
    later
        .map(|later| later.injected)
        .fold(f64::INFINITY, f64::min)
}

/// What the clients' log tells of a platform that works, each in the order of time.
struct Signs<'o> {
    /// Commands that succeeded: when, of which service, through which replica.
    commands: Vec<(f64, &'o str, usize)>,
    /// When a case was seen settled that had been seen waiting for answers: events go through.
    settlements: Vec<f64>,
}

impl<'o> Signs<'o> {
    fn of(ops: &'o [Op]) -> Self {
        let answered = |op: &'o Op| {
            let ok = op.attempts.iter().filter(|one| one.kind == Kind::Ok);
            ok.map(move |one| (one.ended.unwrap_or_default(), op, one))
        };
        let mut answers: Vec<_> = ops.iter().flat_map(answered).collect();
        answers.sort_by(|one, other| one.0.total_cmp(&other.0));
        let mut waiting: BTreeSet<&str> = BTreeSet::new();
        let (mut commands, mut settlements) = (Vec::new(), Vec::new());
        for (at, op, attempt) in answers {
            if op.is_change() {
                commands.push((at, op.what("service"), attempt.replica));
            }
            let Some(case) = attempt.answer["case"].as_str() else {
                continue;
            };
            let phase = attempt.answer["phase"].as_str().unwrap_or_default();
            if !says_settled(phase) {
                waiting.insert(case);
            } else if waiting.remove(case) {
                settlements.push(at);
            }
        }
        Self {
            commands,
            settlements,
        }
    }

    /// Milliseconds from the healing until what was hit was seen to work: for Kafka, and the ways to it, an event that went
    /// through; else a command of every service concerned, through the replica that was hit where it was one. Nothing if
    /// that was never seen, as of a service to which the clients send no commands.
    fn recovery(&self, fault: &Struck) -> Option<f64> {
        if fault.kind.ends_with("kafka") {
            let first = self.settlements.iter().find(|at| **at >= fault.healed);
            return first.map(|at| at - fault.healed);
        }
        let from = self.commands.partition_point(|(at, ..)| *at < fault.healed);
        let first = |service: &String| {
            let found = self.commands[from..].iter().find(|(_, of, replica)| {
                of == service && fault.replica.is_none_or(|hit| hit == *replica)
            });
            found.map(|(at, ..)| at - fault.healed)
        };
        let is_commanded = |service: &&String| self.commands.iter().any(|(_, of, _)| of == service);
        let commanded = fault.services.iter().filter(is_commanded);
        let all: Option<Vec<f64>> = commanded.map(first).collect();
        all?.into_iter().max_by(f64::total_cmp)
    }
}
