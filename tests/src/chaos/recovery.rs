//! How soon what was broken worked again, by the clients' log.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::checkers::says_settled;
use super::history::{Kind, Op};
use super::nemesis::{SELDOM_COMMANDED, Struck};

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

/// What the clients' log tells of one recovery.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Recovery {
    /// So many milliseconds after the healing what was hit was seen to work.
    Seen(f64),
    /// For so many milliseconds it was not, until the next fault of that server or the end of the log.
    Unseen(f64),
    /// Nobody commands what was hit, or too seldom to tell when it worked again.
    Uncommanded,
}

/// By kind: how many, and how long until what it hit worked again. Untimed are those that nobody saw work again in time;
/// one of them has missed its goal where it was looked at for longer than that.
pub(super) fn faults(faults: &[Struck], ops: &[Op]) -> Value {
    let signs = Signs::of(ops);
    let mut kinds: BTreeMap<&str, Vec<Recovery>> = BTreeMap::new();
    for fault in faults {
        let took = kinds.entry(&fault.kind).or_default();
        if !fault.beside_another {
            took.push(signs.recovery_before(fault, next_of_server(fault, faults)));
        }
    }
    let counts = |kind: &str| faults.iter().filter(|fault| fault.kind == kind).count();
    let shown = kinds.iter().map(|(kind, alone)| {
        let seen = |recovery: &Recovery| match recovery {
            Recovery::Seen(took) => Some(*took),
            Recovery::Unseen(_) | Recovery::Uncommanded => None,
        };
        let mut took: Vec<f64> = alone.iter().filter_map(seen).collect();
        took.sort_by(f64::total_cmp);
        let missed = goal(kind).map(|goal| alone.iter().filter(|one| one.misses(goal)).count());
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

impl Recovery {
    fn misses(self, goal: f64) -> bool {
        match self {
            Self::Seen(for_ms) | Self::Unseen(for_ms) => for_ms > goal,
            Self::Uncommanded => false,
        }
    }
}

/// When the next fault of the same server began: a recovery that is seen later may be that one's.
fn next_of_server(fault: &Struck, faults: &[Struck]) -> f64 {
    let later = faults
        .iter()
        .filter(|later| later.injected > fault.injected && server(later) == server(fault));
    later
        .map(|later| later.injected)
        .fold(f64::INFINITY, f64::min)
}

/// What a fault concerns: Kafka and PostgreSQL with the ways to them, else its target.
fn server(fault: &Struck) -> &str {
    let servers = ["kafka", "postgres"].into_iter();
    let mut servers = servers.filter(|server| fault.kind.ends_with(server));
    servers.next().unwrap_or(&fault.target)
}

/// What the clients' log tells of a platform that works, each in the order of time.
struct Signs<'o> {
    /// Commands that succeeded: when, of which service, through which replica.
    commands: Vec<(f64, &'o str, usize)>,
    /// When a case was seen settled that had been seen waiting for answers: events go through.
    settlements: Vec<f64>,
    /// When the last answer came.
    last: f64,
}

impl<'o> Signs<'o> {
    fn of(ops: &'o [Op]) -> Self {
        let answered = |op: &'o Op| {
            let ok = op.attempts.iter().filter(|one| one.kind == Kind::Ok);
            ok.map(move |one| (one.ended.unwrap_or_default(), op, one))
        };
        let mut answers: Vec<_> = ops.iter().flat_map(answered).collect();
        answers.sort_by(|one, other| one.0.total_cmp(&other.0));
        let last = answers.last().map_or(0.0, |(at, ..)| *at);
        let mut waiting: BTreeSet<&str> = BTreeSet::new();
        let (mut commands, mut settlements) = (Vec::new(), Vec::new());
        for (at, op, attempt) in answers {
            if op.is_change() && op.what("service") != SELDOM_COMMANDED {
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
            last,
        }
    }

    /// What is seen of a recovery before `next`: for Kafka, and the ways to it, an event that went through; else a command
    /// of every service concerned, through the replica that was hit where it was one.
    fn recovery_before(&self, fault: &Struck, next: f64) -> Recovery {
        let seen = if fault.kind.ends_with("kafka") {
            let mut settlements = self.settlements.iter();
            settlements.find(|at| **at >= fault.healed).copied()
        } else {
            let is_commanded =
                |service: &&String| self.commands.iter().any(|(_, of, _)| of == service);
            let mut commanded = fault.services.iter().filter(is_commanded).peekable();
            if commanded.peek().is_none() {
                return Recovery::Uncommanded;
            }
            let all: Option<Vec<f64>> = commanded.map(|of| self.first(fault, of)).collect();
            all.and_then(|all| all.into_iter().max_by(f64::total_cmp))
        };
        match seen {
            Some(at) if at <= next => Recovery::Seen(at - fault.healed),
            _ => Recovery::Unseen(next.min(self.last) - fault.healed),
        }
    }

    /// When a service was first seen to carry out a command after a fault.
    fn first(&self, fault: &Struck, service: &str) -> Option<f64> {
        let from = self.commands.partition_point(|(at, ..)| *at < fault.healed);
        let found = self.commands[from..].iter().find(|(_, of, replica)| {
            *of == service && fault.replica.is_none_or(|hit| hit == *replica)
        });
        found.map(|(at, ..)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::history::{Attempt, Deed};

    const CASE: &str = "0193";

    /// A call that was answered at this moment, with the case in a phase; a change where it has an id.
    fn op(id: &str, ended: f64, phase: &str) -> Op {
        Op {
            deed: Deed {
                worker: 0,
                op: 0,
                id: id.to_owned(),
                what: json!({ "service": "life-events" }),
            },
            attempts: vec![Attempt {
                invoked: ended,
                ended: Some(ended),
                kind: Kind::Ok,
                replica: 1,
                answer: json!({ "case": CASE, "phase": phase }),
            }],
        }
    }

    fn fault(kind: &str, target: &str, injected: f64, healed: f64) -> Struck {
        Struck {
            kind: kind.to_owned(),
            target: target.to_owned(),
            services: vec![target.to_owned()],
            replica: None,
            injected,
            healed,
            note: String::new(),
            beside_another: false,
        }
    }

    /// A report at 100 ms, a command at 7 s, the case seen settled at 20 s.
    fn ops() -> [Op; 3] {
        [
            op("one", 100.0, "PHASE_NOTIFYING"),
            op("two", 7_000.0, "PHASE_NOTIFYING"),
            op("", 20_000.0, "PHASE_SETTLED"),
        ]
    }

    fn recovery(fault: &Struck, next: f64) -> Recovery {
        Signs::of(&ops()).recovery_before(fault, next)
    }

    #[test]
    fn kafka_works_when_a_case_settles_and_a_service_when_it_is_commanded() {
        let kafka = fault("kill kafka", "kafka", 0.0, 4_000.0);
        assert_eq!(recovery(&kafka, f64::INFINITY), Recovery::Seen(16_000.0));
        let service = fault("kill process", "life-events", 0.0, 4_000.0);
        assert_eq!(recovery(&service, f64::INFINITY), Recovery::Seen(3_000.0));
        let mute = fault("kill process", "child-welfare", 0.0, 4_000.0);
        assert_eq!(recovery(&mute, f64::INFINITY), Recovery::Uncommanded);
        let other = Struck {
            replica: Some(0),
            ..service
        };
        assert_eq!(
            recovery(&other, f64::INFINITY),
            Recovery::Unseen(16_000.0),
            "the other replica answered"
        );
    }

    #[test]
    fn what_is_seen_after_the_next_fault_is_not_this_ones() {
        let first = fault("kill kafka", "kafka", 0.0, 1_000.0);
        let faults = [
            first.clone(),
            fault("kill process", "life-events", 2_000.0, 2_000.0),
            fault("pause kafka", "kafka", 18_000.0, 19_000.0),
        ];
        assert_eq!(next_of_server(&first, &faults), 18_000.0);
        let told = super::faults(&faults, &ops());
        let of = |kind: &str, what: &str| told[kind][what].as_u64();
        assert_eq!(of("kill kafka", "timed"), Some(0));
        assert_eq!(of("kill kafka", "untimed"), Some(1));
        assert_eq!(
            of("kill kafka", "goal_missed"),
            Some(1),
            "for 17 s nobody saw it work, and 15 are allowed"
        );
        assert_eq!(of("pause kafka", "timed"), Some(1));
        assert_eq!(of("kill process", "goal_missed"), Some(1), "5 s");
    }
}
